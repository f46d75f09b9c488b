"""A decay that is meant per epoch is applied with every batch.

**What it sees.** ExponentialLR or StepLR with constant settings, stepped once per batch in a loop
over epochs, that leave next to nothing of the rate after 50 batches an epoch.

**Why it matters.** 0.95 per epoch leaves 21 % of the rate after 30 epochs; per batch it leaves 0.6
% after 100 batches and nothing after 500: training stops in the first epoch and nothing says so. On
the line y = 2x, Adam at 0.001 with a factor of 0.95 per update can move a weight by 0.02 in all,
and stalls at a loss of 14.3 from 14.8.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
for epoch in range(30):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
        scheduler.step()
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
for epoch in range(30):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
```

**Silent** where the factor is not a constant (`gamma ** (1 / len(loader))` is the other cure),
where the loader is known to be shorter, and without a loop over epochs. An error below a millionth
of the rate, a warning below a hundredth.
"""

from collections.abc import Iterator

from etude.linter.facts import Facts, Per, Rhythm, number
from etude.linter.rates import multiplier
from etude.linter.record import Remark
from etude.linter.rule import decimal, error, warning
from etude.linter.values import Thing

CODE = "LR120"
NAME = "decay-per-batch"
BATCHES = 50
"""Batches of an epoch whose number is unknown: fewer than most."""
EPOCHS = 10
"""Epochs of a training whose number is unknown."""
NOTHING, LITTLE = 1e-6, 1e-2
_NIL = 1e-12


def check(facts: Facts) -> Iterator[Remark]:
    """Ask étude's schedules what is left of the rate."""
    for scheduler in facts.schedulers:
        rhythm = facts.rhythm(scheduler)
        if rhythm is None or rhythm.per is not Per.BATCH or not scheduler.complete:
            continue
        if scheduler.short not in {"ExponentialLR", "StepLR"} or rhythm.loop.parent is None:
            continue
        updates = _updates(rhythm)
        left = multiplier(scheduler, updates) if _falls(scheduler) else None
        if left is None or left > LITTLE:
            continue
        say = error if left < NOTHING else warning
        yield say(CODE, scheduler.node, _message(scheduler, updates, left), _REMEDY)


_REMEDY = (
    "call step() once per epoch, outside the loop over batches, or use gamma ** (1 / len(loader))"
)


def _falls(scheduler: Thing) -> bool:
    gamma = number(scheduler, "gamma", 0.1)
    return gamma is not None and 0 < gamma < 1


def _updates(rhythm: Rhythm) -> int:
    epochs = None if rhythm.epochs is None else rhythm.epochs.value
    batches = None if rhythm.batches is None else rhythm.batches.value
    return int((epochs or EPOCHS) * (batches or BATCHES))


def _message(scheduler: Thing, updates: int, left: float) -> str:
    one = multiplier(scheduler, 100)
    return (
        f"{scheduler} decays with every batch: of the rate {_share(one or 0)} is left after 100 "
        f"batches, and {_share(left)} after {updates:,}"
    )


def _share(left: float) -> str:
    return f"{decimal(100 * left)} %" if left > _NIL else "nothing"
