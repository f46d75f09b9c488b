"""ReduceLROnPlateau is stepped without its metric, per batch, or the wrong way round.

**What it sees.** `step()` without an argument; `step(...)` once per batch without a condition; a
metric named accuracy, F1, IoU or the like in mode "min", which is the default.

**Why it matters.** Without a metric it raises TypeError. Per batch, `patience=10` means ten noisy
batches, not ten epochs: the rate is cut while training goes well. In mode "min" a rising accuracy
is no progress: after `patience + 1` epochs of improvement the rate is cut by ten, again and again,
until it is 0 for all purposes.

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=5)
for epoch in range(90):
    train_one_epoch(model, loader)
    val_accuracy = evaluate(model)
    scheduler.step(val_accuracy)
```

```python
import torch

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=5)
for epoch in range(90):
    train_one_epoch(model, loader)
    val_accuracy = evaluate(model)
    scheduler.step(val_accuracy)
```

**Silent** where the call depends on a condition, and about metrics whose name says nothing.
`--fix` writes `mode="max"`.
"""

import ast
import re
from collections.abc import Iterator

from etude.linter.catalogue import PLATEAU
from etude.linter.facts import Facts, first_argument, number, text, within
from etude.linter.loops import Kind, kind
from etude.linter.record import Fix, Remark
from etude.linter.rule import error, fix, warning
from etude.linter.values import Event, Thing

CODE = "LR107"
NAME = "plateau-misused"
_RISES = re.compile(
    r"(^|_)(acc|accs|accuracy|accuracies|f1|auc|auroc|map|miou|iou|dice|bleu|rouge|psnr|ssim|r2|"
    r"precision|recall|top1|top5|acc1|acc5|kappa|mcc)(_|$|score)",
    re.IGNORECASE,
)
_FALLS = re.compile(r"loss|err|neg|inv|minus|rmse|mae|mse", re.IGNORECASE)


def check(facts: Facts) -> Iterator[Remark]:
    """Look at the calls of each such scheduler."""
    for scheduler in facts.schedulers:
        if scheduler.short != PLATEAU or not scheduler.complete:
            continue
        for event in facts.of(scheduler, "step"):
            found = _without_metric(event) or _upside_down(scheduler, event)
            found = found or _per_batch(scheduler, event)
            if found is not None:
                yield found


def _without_metric(event: Event) -> Remark | None:
    node = event.node
    if node.args or node.keywords or (event.loop and within(event, event.loop)):
        return None
    return error(
        CODE,
        node,
        "ReduceLROnPlateau needs the metric that it watches: this call raises TypeError",
        "pass the validation loss: scheduler.step(val_loss)",
    )


def _upside_down(scheduler: Thing, event: Event) -> Remark | None:
    argument = first_argument(event)
    name = _name(argument)
    if not _RISES.search(name) or _FALLS.search(name):
        return None
    if text(scheduler, "mode", "min") != "min":
        return None
    patience = int(number(scheduler, "patience", 10) or 0)
    factor = number(scheduler, "factor", 0.1) or 0.1
    return error(
        CODE,
        event.node,
        f"{name} is better when it is higher, but the scheduler is in mode 'min': while it rises, "
        f"the rate is multiplied by {factor:g} every {patience + 1} calls",
        'build it with mode="max"',
        _to_max(scheduler),
    )


def _to_max(scheduler: Thing) -> Fix | None:
    given = scheduler.nodes.get("mode")
    if given is None:
        return fix("add-keyword", scheduler.node, "mode", '"max"')
    written = isinstance(given, ast.Constant)
    return fix("replace-string", given, "min", "max") if written else None


def _name(node: ast.expr | None) -> str:
    """Give the name that a metric goes by: of a variable, an attribute or a dict's key."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return ""


def _per_batch(scheduler: Thing, event: Event) -> Remark | None:
    loop = event.loop
    if loop is None or kind(loop) is not Kind.BATCH or not loop.updates or within(event, loop):
        return None
    patience = int(number(scheduler, "patience", 10) or 0)
    return warning(
        CODE,
        event.node,
        f"ReduceLROnPlateau is stepped once per batch: {patience + 1} batches without a new best "
        "loss, which noise alone gives, cut the rate",
        "step it once per epoch with the validation loss",
    )
