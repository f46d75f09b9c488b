"""A checkpoint keeps the optimizer and not the scheduler.

**What it sees.** The file saves and loads the optimizer's state, trains, and steps a scheduler
whose state it does not load, whether it saves it or not.

**Why it matters.** The resumed run begins its schedule anew: the rate goes back to warm-up or peak,
or, for torch's recursive schedulers, on from the decayed rate at the wrong place.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
saved = torch.load("last.pt")
optimizer.load_state_dict(saved["optimizer"])
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
    torch.save({"optimizer": optimizer.state_dict()}, "last.pt")
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
saved = torch.load("last.pt")
optimizer.load_state_dict(saved["optimizer"])
scheduler.load_state_dict(saved["scheduler"])
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
    torch.save(
        {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, "last.pt"
    )
```

**Silent** where the file does not resume training, or where the scheduler is passed on. A hint
only, since a schedule may be built from the epoch that training resumes at.
"""

from collections.abc import Iterator

from etude.linter.facts import Facts, looks_like_scheduler, number, optimizer_of
from etude.linter.record import Remark
from etude.linter.rule import hint
from etude.linter.values import Event, Thing

CODE = "LR112"
NAME = "scheduler-not-saved"


def check(facts: Facts) -> Iterator[Remark]:
    """Compare what is kept of optimizers and of schedulers."""
    if any(_of_scheduler(event) for event in facts.named("load_state_dict")):
        return
    kept = any(_of_scheduler(event) for event in facts.named("state_dict"))
    for scheduler in facts.schedulers:
        optimizer = optimizer_of(scheduler)
        fresh = number(scheduler, "last_epoch", -1) == -1 and scheduler.owner is None
        if optimizer is None or not fresh or not facts.visible(scheduler):
            continue
        saves = facts.of(optimizer, "state_dict")
        loads = facts.of(optimizer, "load_state_dict")
        if saves and loads and facts.steps_of(scheduler):
            what, node = ("loaded", loads[0].node) if kept else ("saved", saves[0].node)
            yield hint(
                CODE,
                node,
                f"the optimizer's state is {what} and {scheduler} is not: a resumed run begins its "
                "schedule anew",
                "save scheduler.state_dict() beside it, and load both",
            )


def _of_scheduler(event: Event) -> bool:
    target = event.target
    if isinstance(target, Thing):
        return target.kind == "scheduler"
    return looks_like_scheduler(target)
