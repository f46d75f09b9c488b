"""A scheduler is asked in a way that torch has given up: `step(epoch)` or `get_lr()`.

**What it sees.** `scheduler.step(epoch)` of torch's schedulers, except ReduceLROnPlateau's metric
and the fractions of CosineAnnealingWarmRestarts; `scheduler.get_lr()` outside a scheduler.

**Why it matters.** `step(epoch)` warns and takes another way through the code (a
closed form), which for some schedulers gives other rates than stepping. `get_lr()` gives the rate
of the next step, not the one in use: it says 0.01 while updates use 0.1, so that logs are wrong.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
for epoch in range(90):
    train_one_epoch(model, loader)
    scheduler.step()
    print(scheduler.get_lr())
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
for epoch in range(90):
    train_one_epoch(model, loader)
    scheduler.step()
    print(scheduler.get_last_lr())
```

**Silent** about other packages' schedulers, which may want the epoch (timm's do). `--fix` writes
`get_last_lr()`.
"""

from collections.abc import Iterator

from etude.linter.catalogue import PLATEAU
from etude.linter.facts import Facts
from etude.linter.record import Remark
from etude.linter.rule import fix, warning
from etude.linter.values import Thing

CODE = "LR116"
NAME = "outdated-call"
_TAKES_EPOCHS = frozenset({PLATEAU, "CosineAnnealingWarmRestarts"})


def check(facts: Facts) -> Iterator[Remark]:
    """Look at calls of torch's schedulers."""
    for event in facts.named("step", "get_lr"):
        target = event.target
        if not isinstance(target, Thing) or target.kind != "scheduler":
            continue
        if event.name == "get_lr":
            yield warning(
                CODE,
                event.node,
                "get_lr() gives the rate of the next step, not the one in use, and warns",
                "write get_last_lr()",
                fix("rename-method", event.node, "get_lr", "get_last_lr"),
            )
        elif (event.positional or event.node.keywords) and target.short not in _TAKES_EPOCHS:
            yield warning(
                CODE,
                event.node,
                f"step(epoch) of {target.short} warns, and sets the rate by another formula than "
                "step() does",
                "write step(); a checkpoint keeps the epoch in the scheduler's state",
            )
