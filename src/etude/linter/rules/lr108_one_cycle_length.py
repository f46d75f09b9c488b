"""OneCycleLR has no length, or another one than the training has.

**What it sees.** Neither `total_steps` nor `epochs` with `steps_per_epoch`; or a length that is not
the number of `step()` calls, where both can be compared: constants, `epochs * len(loader)`, and
accumulation.

**Why it matters.** Without a length it raises ValueError at once. With too short a one it raises
ValueError ("Tried to step 301 times") in the middle of the training. torch takes one step more than
it should before: with linear annealing and 10 steps that one has a negative rate, -0.143 for a peak
of 1. With too long a one training ends before the rate has fallen, which is what one-cycle is for.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.1, epochs=10, steps_per_epoch=len(loader)
)
for epoch in range(30):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
        scheduler.step()
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.1, epochs=30, steps_per_epoch=len(loader)
)
for epoch in range(30):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
        scheduler.step()
```

**Silent** where either number is unknown or holds names that the other does not.
"""

from collections.abc import Iterator

from etude.linter.algebra import Number
from etude.linter.facts import Facts, Per, Rhythm
from etude.linter.record import Remark
from etude.linter.rule import error, warning
from etude.linter.values import Plain, Thing, as_number, shown

CODE = "LR108"
NAME = "one-cycle-length"
_NEARLY = 0.9
_ROUNDING = 1.001


def check(facts: Facts) -> Iterator[Remark]:
    """Compare each one-cycle's length with the number of its steps."""
    for scheduler in facts.schedulers:
        if scheduler.short != "OneCycleLR" or not scheduler.complete:
            continue
        if not _has_length(scheduler):
            yield error(
                CODE,
                scheduler.node,
                "OneCycleLR must know its length: this line raises ValueError",
                "pass total_steps, or epochs and steps_per_epoch",
            )
            continue
        rhythm = facts.rhythm(scheduler)
        if rhythm is not None:
            yield from _compare(scheduler, rhythm)


def _has_length(scheduler: Thing) -> bool:
    given = {name for name, value in scheduler.arguments.items() if value != Plain(None)}
    return "total_steps" in given or {"epochs", "steps_per_epoch"} <= given


def length(scheduler: Thing) -> Number | None:
    """Give the length that a OneCycleLR was built with."""
    total = as_number(scheduler.arguments.get("total_steps"))
    if total is not None:
        return total
    epochs = as_number(scheduler.arguments.get("epochs"))
    per_epoch = as_number(scheduler.arguments.get("steps_per_epoch"))
    return None if epochs is None or per_epoch is None else epochs * per_epoch


def _compare(scheduler: Thing, rhythm: Rhythm) -> Iterator[Remark]:
    planned = length(scheduler)
    if planned is None or rhythm.total is None or (rhythm.per is Per.EPOCH and planned.symbols):
        return
    share = (rhythm.total / planned).value
    if share is None:
        if rhythm.every is not None and (rhythm.total * rhythm.every / planned).value == 1:
            yield warning(
                CODE,
                scheduler.node,
                f"the length counts batches, but step() is called every {shown(rhythm.every)} of "
                "them: training ends while the rate is still high",
                f"divide the length by {shown(rhythm.every)}",
            )
    elif share > _ROUNDING:
        yield error(
            CODE,
            scheduler.node,
            f"the cycle has {shown(planned)} steps and training {shown(rhythm.total)}: step() "
            f"raises ValueError after {100 / share:.0f} % of it",
            f"give it the training's length: total_steps={shown(rhythm.total)}",
        )
    elif share < _NEARLY:
        yield warning(
            CODE,
            scheduler.node,
            f"the cycle has {shown(planned)} steps and training only {shown(rhythm.total)}: it "
            f"ends after {100 * share:.0f} % of the cycle, before the rate has fallen",
            f"give it the training's length: total_steps={shown(rhythm.total)}",
        )
