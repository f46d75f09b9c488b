"""Gradients are clipped while a GradScaler still holds them scaled.

**What it sees.** In a loop with `scaler.scale(loss).backward()` and `scaler.step(optimizer)`,
gradients are clipped and `scaler.unscale_(optimizer)` does not stand before.

**Why it matters.** The scale is 65,536 at first. A norm limit of 1 on scaled gradients is a limit
of 1.5e-5 on the true ones: every gradient is clipped to next to nothing, and the effective rate
follows the scaler's scale, which changes during training.

```python
import torch

scaler = torch.amp.GradScaler("cuda")
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        scaler.scale(loss_of(model(inputs), targets)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
```

```python
import torch

scaler = torch.amp.GradScaler("cuda")
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        scaler.scale(loss_of(model(inputs), targets)).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
```

**Silent** where no scaled step is visible in the loop. `--fix` adds the line.
"""

import ast
from collections.abc import Iterator

from etude.linter.facts import Facts
from etude.linter.record import Fix, Remark
from etude.linter.rule import error, fix
from etude.linter.values import Event

CODE = "LR114"
NAME = "clip-scaled"


def check(facts: Facts) -> Iterator[Remark]:
    """Look at the loops that clip."""
    for clip in facts.named("clip"):
        loop = clip.loop
        if loop is None or clip.scaled:
            continue
        inside = [each for each in facts.events if each.loop is loop]
        scaled = [each for each in inside if each.name == "backward" and each.scaled]
        steps = [each for each in inside if each.name == "step" and each.scaled]
        before = [each for each in inside if each.name == "unscale_" and each.index < clip.index]
        if not scaled or not steps or before or scaled[0].index > clip.index:
            continue
        if any(each.index > clip.index for each in steps) and not _plain_beside(inside, clip):
            yield error(
                CODE,
                clip.node,
                "gradients are clipped while they are scaled, by 65,536 at first: a limit of 1 "
                "becomes one of 1.5e-05",
                "call scaler.unscale_(optimizer) before",
                _unscale(steps[-1], clip),
            )


def _plain_beside(inside: list[Event], clip: Event) -> bool:
    """Say whether the clip belongs to another branch, that does not scale."""
    own = set(clip.conditions)
    scaled = [each for each in inside if each.name == "backward" and each.scaled]
    return any(set(each.conditions) - own for each in scaled)


def _unscale(step: Event, clip: Event) -> Fix | None:
    node = step.node
    if not isinstance(clip.statement, ast.Expr) or step.frame != clip.frame:
        return None
    if not isinstance(node.func, ast.Attribute) or not node.args:
        return None
    line = f"{ast.unparse(node.func.value)}.unscale_({ast.unparse(node.args[0])})"
    return fix("insert-before", clip.statement, new=line)
