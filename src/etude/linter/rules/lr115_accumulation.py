"""Under gradient accumulation the scheduler is stepped with every batch, the optimizer is not.

**What it sees.** `optimizer.step()` under a test such as `(i + 1) % 4 == 0` and `scheduler.step()`
beside it without one; with accelerate, a scheduler that was not given to `prepare` and is stepped
in `accumulate()`.

**Why it matters.** The schedule runs k times too fast: with 4 batches an update a cosine over the
training's updates is at its end after a quarter of the training, and climbs again.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=500)
for epoch in range(90):
    for i, (inputs, targets) in enumerate(loader):
        loss_of(model(inputs), targets).backward()
        if (i + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
        scheduler.step()
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=500)
for epoch in range(90):
    for i, (inputs, targets) in enumerate(loader):
        loss_of(model(inputs), targets).backward()
        if (i + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
```

**Silent** where the optimizer is also stepped elsewhere, and where the optimizer is a wrapper of
DeepSpeed or Fabric, which counts by itself.
"""

from collections.abc import Iterator

from etude.linter.facts import Facts, line_of, optimizer_of, within
from etude.linter.record import Remark
from etude.linter.rule import error
from etude.linter.values import Event, Name, Thing, shown

CODE = "LR115"
NAME = "accumulation"


def check(facts: Facts) -> Iterator[Remark]:
    """Compare the conditions of the two calls."""
    for event in facts.named("step"):
        scheduler = event.target
        if not isinstance(scheduler, Thing) or scheduler.kind != "scheduler":
            continue
        if event.loop is None or event.loop.opaque or within(event, event.loop):
            continue
        yield from _by_hand(facts, scheduler, event)
        yield from _accelerate(scheduler, event)


def _by_hand(facts: Facts, scheduler: Thing, event: Event) -> Iterator[Remark]:
    optimizer, loop = optimizer_of(scheduler), event.loop
    if optimizer is None or loop is None:
        return
    updates = [each for each in facts.of(optimizer, "step") if each.loop is loop]
    tests = [within(each, loop) for each in updates]
    every = [each[-1].every for each in tests if each and each[-1].every is not None]
    if updates and len(every) == len(updates):
        k = every[0]
        times = shown(k) if k is not None and not shown(k).startswith("?") else "k"
        yield error(
            CODE,
            event.node,
            f"the optimizer is stepped every {times} batches (line {line_of(updates[0].node)}), "
            f"the scheduler with each: its schedule runs {times} times too fast",
            "step the scheduler under the same condition",
        )


def _accelerate(scheduler: Thing, event: Event) -> Iterator[Remark]:
    optimizer = optimizer_of(scheduler)
    if scheduler.prepared or optimizer is None or not optimizer.prepared:
        return
    names = [each for each in event.contexts if isinstance(each, Name)]
    if not any(each.full == "accumulate" for each in names):
        return
    steps = _accumulated(event)
    if steps != "1":
        yield error(
            CODE,
            event.node,
            f"{scheduler} did not go through accelerator.prepare: it steps with every batch, while "
            f"the optimizer steps every {steps} batches",
            "pass it to accelerator.prepare, or test accelerator.sync_gradients",
        )


def _accumulated(event: Event) -> str:
    for context in event.contexts:
        if isinstance(context, Thing) and context.kind == "accelerator":
            given = context.arguments.get("gradient_accumulation_steps")
            return "1" if given is None else shown(given)
    return "1"
