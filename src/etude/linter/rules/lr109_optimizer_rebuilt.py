"""The optimizer is built again in every epoch or batch.

**What it sees.** A torch optimizer that is made, without a condition, in a loop over epochs or
batches that also steps it.

**Why it matters.** Momentum and Adam's averages start from zero each time, and Adam's first steps
after that have full length in every direction, whatever the gradient: its first step is the rate
itself for a gradient of 0.001 as of 1000. A scheduler outside holds the first optimizer only.

```python
import torch

for epoch in range(90):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
```

**Silent** in loops over folds, seeds, trials, tasks or settings, under a condition (a phase that
begins at some epoch), and where the loop also makes the model.
"""

import ast
from collections.abc import Iterator

from etude.linter.facts import Facts
from etude.linter.loops import Kind, kind, named_epoch
from etude.linter.names import stored
from etude.linter.record import Remark
from etude.linter.rule import error
from etude.linter.values import Loop, Thing

CODE = "LR109"
NAME = "optimizer-rebuilt"


def check(facts: Facts) -> Iterator[Remark]:
    """Look for optimizers that are made in training loops."""
    for optimizer in facts.optimizers:
        loop = optimizer.loops[-1] if optimizer.loops else None
        if loop is None or len(optimizer.conditions) > loop.depth or not _training(loop):
            continue
        stepped = any(loop in event.loops for event in facts.of(optimizer, "step"))
        if stepped and not _model_is_new(optimizer, loop):
            each = "batch" if kind(loop) is Kind.BATCH else "epoch"
            yield error(
                CODE,
                optimizer.node,
                f"{optimizer} is built anew in every {each}: momentum and running averages are "
                "lost each time, and no scheduler can follow",
                "build the optimizer once, before the loop",
            )


def _training(loop: Loop) -> bool:
    """Say whether a loop goes over epochs or batches for sure."""
    if kind(loop) is Kind.BATCH:
        return loop.updates
    return named_epoch(loop) and kind(loop) in {Kind.EPOCH, Kind.FULL}


def _model_is_new(optimizer: Thing, loop: Loop) -> bool:
    """Say whether what the optimizer trains is bound in the loop as well."""
    params = optimizer.nodes.get("params")
    used = {part.id for part in ast.walk(params) if isinstance(part, ast.Name)} if params else set()
    return bool(used & stored(loop.node))
