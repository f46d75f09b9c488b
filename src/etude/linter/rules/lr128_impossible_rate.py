"""A learning rate that is no positive finite number.

**What it sees.** A constant rate that is negative, zero, nan, infinite or a string.

**Why it matters.** torch raises ValueError for a negative one and TypeError for a string (a rate
read from a file, most often). Zero, nan and infinity it takes without a word: nothing is trained,
or the weights are nan after one update.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr="0.01")
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
```

**Silent** about a rate of 0 that a scheduler sets (LambdaLR, OneCycleLR, CyclicLR) or that the file
writes into `param_groups`.
"""

import ast
import math
from collections.abc import Iterator

from etude.linter.catalogue import SETTERS
from etude.linter.facts import Facts, number, optimizer_of
from etude.linter.record import Remark
from etude.linter.rule import error, warning
from etude.linter.values import Plain, Thing

CODE = "LR128"
NAME = "impossible-rate"


def check(facts: Facts) -> Iterator[Remark]:
    """Look at each optimizer's rate."""
    for optimizer in facts.optimizers:
        node = optimizer.nodes.get("lr")
        said = "" if node is None else _wrong(optimizer, node)
        if node is not None and said:
            yield error(CODE, node, said, "give a positive number, such as lr=1e-3")
        elif node is not None and number(optimizer, "lr") == 0 and not _set_later(facts, optimizer):
            yield warning(
                CODE,
                node,
                "lr=0 is accepted and trains nothing",
                "give a positive number, such as lr=1e-3",
            )


def _wrong(optimizer: Thing, node: ast.expr) -> str:
    value, lr = optimizer.arguments["lr"], number(optimizer, "lr")
    if isinstance(value, Plain) and isinstance(value.value, str):
        return f"lr={value.value!r} is a string: this line raises TypeError"
    if lr is not None and lr < 0:
        return f"lr={lr:g} is negative: this line raises ValueError"
    named = ast.unparse(node)
    if named in {"float('nan')", "float('inf')", "math.nan", "math.inf", "torch.inf", "np.inf"}:
        return f"lr={named} is accepted, and the weights are not finite after one update"
    return "" if lr is None or math.isfinite(lr) else f"lr={lr} is not finite"


def _set_later(facts: Facts, optimizer: Thing) -> bool:
    steered = any(
        each.short in SETTERS and optimizer_of(each) in {optimizer, None}
        for each in facts.schedulers
    )
    return steered or optimizer.escaped or "param_groups" in facts.source
