"""OneCycleLR or CyclicLR overwrites the momentum that the optimizer was given.

**What it sees.** One of them without `cycle_momentum=False` on SGD that has no momentum, or on Adam
whose first beta was set by hand; as a hint, a rate of the optimizer that OneCycleLR never uses.

**Why it matters.** Both cycle momentum unless told otherwise: OneCycleLR puts 0.95 into SGD's
momentum of 0 and into Adam's `betas`, 0.8 as it may have been, without a word. The rate of the
optimizer is overwritten as well: the first update runs at `max_lr / 25`, so that 0.1 becomes 0.004.

```python
import torch

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.8, 0.99))
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=1000)
```

```python
import torch

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.8, 0.99))
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=1e-3, total_steps=1000, cycle_momentum=False
)
```

**Silent** where `base_momentum` or `max_momentum` is given, about SGD with momentum and about
Adam's usual 0.9, which cycling is made for.
"""

from collections.abc import Iterator

from etude.linter.facts import Facts, number, optimizer_of
from etude.linter.record import Remark
from etude.linter.rule import decimal, hint, warning
from etude.linter.values import Bag, Number, Thing

CODE = "LR123"
NAME = "cycle-overwrites"
_MOST = {"OneCycleLR": 0.95, "CyclicLR": 0.9}
_ASKED = frozenset({"cycle_momentum", "base_momentum", "max_momentum"})


def check(facts: Facts) -> Iterator[Remark]:
    """Compare the optimizer's settings with what the scheduler writes."""
    for scheduler in facts.schedulers:
        optimizer = optimizer_of(scheduler)
        if scheduler.short not in _MOST or optimizer is None or not scheduler.complete:
            continue
        if not _ASKED & scheduler.arguments.keys() and optimizer.complete:
            yield from _of_momentum(scheduler, optimizer)
        yield from _of_rate(scheduler, optimizer)


def _of_momentum(scheduler: Thing, optimizer: Thing) -> Iterator[Remark]:
    name, given = _momentum(optimizer)
    if given is not None:
        yield warning(
            CODE,
            scheduler.node,
            f"{scheduler.short} cycles momentum: it overwrites {name}={given:g} with "
            f"{_MOST[scheduler.short]:g} and less",
            "pass cycle_momentum=False, or base_momentum and max_momentum",
        )


def _momentum(optimizer: Thing) -> tuple[str, float | None]:
    """Give the momentum that was chosen, where cycling is not made for it."""
    if optimizer.short == "SGD":
        momentum = number(optimizer, "momentum", 0.0)
        return "momentum", momentum if momentum == 0 else None
    betas = optimizer.arguments.get("betas")
    if isinstance(betas, Bag) and betas.items and isinstance(betas.items[0], Number):
        first = betas.items[0].value
        return "beta1", None if first in {0.9, 0.95} else first
    return "", None


def _of_rate(scheduler: Thing, optimizer: Thing) -> Iterator[Remark]:
    lr, most = number(optimizer, "lr"), number(scheduler, "max_lr")
    if scheduler.short != "OneCycleLR" or lr is None or most is None:
        return
    start = most / (number(scheduler, "div_factor", 25.0) or 25.0)
    if lr not in {most, start}:
        yield hint(
            CODE,
            optimizer.node,
            f"lr={decimal(lr)} is never used: OneCycleLR begins at {decimal(start)} and rises to "
            f"max_lr={decimal(most)}",
            f"write lr={decimal(most)}, so that the code says what happens",
        )
