"""A scheduler is built after the optimizer's state was loaded.

**What it sees.** `optimizer.load_state_dict(...)`, then the scheduler is built, then its state is
loaded.

**Why it matters.** torch's constructors write the optimizer's rate, and the recursive schedulers go
on from what they find: on torch 2.13 LinearLR, ConstantLR, SequentialLR and ChainedScheduler are
wrong in every later step (LinearLR(0.1) runs on at a tenth of the rate, for ever), LambdaLR,
CyclicLR, OneCycleLR and CosineAnnealingWarmRestarts in the first.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
optimizer.load_state_dict(saved["optimizer"])
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=10)
scheduler.load_state_dict(saved["scheduler"])
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=10)
optimizer.load_state_dict(saved["optimizer"])
scheduler.load_state_dict(saved["scheduler"])
```

**Silent** about schedulers that no order harms (StepLR, MultiStepLR, ExponentialLR,
CosineAnnealingLR) and about `etude.Scheduler`, whose state is the number of updates.
"""

from collections.abc import Iterator

from etude.linter.facts import Facts, line_of, optimizer_of
from etude.linter.record import Remark
from etude.linter.rule import error, warning

CODE = "LR126"
NAME = "resume-order"
_FOR_EVER = frozenset({"LinearLR", "ConstantLR", "SequentialLR", "ChainedScheduler"})
_ONCE = frozenset({"LambdaLR", "CyclicLR", "OneCycleLR", "CosineAnnealingWarmRestarts"})


def check(facts: Facts) -> Iterator[Remark]:
    """Compare the order of loading and building."""
    for scheduler in facts.schedulers:
        optimizer = optimizer_of(scheduler)
        if optimizer is None or scheduler.short not in _FOR_EVER | _ONCE:
            continue
        before = [
            each for each in facts.of(optimizer, "load_state_dict") if each.index < scheduler.index
        ]
        after = [
            each for each in facts.of(scheduler, "load_state_dict") if each.index >= scheduler.index
        ]
        if before and after:
            for_ever = scheduler.short in _FOR_EVER
            say = error if for_ever else warning
            which = "every later step" if for_ever else "the first step"
            yield say(
                CODE,
                scheduler.node,
                f"{scheduler} is built after the optimizer's state was loaded (line "
                f"{line_of(before[-1].node)}), whose rate it overwrites: {which} has a wrong rate",
                "build the scheduler first, then load both states",
            )
