"""A scheduler is built and never stepped, so the rate never changes.

**What it sees.** A scheduler of torch or transformers whose `step()` is called nowhere, in a file
that trains the optimizer itself.

**Why it matters.** Nothing fails: the run trains at the first rate to its end. Of 53 public
training files with a scheduler, this and its kin in this list were in 8 (`StepLR(30)` without
`step()` is a constant rate).

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
```

**Silent** where the scheduler leaves what the file shows: it is returned, passed on, put into a
container or into an object with base classes elsewhere; and where no training is visible.
"""

from collections.abc import Iterator

from etude.linter.facts import Facts, number, optimizer_of
from etude.linter.record import Remark
from etude.linter.rule import decimal, error
from etude.linter.values import Thing

CODE = "LR102"
NAME = "never-stepped"


def check(facts: Facts) -> Iterator[Remark]:
    """Look for schedulers without a call of `step()`."""
    for scheduler in facts.schedulers:
        made = facts.made_at(scheduler.node)
        if scheduler.owner is not None or not scheduler.complete:
            continue
        if any(not facts.visible(each) or facts.steps_of(each) for each in made):
            continue
        if _trains(facts, scheduler):
            yield error(
                CODE,
                scheduler.node,
                f"the step() of {scheduler} is never called: the rate stays at {_rate(scheduler)} "
                "for the whole run",
                "call its step() where its settings count: once an epoch or once an update, "
                "after optimizer.step()",
            )


def _trains(facts: Facts, scheduler: Thing) -> bool:
    """Say whether the file steps the scheduler's optimizer in a loop."""
    optimizer = optimizer_of(scheduler)
    stepped = [] if optimizer is None else facts.of(optimizer, "step")
    return any(event.loops and not event.loops[-1].opaque for event in stepped)


def _rate(scheduler: Thing) -> str:
    optimizer = optimizer_of(scheduler)
    lr = None if optimizer is None else number(optimizer, "lr")
    return "the optimizer's" if lr is None else decimal(lr)
