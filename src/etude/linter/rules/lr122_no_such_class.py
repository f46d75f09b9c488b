"""An optimizer or scheduler that torch does not have.

**What it sees.** A name of `torch.optim` or `torch.optim.lr_scheduler` that exists in no version
and that tutorials invent (`WarmUpLR`), or an existing one in wrong case (`CosineAnnealingLr`); also
`WarmUpLR(optimizer, ...)` where nothing in the file defines it.

**Why it matters.** ImportError, AttributeError or NameError. torch has no warm-up class: a warm-up
is `LinearLR` (from a third of the rate unless told otherwise), put before the rest by
`SequentialLR`, or a `LambdaLR`.

```python
from torch.optim.lr_scheduler import WarmUpLR

scheduler = WarmUpLR(optimizer, warmup_steps=500)
```

```python
from torch.optim.lr_scheduler import LinearLR

scheduler = LinearLR(optimizer, start_factor=0.01, total_iters=500)
```

**Silent** about other unknown names, which a later torch may have, and about other modules.
"""

import ast
import re
from collections.abc import Iterator

from etude.linter.catalogue import OPTIMIZERS, SCHEDULERS, TORCH_LR
from etude.linter.facts import Facts
from etude.linter.record import Remark
from etude.linter.rule import error
from etude.linter.values import Name

CODE = "LR122"
NAME = "no-such-class"
_INVENTED = re.compile(r"^(Linear|Cosine|Gradual|Cosine(Annealing)?)?warm_?up\w*$", re.IGNORECASE)
_ELSEWHERE = {
    "Lion": "it is in packages of its own",
    "LAMB": "it is in packages of its own",
    "LARS": "it is in packages of its own",
    "AdaBelief": "it is in packages of its own",
    "CosineLR": "torch's is CosineAnnealingLR",
    "CosineDecay": "torch's is CosineAnnealingLR",
    "CosineDecayLR": "torch's is CosineAnnealingLR",
    "ExponentialDecay": "torch's is ExponentialLR",
    "CosineAnnealingWarmupRestarts": "torch's is CosineAnnealingWarmRestarts, without warm-up",
    "ReduceOnPlateau": "torch's is ReduceLROnPlateau",
    "NoamLR": "write it as a LambdaLR",
    "PolyLR": "torch's is PolynomialLR",
}
_WARMUP = "a warm-up is LinearLR, put before the rest by SequentialLR"
_RIGHT = {name.lower(): name for name in (*OPTIMIZERS, *SCHEDULERS)}


def check(facts: Facts) -> Iterator[Remark]:
    """Look at imports, attributes and calls."""
    for node in facts.nodes_of(ast.ImportFrom):
        if node.module in {"torch.optim", TORCH_LR}:
            for alias in node.names:
                yield from _check(alias, alias.name, node.module)
    for event in facts.named("call"):
        target = event.target
        if isinstance(target, Name):
            yield from _called(facts, event.node, target.full)


def _called(facts: Facts, node: ast.Call, full: str) -> Iterator[Remark]:
    module, _, name = full.rpartition(".")
    if module in {"torch.optim", TORCH_LR} and isinstance(node.func, ast.Attribute):
        yield from _check(node.func, name, module)
    elif not module and re.fullmatch(r"warm_?up_?lr(scheduler)?", name, re.IGNORECASE):
        starred = re.search(r"from\s+\S+\s+import\s+\*", facts.source)
        if not starred and isinstance(node.func, ast.Name):
            yield error(
                CODE,
                node,
                f"{name} is not defined here, and torch has no such class: this raises NameError",
                _WARMUP,
            )


def _check(node: ast.AST, name: str, module: str) -> Iterator[Remark]:
    said = _instead(name)
    if said:
        yield error(
            CODE,
            node,
            f"{module} has no {name}: this line raises {_raised(node)}",
            said,
        )


def _raised(node: ast.AST) -> str:
    return "ImportError" if isinstance(node, ast.alias) else "AttributeError"


def _instead(name: str) -> str:
    if name in OPTIMIZERS or name in SCHEDULERS:
        return ""
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    right = _RIGHT.get(name.lower())
    if right is not None and name != name.lower():
        return f"write {right}"
    return _WARMUP if _INVENTED.match(name) and name != name.lower() else ""
