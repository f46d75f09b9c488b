"""Gradients are clipped where it has no effect: after the step, or before there are any.

**What it sees.** In one loop, `clip_grad_norm_` or `clip_grad_value_` after every
`optimizer.step()`, or before every `backward()`.

**Why it matters.** The step uses the gradients as they are: the spike that clipping was to stop
goes into the weights. What is clipped afterwards is set to zero by the next `zero_grad()`.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        optimizer.step()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(90):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_of(model(inputs), targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
```

**Silent** where conditions differ or where no step is visible. `--fix` swaps a step with the
clipping that follows it.
"""

from collections.abc import Iterator

from etude.linter.facts import Facts, is_kind, line_of, looks_like_optimizer, within
from etude.linter.record import Remark
from etude.linter.rule import error, swap

CODE = "LR113"
NAME = "clip-misplaced"


def check(facts: Facts) -> Iterator[Remark]:
    """Compare the order in each loop that clips."""
    for clip in facts.named("clip"):
        loop = clip.loop
        if loop is None or loop.opaque or not loop.updates or within(clip, loop):
            continue
        steps = [
            each
            for each in facts.named("step")
            if each.loop is loop
            and (is_kind(each.target, "optimizer") or looks_like_optimizer(each.target))
        ]
        gradients = [each for each in facts.named("backward") if each.loop is loop]
        if not steps or not gradients or any(within(each, loop) for each in (*steps, *gradients)):
            continue
        last, first = steps[-1], gradients[0]
        if clip.index > last.index:
            yield error(
                CODE,
                clip.node,
                f"gradients are clipped after the step of line {line_of(last.node)} that uses "
                "them: nothing is clipped",
                "clip between backward() and step()",
                swap(facts.nodes, last.statement, clip.statement),
            )
        elif clip.index < first.index:
            yield error(
                CODE,
                clip.node,
                f"gradients are clipped before backward() in line {line_of(first.node)} computes "
                "them: nothing is clipped",
                "clip between backward() and step()",
            )
