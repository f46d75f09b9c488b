"""ReduceLROnPlateau watches a negative number with a relative threshold.

**What it sees.** `scheduler.step(-metric)` in mode "min" with the default threshold mode "rel".

**Why it matters.** A relative threshold asks for less than `best * (1 - threshold)`. For negative
numbers that lies above the best: with a threshold of 0.1, -0.95 after -1.0 counts as progress, so
that the scheduler waits while the metric gets worse.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, threshold=0.1)
for epoch in range(90):
    score = train_and_evaluate(model, loader)
    scheduler.step(-score)
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", threshold=0.1)
for epoch in range(90):
    score = train_and_evaluate(model, loader)
    scheduler.step(score)
```

**Silent** with `threshold_mode="abs"` and about losses, which may be negative by themselves.
"""

import ast
from collections.abc import Iterator

from etude.linter.catalogue import PLATEAU
from etude.linter.facts import Facts, first_argument, number, text
from etude.linter.record import Remark
from etude.linter.rule import warning

CODE = "LR127"
NAME = "negated-metric"


def check(facts: Facts) -> Iterator[Remark]:
    """Look at what each such scheduler is given."""
    for scheduler in facts.schedulers:
        if scheduler.short != PLATEAU or not scheduler.complete:
            continue
        relative = text(scheduler, "threshold_mode", "rel") == "rel"
        for event in facts.of(scheduler, "step") if relative else ():
            given = first_argument(event)
            if not isinstance(given, ast.UnaryOp) or not isinstance(given.op, ast.USub):
                continue
            if "loss" in ast.unparse(given).lower() or text(scheduler, "mode", "min") != "min":
                continue
            threshold = number(scheduler, "threshold", 1e-4)
            worse = "a little worse" if threshold is None else f"{100 * threshold:g} % worse"
            yield warning(
                CODE,
                event.node,
                f"with a relative threshold, a negative number counts as better when it is up to "
                f"{worse}",
                'build it with mode="max" and pass the metric itself',
            )
