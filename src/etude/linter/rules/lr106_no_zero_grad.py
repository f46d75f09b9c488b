"""Gradients are never set to zero, so that every update uses the sum of all gradients so far.

**What it sees.** A loop with `backward()` and `optimizer.step()` and no `zero_grad()` for that
optimizer or its model in any code that the loop reaches.

**Why it matters.** After n batches a step is made of n gradients: the effective rate grows with
every update. On a straight line through (1, 2), (2, 4), (3, 6) at lr 0.05, plain SGD reaches a loss
below 0.001; without `zero_grad` it swings ever further.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(10):
    for inputs, targets in loader:
        loss = loss_of(model(inputs), targets)
        loss.backward()
        optimizer.step()
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(10):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = loss_of(model(inputs), targets)
        loss.backward()
        optimizer.step()
```

**Silent** where the optimizer leaves what the file shows, where `.grad` is assigned anywhere, with
closures, and in files that import accelerate, deepspeed, lightning or ignite, which may zero them.
"""

import re
from collections.abc import Iterator

from etude.linter.facts import Facts
from etude.linter.record import Remark
from etude.linter.rule import error
from etude.linter.values import Event, Thing

CODE = "LR106"
NAME = "no-zero-grad"
_OWN_WAYS = frozenset({"accelerate", "deepspeed", "lightning", "pytorch_lightning", "ignite"})
_BY_HAND = re.compile(r"\.grad\s*=|\.grad\.(zero_|data\.zero_|detach_)|set_to_none|reset_grad")


def check(facts: Facts) -> Iterator[Remark]:
    """Look for loops that add up gradients."""
    if facts.modules & _OWN_WAYS or _BY_HAND.search(facts.source):
        return
    zeroed = facts.named("zero_grad")
    for event in facts.named("step"):
        optimizer = event.target
        if not isinstance(optimizer, Thing) or optimizer.kind != "optimizer":
            continue
        if optimizer.escaped or event.positional or event.node.keywords or not event.loops:
            continue
        if _adds_up(facts, event) and not any(_zeroes(each, event) for each in zeroed):
            yield error(
                CODE,
                event.node,
                f"no zero_grad() is reached in this loop: after n batches {optimizer} steps along "
                "the sum of n gradients, as if the rate grew with every update",
                "call optimizer.zero_grad() before backward()",
            )


def _adds_up(facts: Facts, event: Event) -> bool:
    """Say whether gradients are computed in the loop that steps the optimizer."""
    loop = event.loop
    if loop is None or loop.opaque:
        return False
    made = event.target.loops if isinstance(event.target, Thing) else ()
    inside = [each for each in facts.named("backward") if loop in each.loops]
    return bool(inside) and loop not in made


def _zeroes(zero: Event, event: Event) -> bool:
    """Say whether a call zeroes the optimizer's gradients in the loop that steps it."""
    own = zero.target is event.target or not (
        isinstance(zero.target, Thing) and zero.target.kind == "optimizer"
    )
    return own and event.loop in zero.loops
