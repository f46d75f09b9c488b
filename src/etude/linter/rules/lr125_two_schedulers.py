"""Two schedulers of one optimizer are both stepped, and one undoes the other.

**What it sees.** Two schedulers on one optimizer, stepped in the same loop without conditions, of
which one sets the rate (LambdaLR, OneCycleLR, CyclicLR, CosineAnnealingWarmRestarts, a schedule of
transformers). Two that both multiply are a hint.

**Why it matters.** What sets the rate computes it from the first one and overwrites what the other
did: reductions of a ReduceLROnPlateau beside a LambdaLR last for one step. Two that multiply do
what torch documents, their product: StepLR(2, 0.5) twice gives 0.1 0.1 0.025 0.025 0.00625.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(1, t / 5))
for epoch in range(90):
    val_loss = train_and_evaluate(model, loader)
    warmup.step()
    plateau.step(val_loss)
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
for epoch in range(90):
    val_loss = train_and_evaluate(model, loader)
    plateau.step(val_loss)
```

**Silent** where either call depends on a condition: a warm-up that is stepped until it ends.
"""

from collections.abc import Iterator

from etude.linter.catalogue import SETTERS
from etude.linter.facts import Facts, line_of, optimizer_of, within
from etude.linter.record import Remark
from etude.linter.rule import hint, warning
from etude.linter.values import Event, Thing

CODE = "LR125"
NAME = "two-schedulers"


def check(facts: Facts) -> Iterator[Remark]:
    """Compare each scheduler with those of the same optimizer before it."""
    stepped = [
        event
        for event in facts.named("step")
        if isinstance(event.target, Thing) and event.target.kind == "scheduler"
    ]
    told: set[int] = set()
    for event in stepped:
        other = _beside(event, stepped)
        if other is not None and id(event.node) not in told:
            told.update({id(event.node), id(other.node)})
            yield _remark(event, other)


def _beside(event: Event, stepped: list[Event]) -> Event | None:
    """Give the step of another scheduler of the same optimizer in the same training."""
    one = event.target
    if not isinstance(one, Thing) or not _always(event):
        return None
    optimizer = optimizer_of(one)
    for other in stepped:
        two = other.target
        if other.index <= event.index or not isinstance(two, Thing) or two is one:
            continue
        apart = set(one.conditions) ^ set(two.conditions)
        same = optimizer is not None and optimizer_of(two) is optimizer
        if same and not apart and _always(other) and set(event.loops) & set(other.loops):
            return other
    return None


def _always(event: Event) -> bool:
    return event.loop is not None and not within(event, event.loops[0])


def _sets(thing: Thing) -> bool:
    return thing.short in SETTERS or thing.full.startswith("transformers")


def _remark(event: Event, other: Event) -> Remark:
    names = [each.target for each in (event, other) if isinstance(each.target, Thing)]
    setters = [each for each in names if _sets(each)]
    remedy = "put them in turn with SequentialLR, or write their product as one schedule"
    if setters:
        undone = next((each for each in names if each is not setters[0]), setters[0])
        return warning(
            CODE,
            other.node,
            f"{setters[0]} sets the rate anew at every step, so that what {undone} does to it is "
            "lost",
            remedy,
        )
    return hint(
        CODE,
        other.node,
        f"two schedulers act on one optimizer (also line {line_of(event.node)}): their multipliers "
        "multiply",
        remedy,
    )
