"""Rate and momentum of SGD stand in each other's place.

**What it sees.** `SGD(params, 0.9, 0.01)`: positional numbers of which the first looks like a
momentum and the second like a rate.

**Why it matters.** SGD takes the rate first. This trains at a rate of 0.9 with a momentum of 0.01,
90 times the rate that was meant, or 9 times as much when the momentum's own tenfold is counted in.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), 0.9, 0.01)
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
```

**Silent** about keywords and about other pairs of numbers.
"""

from collections.abc import Iterator

from etude.linter.facts import Facts, number
from etude.linter.record import Remark
from etude.linter.rule import decimal, warning

CODE = "LR111"
NAME = "swapped-positions"
_MOMENTUM = (0.8, 1.0)
_RATE = (0.0, 0.3)


def check(facts: Facts) -> Iterator[Remark]:
    """Look at SGD's positional numbers."""
    for optimizer in facts.optimizers:
        lr, momentum = number(optimizer, "lr"), number(optimizer, "momentum")
        positional = len(optimizer.node.args) > 2  # noqa: PLR2004 - params, lr, momentum
        if optimizer.short != "SGD" or not positional or lr is None or momentum is None:
            continue
        if _MOMENTUM[0] <= lr < _MOMENTUM[1] and _RATE[0] < momentum <= _RATE[1]:
            yield warning(
                CODE,
                optimizer.node,
                f"SGD takes lr, then momentum: this is a rate of {decimal(lr)} and a momentum of "
                f"{decimal(momentum)}",
                f"name them: lr={decimal(momentum)}, momentum={decimal(lr)}",
            )
