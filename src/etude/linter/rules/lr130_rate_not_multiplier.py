"""A LambdaLR is given a rate where it asks for a multiplier.

**What it sees.** The function of LambdaLR returns a product in which the optimizer's own rate
stands, `base_lr * 0.97**epoch` beside `lr=base_lr`, or a sum of such products; where it is divided
by that rate again, it is a multiplier.

**Why it matters.** LambdaLR multiplies the optimizer's rate by what its function gives. At a rate
of 0.1 training begins at 0.1 x 0.1 = 0.01; at 0.001 it begins at a millionth, which is a thousandth
of what was meant, and nothing says so.

```python
import torch

base_lr = 0.1
optimizer = torch.optim.SGD(model.parameters(), lr=base_lr)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: base_lr * 0.97**epoch)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
```

```python
import torch

base_lr = 0.1
optimizer = torch.optim.SGD(model.parameters(), lr=base_lr)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.97**epoch)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
```

**Silent** where the rate is 1, where it is written as a number, and where the function is not in
the file.
"""

import ast
from collections.abc import Iterator, Mapping

from etude.linter.facts import Facts, number, optimizer_of
from etude.linter.record import Remark
from etude.linter.rule import decimal, error
from etude.linter.values import Function, Thing

CODE = "LR130"
NAME = "rate-not-multiplier"


def check(facts: Facts) -> Iterator[Remark]:
    """Ask of each function how often the optimizer's rate is a factor of what it returns."""
    for scheduler in facts.schedulers:
        function, optimizer = scheduler.arguments.get("lr_lambda"), optimizer_of(scheduler)
        if not isinstance(function, Function) or optimizer is None:
            continue
        rate, lr = _rate(optimizer), number(optimizer, "lr")
        if rate and lr != 1 and 1 in _degrees(function.node, rate):
            yield error(
                CODE,
                scheduler.nodes["lr_lambda"],
                f"LambdaLR multiplies the optimizer's rate by what this gives, and `{rate}` is in "
                f"it already: {_outcome(lr)}",
                f"leave `{rate}` out, or divide by it",
            )


def _outcome(lr: float | None) -> str:
    if lr is None:
        return "the rate becomes the square of what is meant"
    return f"where {decimal(lr)} is meant, the rate is {decimal(lr * lr)}"


def _rate(optimizer: Thing) -> str:
    """Give the name under which an optimizer got its rate."""
    node = optimizer.nodes.get("lr")
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _degrees(node: ast.AST, rate: str) -> set[int]:
    """Give the powers of the rate in what a function may return."""
    if isinstance(node, ast.Lambda):
        own = {each.arg for each in node.args.args}
        return set() if rate in own else {_degree(node.body, {rate: 1})}
    if not isinstance(node, ast.FunctionDef) or rate in {each.arg for each in node.args.args}:
        return set()
    known = {rate: 1}
    found: set[int] = set()
    for part in _statements(node.body):
        if isinstance(part, ast.Return) and part.value is not None:
            found.add(_degree(part.value, known))
        elif isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            known[part.targets[0].id] = _degree(part.value, known)
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give statements and those inside them, in the order of the text; not of inner functions."""
    for statement in body:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            for name in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, name, []))


def _degree(node: ast.expr, known: Mapping[str, int]) -> int:
    """Give the power with which the rate stands in an expression, as of a unit."""
    if isinstance(node, ast.Name | ast.Attribute):
        return known.get(ast.unparse(node), 0)
    if isinstance(node, ast.UnaryOp):
        return _degree(node.operand, known)
    if isinstance(node, ast.IfExp):
        return max(_degree(node.body, known), _degree(node.orelse, known))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        same = node.func.id in {"max", "min", "float", "abs"}
        return max((_degree(each, known) for each in node.args), default=0) if same else 0
    if isinstance(node, ast.BinOp):
        return _combined(node.op, _degree(node.left, known), _degree(node.right, known))
    return 0


def _combined(op: ast.operator, left: int, right: int) -> int:
    if isinstance(op, ast.Mult):
        return left + right
    if isinstance(op, ast.Div | ast.FloorDiv):
        return left - right
    return max(left, right) if isinstance(op, ast.Add | ast.Sub) else 0
