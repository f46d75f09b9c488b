"""A schedule's length counts one thing and `step()` is called once per another.

**What it sees.** A length in epochs (`T_max=epochs`, milestones that all lie within the epochs)
while `step()` is called once per batch; a length in batches (`len(loader)`, `total_steps`) while
it is called once per epoch. The kinds of loops are known from what they iterate and from
`backward()` in them, also where the inner loop is a function.

**Why it matters.** `CosineAnnealingLR(T_max=30)` stepped per batch reaches its end after 30
batches, within the first epoch most often, and then climbs back to the peak: the rate goes up and
down all through training. The other way round, 30 calls of a schedule over 30 epochs of 500
batches do 0.2 % of it: the rate is still at its peak, or still in warm-up, when training ends.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
for epoch in range(epochs):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
        scheduler.step()
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(loader))
for epoch in range(epochs):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
        scheduler.step()
```

**Silent** where the loop's kind or the length's unit is unknown, where `step()` depends on a
condition (other than which epoch it is), and in full-batch training, where an epoch is an update.
"""

from collections.abc import Iterator

from etude.linter.algebra import Number, constant
from etude.linter.catalogue import COUNTS, HF_COUNTS
from etude.linter.facts import Facts, Per, Rhythm, number, parts_of
from etude.linter.loops import Kind, is_length, kind, unit
from etude.linter.rates import multiplier
from etude.linter.record import Remark
from etude.linter.rule import decimal, error
from etude.linter.values import Bag, Thing, Value, as_number, shown

CODE = "LR104"
NAME = "unit-mismatch"
_OF_EPOCHS = frozenset(
    {"CosineAnnealingLR", "LinearLR", "PolynomialLR", "OneCycleLR", "ConstantLR"}
)


def check(facts: Facts) -> Iterator[Remark]:
    """Compare what a length counts with what stands between two calls."""
    for scheduler in facts.schedulers:
        rhythm = facts.rhythm(scheduler)
        if rhythm is None or kind(rhythm.loop) is Kind.FULL or not scheduler.complete:
            continue
        for name, length in _lengths(scheduler):
            message = _contradiction(scheduler, name, length, rhythm)
            if message:
                per = "epoch" if rhythm.per is Per.EPOCH else "batch"
                yield error(CODE, scheduler.nodes[name], message, _remedy(per, name))
                break


def _lengths(scheduler: Thing) -> Iterator[tuple[str, Value]]:
    names = COUNTS.get(scheduler.short, HF_COUNTS if scheduler.full.startswith("tra") else ())
    for name in names:
        if name in scheduler.arguments and name in scheduler.nodes:
            yield name, scheduler.arguments[name]
    if scheduler.short == "OneCycleLR" and "steps_per_epoch" in scheduler.arguments:
        yield "steps_per_epoch", scheduler.arguments["steps_per_epoch"]


def _contradiction(scheduler: Thing, name: str, value: Value, rhythm: Rhythm) -> str:
    if isinstance(value, Bag):
        return _of_milestones(scheduler, name, value, rhythm)
    length = as_number(value)
    if length is None:
        return ""
    if rhythm.per is not Per.EPOCH:
        counts_epochs = unit(length) == "epochs" or _is_epochs(scheduler, name, length, rhythm)
        return _too_short(scheduler, name, length, rhythm) if counts_epochs else ""
    of_epoch = name == "steps_per_epoch" and length.value not in {None, 1}
    if of_epoch or unit(length) == "updates" or (length == rhythm.batches and length.symbols):
        return _too_long(scheduler, name, length, rhythm)
    return ""


def _is_epochs(scheduler: Thing, name: str, length: Number, rhythm: Rhythm) -> bool:
    """Say whether a length equals the number of epochs, in a loop over batches inside them."""
    if rhythm.epochs is None or name == "steps_per_epoch":
        return False
    length = length + _start(scheduler)
    if length != rhythm.epochs:
        return False
    if length.value is None:
        return True
    if rhythm.batches is not None and rhythm.batches.value is not None:
        return False
    return scheduler.short in _OF_EPOCHS and length.value > 1


def _start(scheduler: Thing) -> Number:
    """Give the milestone at which a SequentialLR comes to one of its parts."""
    owner = scheduler.owner
    milestones = None if owner is None else owner.arguments.get("milestones")
    parts = [] if owner is None else parts_of(owner)
    if isinstance(milestones, Bag) and scheduler in parts[1:]:
        before = parts.index(scheduler) - 1
        if before < len(milestones.items):
            return as_number(milestones.items[before]) or constant(0)
    return constant(0)


def _of_milestones(scheduler: Thing, name: str, bag: Bag, rhythm: Rhythm) -> str:
    """Compare milestones: all within the epochs, and counted in batches."""
    numbers = [as_number(item) for item in bag.items]
    known = [each for each in numbers if each is not None]
    if not known or len(known) < len(numbers):
        return ""
    last = known[-1]
    if rhythm.per is Per.EPOCH:
        return _too_long(scheduler, name, last, rhythm) if unit(last) == "updates" else ""
    if rhythm.batches is not None and rhythm.batches.value is not None:
        return ""
    end = None if rhythm.epochs is None else rhythm.epochs.value
    inside = end is not None and last.value is not None and 1 < last.value <= end
    of_epochs = unit(last) == "epochs" or (
        rhythm.epochs is not None
        and bool(last.symbols)
        and (last / rhythm.epochs).value is not None
    )
    if scheduler.short != "SequentialLR" and (inside or of_epochs):
        return _too_short(scheduler, name, last, rhythm)
    return _too_short(scheduler, name, last, rhythm) if of_epochs else ""


def _too_short(scheduler: Thing, name: str, length: Number, rhythm: Rhythm) -> str:
    said = f"{name}={shown(length)} counts epochs, but {scheduler} is stepped once per batch: "
    if scheduler.short == "OneCycleLR":
        return said + f"it raises ValueError after {shown(length)} batches"
    if scheduler.short == "CosineAnnealingLR":
        return said + _climb(scheduler, length)
    return said + f"it ends after {_batches(length)}{_of_epochs(rhythm)}"


def _batches(length: Number) -> str:
    return f"{shown(length)} batches" if length.value is not None else f"`{shown(length)}` batches"


def _climb(scheduler: Thing, length: Number) -> str:
    """Say where a cosine is half a period past its end."""
    reached = "the rate is at its minimum" if number(scheduler, "eta_min", 0.0) else "the rate is 0"
    said = f"{reached} after {_batches(length)}"
    half = length.value
    past = None if half is None else multiplier(scheduler, int(half * 2))
    if half is None or past is None:
        return f"{said}, and then climbs back to the peak"
    return f"{said}, and back at {decimal(100 * past)} % of its peak after {int(2 * half)}"


def _of_epochs(rhythm: Rhythm) -> str:
    if rhythm.epochs is None:
        return ""
    written = shown(rhythm.epochs)
    epochs = written if rhythm.epochs.value is not None else f"`{written}`"
    return f", and training has {epochs} epochs"


def _too_long(scheduler: Thing, name: str, length: Number, rhythm: Rhythm) -> str:
    said = f"{name}={shown(length)} counts updates, but {scheduler} is stepped once per epoch: "
    if rhythm.epochs is not None and rhythm.epochs.value is not None:
        calls = int(rhythm.epochs.value)
        example = multiplier(scheduler, calls, **_with_500(name, length, calls))
        if example is not None:
            return said + (
                f"after all {calls} epochs, of 500 batches say, its multiplier is {example:.3f}"
            )
    if name == "steps_per_epoch" or any(is_length(key) for key in length.symbols):
        return said + "it does one step of it where it should do a whole epoch's"
    return said + "training ends near the schedule's beginning"


def _with_500(name: str, length: Number, epochs: int) -> dict[str, float]:
    """Give the length when an epoch has 500 batches."""
    whole = any("epoch" in key and "len" not in key for key in length.symbols)
    lengths = [key for key in length.symbols if is_length(key)]
    if len(lengths) != 1 or len(length.symbols) > 1 + whole:
        return {}
    factor = length.terms[0][1] if length.terms else 1.0
    return {name: float(int(factor * 500 * (epochs if whole else 1)) or 1)}


def _remedy(per: str, name: str) -> str:
    if per == "batch":
        return (
            "multiply it by len(loader), or call step() once per epoch, outside the loop over "
            "batches"
        )
    if name == "steps_per_epoch":
        return "call step() after every optimizer.step(), in the loop over batches"
    return f"call step() after every optimizer.step(), or give {name} in epochs"
