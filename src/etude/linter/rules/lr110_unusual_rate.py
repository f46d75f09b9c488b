"""A constant learning rate is far from what its optimizer is used with.

**What it sees.** SGD at 1 or more, Adam and its kin at 0.01 or more, anything below 1e-7, where the
rate is a constant in the code.

**Why it matters.** It may be right: on a digits network SGD at 1.0 was the best of a sweep (96.9 %)
and Adam at 0.01 did as well as at 0.001 (97.0 %). The same rates fail elsewhere: momentum SGD at
0.3 and Adam at 0.3 end at chance there, and on the line y = 2x plain SGD diverges from 0.181 on.
So this is a hint: measure, with `etude find train.py:task`.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
```

**Silent** about optimizers whose rates mean something else (LBFGS, Adafactor, Muon, Rprop and those
of other packages) and where a scheduler sets the rate itself (LambdaLR, OneCycleLR, CyclicLR).
"""

from collections.abc import Iterator

from etude.linter.catalogue import ADAMS, SETTERS
from etude.linter.facts import Facts, number, optimizer_of
from etude.linter.record import Remark
from etude.linter.rule import decimal, hint

CODE = "LR110"
NAME = "unusual-rate"
_HIGH = {"SGD": 1.0, **dict.fromkeys(ADAMS, 0.01)}
_LOW = 1e-7


def check(facts: Facts) -> Iterator[Remark]:
    """Compare constant rates with the usual ones."""
    steered = {
        id(optimizer_of(each))
        for each in facts.schedulers
        if each.short in SETTERS or each.full.startswith("transformers")
    }
    for optimizer in facts.optimizers:
        high, lr = _HIGH.get(optimizer.short), number(optimizer, "lr")
        if high is None or lr is None or id(optimizer) in steered or "lr" not in optimizer.nodes:
            continue
        if lr >= high or 0 < lr < _LOW:
            side = "high" if lr >= high else "low"
            yield hint(
                CODE,
                optimizer.nodes["lr"],
                f"lr={decimal(lr)} is unusually {side} for {optimizer.short}",
                "look where training fails: etude find train.py:task",
            )
