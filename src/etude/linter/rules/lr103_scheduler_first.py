"""The scheduler is stepped before the optimizer.

**What it sees.** In one loop, `scheduler.step()` stands before every `optimizer.step()`.

**Why it matters.** The first rate is never or hardly used, and every later one comes one step too
early: `StepLR(2, 0.5)` at 0.1 gives four updates the rates 0.1 0.05 0.05 0.025 instead of 0.1 0.1
0.05 0.05. torch warns at run time ("Detected call of `lr_scheduler.step()` before
`optimizer.step()`"). This order was right before torch 1.1 (2019), and old tutorials still have it.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
for epoch in range(4):
    optimizer.zero_grad()
    loss_of(model(inputs), targets).backward()
    scheduler.step()
    optimizer.step()
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
for epoch in range(4):
    optimizer.zero_grad()
    loss_of(model(inputs), targets).backward()
    optimizer.step()
    scheduler.step()
```

**Silent** where the call depends on a condition (`if epoch > 0:`), where an epoch is passed to it,
and about `ReduceLROnPlateau`. `scaler.step(optimizer)` counts as the optimizer's step. A warning
only where scheduler and optimizer are parameters known by their names. `--fix` swaps the two where
one follows the other.
"""

from collections.abc import Iterator

from etude.linter.catalogue import PLATEAU
from etude.linter.facts import (
    Facts,
    line_of,
    looks_like_optimizer,
    looks_like_scheduler,
    optimizer_of,
    within,
)
from etude.linter.record import Remark
from etude.linter.rule import error, swap, warning
from etude.linter.values import Event, Thing

CODE = "LR103"
NAME = "scheduler-first"


def check(facts: Facts) -> Iterator[Remark]:
    """Compare the order of the two calls in each loop."""
    steps = facts.named("step")
    for event in steps:
        known = isinstance(event.target, Thing) and event.target.kind == "scheduler"
        if not known and not looks_like_scheduler(event.target):
            continue
        later = _late_update(event, steps)
        if later is None:
            continue
        say = error if known and isinstance(later.target, Thing) else warning
        yield say(
            CODE,
            event.node,
            f"the scheduler is stepped before the optimizer (line {line_of(later.node)}): its "
            "first rate is skipped and each later one is used one step too early",
            "call scheduler.step() after optimizer.step()",
            swap(facts.nodes, event.statement, later.statement),
        )


def _late_update(event: Event, steps: list[Event]) -> Event | None:
    """Give the first update after a scheduler's step, where none came before it in the loop."""
    loop = event.loop
    if (
        loop is None
        or loop.opaque
        or event.positional
        or event.node.keywords
        or within(event, loop)
    ):
        return None
    if isinstance(event.target, Thing) and event.target.short == PLATEAU:
        return None
    updates = [each for each in steps if loop in each.loops and _updates(event, each)]
    if not updates or any(each.index < event.index for each in updates):
        return None
    own = [each for each in updates if not each.scaled or each.loops]
    before = [each for each in steps if each.index < event.index and _updates(event, each)]
    outside = [each for each in before if not set(each.loops) - set(event.loops)]
    return None if outside else own[0]


def _updates(event: Event, other: Event) -> bool:
    """Say whether another event is a step of the scheduler's optimizer."""
    if isinstance(event.target, Thing):
        optimizer = optimizer_of(event.target)
        return (
            other.target is optimizer
            if optimizer is not None
            else (looks_like_optimizer(other.target) and not event.target.owner)
        )
    return looks_like_optimizer(other.target) or (
        isinstance(other.target, Thing) and other.target.kind == "optimizer"
    )
