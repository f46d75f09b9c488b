"""A schedule never acts in this run, ends far from its end, or goes round again.

**What it sees.** Milestones, a step size or a warm-up that lie behind the last epoch; a cosine, a
linear or a polynomial schedule that is longer than the run; a cosine that is shorter, and therefore
climbs back. Lengths are constants, or have the same names in them (`epochs * len(loader)`).

**Why it matters.** `MultiStepLR([100, 150])` over 50 epochs is a constant rate. A cosine over 200
epochs of which 100 are trained ends at half its peak, and what decay buys is in the second half.
`CosineAnnealingLR(T_max=5)` over 15 epochs goes up and down one and a half times and ends where it
is lowest by luck only: torch's cosine is periodic.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[100, 150])
for epoch in range(50):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[25, 40])
for epoch in range(50):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
```

**Silent** where the number of `step()` calls is unknown or where units differ (LR104), for parts of
composed schedulers and those that went through `accelerator.prepare`, which steps them with the
optimizer only and once for each process, and about cosines that are meant to wave:
`CosineAnnealingWarmRestarts`.
"""

from collections.abc import Iterator

from etude.linter.algebra import Number
from etude.linter.facts import Facts, Per, Rhythm
from etude.linter.loops import unit
from etude.linter.rates import multiplier
from etude.linter.record import Remark
from etude.linter.rule import warning
from etude.linter.values import Bag, Thing, as_number, shown

CODE = "LR117"
NAME = "wrong-length"
_LONGER = 1.25
_SHORTER = 0.95
_LENGTHS = {
    "CosineAnnealingLR": "T_max",
    "PolynomialLR": "total_iters",
    "LinearLR": "total_iters",
    "StepLR": "step_size",
}


def check(facts: Facts) -> Iterator[Remark]:
    """Compare each schedule's length with the run's."""
    for scheduler in facts.schedulers:
        if scheduler.owner is not None or not scheduler.complete:
            continue
        rhythm = facts.rhythm(scheduler)
        if rhythm is None or rhythm.total is None or scheduler.prepared:
            continue
        message = _of_milestones(scheduler, rhythm) or _of_length(scheduler, rhythm)
        if message:
            yield warning(CODE, scheduler.node, message, _remedy(scheduler, rhythm))


def _remedy(scheduler: Thing, rhythm: Rhythm) -> str:
    name = _LENGTHS.get(scheduler.short, "milestones")
    if scheduler.full.startswith("transformers"):
        name = "num_training_steps"
    if name in {"milestones", "step_size"}:
        return f"put it within the {shown(rhythm.total or '')} steps of the training"
    return f"give it the training's length: {name}={shown(rhythm.total or '')}"


def _of_milestones(scheduler: Thing, rhythm: Rhythm) -> str:
    given = scheduler.arguments.get("milestones")
    total = rhythm.total
    if scheduler.short != "MultiStepLR" or not isinstance(given, Bag) or total is None:
        return ""
    numbers = [as_number(item) for item in given.items]
    shares = [None if each is None else _share(each, total) for each in numbers]
    known = [share for share in shares if share is not None]
    if known and len(known) == len(shares) and min(known) >= 1:
        first = next(each for each in numbers if each is not None)
        return (
            f"training has {shown(total)} steps of the scheduler and the first milestone is "
            f"{shown(first)}: the rate never changes"
        )
    return ""


def _share(length: Number, total: Number) -> float | None:
    return (length / total).value


def _of_length(scheduler: Thing, rhythm: Rhythm) -> str:
    name = _LENGTHS.get(scheduler.short)
    hf = scheduler.full.startswith("transformers")
    length = as_number(scheduler.arguments.get("num_training_steps" if hf else name or ""))
    total = rhythm.total
    if length is None or total is None or _other_unit(length, rhythm):
        return ""
    share = _share(length, total)
    if share is None and rhythm.every is not None:
        return _accumulating(length, rhythm)
    return "" if share is None or share <= 0 else _compared(scheduler, length, total, share)


def _compared(scheduler: Thing, length: Number, total: Number, share: float) -> str:
    hf = scheduler.full.startswith("transformers")
    if scheduler.short == "StepLR":
        return _of_stairs(length, total) if share >= 1 else ""
    if share >= _LONGER:
        return _too_long(scheduler, length, total, share)
    if share <= _SHORTER and (scheduler.short == "CosineAnnealingLR" or hf):
        return _too_short(scheduler, length, total, share)
    return ""


def _other_unit(length: Number, rhythm: Rhythm) -> bool:
    """Say whether LR104 has a word on this."""
    return unit(length) == ("updates" if rhythm.per is Per.EPOCH else "epochs") or (
        rhythm.per is not Per.EPOCH and length == rhythm.epochs
    )


def _of_stairs(length: Number, total: Number) -> str:
    return (
        f"the first cut comes after {shown(length)} of the training's {shown(total)} steps: the "
        "rate never changes"
    )


def _too_long(scheduler: Thing, length: Number, total: Number, share: float) -> str:
    said = f"the schedule has {shown(length)} steps and training only {shown(total)}"
    if length.value is None or total.value is None:
        return f"{said}: it ends after {100 / share:.0f} % of the schedule"
    end = multiplier(scheduler, int(total.value))
    if end is None:
        return f"{said}: it ends after {100 / share:.0f} % of the schedule"
    return f"{said}: it ends with the rate at {100 * end:.0f} % of the optimizer's"


def _too_short(scheduler: Thing, length: Number, total: Number, share: float) -> str:
    said = f"the schedule has {shown(length)} steps and training {shown(total)}"
    if scheduler.full.startswith("transformers"):
        return f"{said}: in the last {100 - 100 * share:.0f} % of it the rate is 0, or climbs again"
    end = None if total.value is None else multiplier(scheduler, int(total.value))
    at_end = "" if end is None else f" and ends at {100 * end:.0f} % of the peak"
    turns = 1 / share
    return f"{said}: the rate goes down and up again, {turns:.3g} half waves in all{at_end}"


def _accumulating(length: Number, rhythm: Rhythm) -> str:
    """Compare a length in batches with steps that are taken every k batches."""
    every, total = rhythm.every, rhythm.total
    if every is None or total is None or _share(length, total * every) != 1:
        return ""
    return (
        f"the schedule counts batches, but step() is called every {shown(every)} of them: training "
        f"ends after 1/{shown(every)} of the schedule"
    )
