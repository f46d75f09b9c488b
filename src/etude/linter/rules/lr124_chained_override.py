"""A ChainedScheduler in which a later scheduler undoes the earlier ones.

**What it sees.** LambdaLR, OneCycleLR, CyclicLR or CosineAnnealingWarmRestarts behind another
scheduler in one ChainedScheduler.

**Why it matters.** These set the rate instead of multiplying the one they find. In
`ChainedScheduler([ExponentialLR(optimizer, 0.5), LambdaLR(optimizer, lambda t: 1.0)])` the rate
stays at 1.0 for ever on torch 2.13: the decay has no effect.

```python
from torch.optim.lr_scheduler import ChainedScheduler, ExponentialLR, LambdaLR

scheduler = ChainedScheduler([ExponentialLR(optimizer, 0.9), LambdaLR(optimizer, warmup)])
```

```python
from torch.optim.lr_scheduler import ChainedScheduler, ExponentialLR, LambdaLR

scheduler = ChainedScheduler([LambdaLR(optimizer, lambda t: warmup(t) * 0.9**t)])
```

**Silent** about those at the first place, and about MultiplicativeLR, which multiplies.
`etude.compat.lr_scheduler.ChainedScheduler` multiplies them all.
"""

from collections.abc import Iterator

from etude.linter.catalogue import SETTERS
from etude.linter.facts import Facts, parts_of
from etude.linter.record import Remark
from etude.linter.rule import error

CODE = "LR124"
NAME = "chained-override"


def check(facts: Facts) -> Iterator[Remark]:
    """Look at the order in each chain."""
    for chain in facts.schedulers:
        if chain.short != "ChainedScheduler":
            continue
        parts = parts_of(chain)
        for part in parts[1:]:
            if part.short in SETTERS:
                before = ", ".join(each.short for each in parts[: parts.index(part)])
                yield error(
                    CODE,
                    chain.node,
                    f"{part.short} sets the rate anew at every step, so that {before} before it "
                    "has no effect",
                    "write the product as one LambdaLR, or use etude.compat.lr_scheduler",
                )
                break
