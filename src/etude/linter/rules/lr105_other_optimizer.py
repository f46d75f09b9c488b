"""A scheduler drives an optimizer that is not the one which trains, or not all of it.

**What it sees.** The optimizer is built again after the scheduler, or at some epoch of the loop
that steps the scheduler, so that the scheduler holds the old one; or `add_param_group` is called
after the scheduler was built.

**Why it matters.** The old optimizer's rate is scheduled and nobody uses it: the new one trains at
a constant rate. A group that is added later makes `LambdaLR` raise ValueError at its next step (on
torch 2.13: "zip() argument 2 is shorter than argument 1"), and `StepLR` decays it without a plan.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
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

**Silent** where either leaves what the file shows.
"""

from collections.abc import Iterator

from etude.linter.catalogue import SETTERS
from etude.linter.facts import Facts, line_of, optimizer_of, within
from etude.linter.record import Remark
from etude.linter.rule import error, warning
from etude.linter.values import Event, Thing

CODE = "LR105"
NAME = "other-optimizer"


def check(facts: Facts) -> Iterator[Remark]:
    """Compare the scheduler's optimizer with the one that is stepped."""
    for scheduler in facts.schedulers:
        optimizer = optimizer_of(scheduler)
        if optimizer is None or scheduler.owner is not None:
            continue
        yield from _late_groups(facts, scheduler, optimizer)
        other = _instead(facts, scheduler, optimizer)
        if other is not None:
            yield error(
                CODE,
                scheduler.node,
                f"{scheduler} drives the {optimizer.short} of line {line_of(optimizer.node)}, "
                f"which is never stepped; the {other.short} of line {line_of(other.node)} trains, "
                "at a rate that no schedule changes",
                "build the optimizer once, and the scheduler after it",
            )
            continue
        later = _replacement(facts, scheduler, optimizer)
        if later is not None:
            yield error(
                CODE,
                later.node,
                f"this {later.short} takes the place of the one that {scheduler} drives: from here "
                "on training goes on at a rate that no schedule changes",
                "build a scheduler for the new optimizer as well",
            )


def _instead(facts: Facts, scheduler: Thing, optimizer: Thing) -> Thing | None:
    """Give the optimizer that trains instead of the scheduler's own."""
    hidden = optimizer.escaped or not facts.visible(scheduler)
    if hidden or facts.of(optimizer, "step") or optimizer.conditions:
        return None
    calls = facts.steps_of(scheduler)
    if not calls:
        return None
    for event in facts.named("step"):
        other = event.target
        if isinstance(other, Thing) and other.kind == "optimizer" and other is not optimizer:
            together = event.frame in {call.frame for call in calls} or any(
                set(call.loops) & set(event.loops) for call in calls
            )
            alone = not any(optimizer_of(each) is other for each in facts.schedulers)
            same = other.label == optimizer.label and other.label != ""
            if together and (alone or same):
                return other
    return None


def _replacement(facts: Facts, scheduler: Thing, optimizer: Thing) -> Thing | None:
    """Give the optimizer that takes the place of the scheduler's own while both are stepped."""
    if optimizer.escaped or not optimizer.label or not facts.visible(scheduler):
        return None
    stepped = {event.loop for event in facts.steps_of(scheduler) if _always(event)}
    followed = {id(optimizer_of(each)) for each in facts.schedulers}
    for other in facts.optimizers:
        later = other.serial > scheduler.serial and other.label == optimizer.label
        inside = [loop for loop in other.loops if loop in stepped - set(optimizer.loops)]
        now_and_then = inside and len(other.conditions) > inside[0].depth
        if later and now_and_then and id(other) not in followed and facts.of(other, "step"):
            return other
    return None


def _always(event: Event) -> bool:
    return event.loop is not None and not within(event, event.loop)


def _late_groups(facts: Facts, scheduler: Thing, optimizer: Thing) -> Iterator[Remark]:
    for event in facts.of(optimizer, "add_param_group"):
        if event.index >= scheduler.index:
            fails = scheduler.short in SETTERS
            say = error if fails and scheduler.short == "LambdaLR" else warning
            outcome = (
                "raises ValueError at its next step"
                if scheduler.short == "LambdaLR"
                else "does not know the new group: its rate follows no plan"
            )
            yield say(
                CODE,
                event.node,
                f"a group is added to the optimizer after {scheduler} was built, which {outcome}",
                "give the optimizer all groups, then build the scheduler",
            )
