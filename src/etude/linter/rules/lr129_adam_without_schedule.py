"""Adam trains many epochs at one rate.

**What it sees.** Adam or its kin at a constant rate in a loop over epochs and batches, in a file
with no scheduler and no change of a rate.

**Why it matters.** Often it does not: tuned on digits, Adam at 0.01 without a schedule reached
97.0 %, and with the cosine that textbooks want +0.19 points more, 95 % interval -0.19 to +0.56:
nothing is shown. On noisy problems decay wins: a noisy quadratic ends at 0.34 instead of 0.49. So
this is a hint: `etude compare train.py:task` answers it for your model.

```python
import torch

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
```

```python
import torch

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=90)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
    scheduler.step()
```

**Silent** where the optimizer leaves what the file shows, or where the word "sched" stands in it.
"""

from collections.abc import Iterator

from etude.linter.catalogue import ADAMS
from etude.linter.facts import Facts, number
from etude.linter.loops import Kind, enclosing, kind
from etude.linter.record import Remark
from etude.linter.rule import decimal, hint
from etude.linter.values import Event

CODE = "LR129"
NAME = "adam-without-schedule"


def check(facts: Facts) -> Iterator[Remark]:
    """Look for Adam in a file without schedules."""
    if facts.schedulers or "sched" in facts.words or "param_groups" in facts.source:
        return
    for optimizer in facts.optimizers:
        lr = number(optimizer, "lr", 1e-3)
        if optimizer.short not in ADAMS or optimizer.escaped or lr is None:
            continue
        if any(_in_epochs(event) for event in facts.of(optimizer, "step")):
            yield hint(
                CODE,
                optimizer.node,
                f"{optimizer.short} trains all epochs at {decimal(lr)}",
                "see what a schedule would give: etude compare train.py:task",
            )


def _in_epochs(event: Event) -> bool:
    loop = event.loop
    inner = loop is not None and kind(loop) is Kind.BATCH
    return inner and loop is not None and enclosing(loop.parent, Kind.EPOCH) is not None
