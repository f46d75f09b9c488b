"""A LightningModule's scheduler is stepped at another interval than its length counts.

**What it sees.** What `configure_optimizers` returns: OneCycleLR, a schedule of transformers, or a
length such as `estimated_stepping_batches` without `"interval": "step"`; a length in epochs with
it; ReduceLROnPlateau without `"monitor"`.

**Why it matters.** Lightning steps schedulers once per epoch unless told otherwise. A cosine with
warm-up over 10,000 updates then does 30 steps in 30 epochs: 0.3 % of it, and the run ends within
the warm-up, at next to no rate. A plateau scheduler without a monitor ends in
MisconfigurationException.

```python
import lightning as L
import torch


class Net(L.LightningModule):
    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=1e-3, total_steps=self.trainer.estimated_stepping_batches
        )
        return {"optimizer": optimizer, "lr_scheduler": scheduler}
```

```python
import lightning as L
import torch


class Net(L.LightningModule):
    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=1e-3, total_steps=self.trainer.estimated_stepping_batches
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }
```

**Silent** about OneCycleLR with a constant `total_steps` or a length in epochs, with manual
optimization, where `lr_scheduler_step` is overridden, and where the dict is not written out.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from etude.linter.catalogue import HF_SCHEDULES, PLATEAU
from etude.linter.facts import Facts
from etude.linter.loops import unit
from etude.linter.record import Remark
from etude.linter.rule import error
from etude.linter.values import Bag, Choice, Plain, Thing, Unknown, Value, as_number, shown, things

CODE = "LR118"
NAME = "lightning-interval"
_COUNTED = (
    "T_max",
    "total_iters",
    "total_steps",
    "step_size",
    "num_training_steps",
    "steps_per_epoch",
)


@dataclass(frozen=True, slots=True)
class _Setting:
    """How Lightning will step a scheduler."""

    scheduler: Thing
    interval: str
    monitored: bool


def check(facts: Facts) -> Iterator[Remark]:
    """Look at what each `configure_optimizers` returns."""
    for cls in facts.classes:
        method = cls.methods.get("configure_optimizers")
        if method is None or "lr_scheduler_step" in cls.methods or _manual(cls.node):
            continue
        for result in facts.results.get(method, []):
            for setting in _settings(result):
                yield from _check(setting)


def _manual(node: ast.ClassDef) -> bool:
    return any(
        isinstance(part, ast.Attribute) and part.attr == "automatic_optimization"
        for part in ast.walk(node)
    )


def _settings(result: Value) -> Iterator[_Setting]:
    """Read the forms in which Lightning takes schedulers."""
    if isinstance(result, Choice):
        for each in result.values:
            yield from _settings(each)
    elif isinstance(result, Bag) and result.keys is not None:
        yield from _in_dict(result)
    elif isinstance(result, Bag):
        items = result.items
        pair = len(items) == 2 and all(isinstance(item, Bag) for item in items)  # noqa: PLR2004
        if pair and isinstance(items[1], Bag) and not _is_dict(items[0]):
            for item in items[1].items if items[1].keys is None else [items[1]]:
                yield from _of(item, monitored=False)
        else:
            for item in items:
                if _is_dict(item):
                    yield from _settings(item)


def _is_dict(value: Value) -> bool:
    return isinstance(value, Bag) and value.keys is not None


def _in_dict(result: Bag) -> Iterator[_Setting]:
    given = result.get("lr_scheduler")
    if given is not None:
        yield from _of(given, monitored=result.get("monitor") is not None)


def _of(value: Value, *, monitored: bool) -> Iterator[_Setting]:
    interval = "epoch"
    if isinstance(value, Bag) and value.keys is not None:
        if any(isinstance(key, Unknown) for key in value.keys):
            return
        found = value.get("interval")
        if found is not None:
            interval = str(found.value) if isinstance(found, Plain) else ""
        monitored = monitored or value.get("monitor") is not None
        value = value.get("scheduler") or Plain(None)
    for scheduler in things(value):
        if scheduler.kind == "scheduler" and interval:
            yield _Setting(scheduler, interval, monitored)


def _check(setting: _Setting) -> Iterator[Remark]:
    scheduler = setting.scheduler
    if scheduler.short == PLATEAU:
        if not setting.monitored:
            yield error(
                CODE,
                scheduler.node,
                "Lightning must know which metric ReduceLROnPlateau watches: fit() raises "
                "MisconfigurationException",
                'return {"scheduler": scheduler, "monitor": "val_loss"} as "lr_scheduler"',
            )
        return
    counted = _counts(scheduler)
    if counted == "updates" and setting.interval == "epoch":
        yield error(
            CODE,
            scheduler.node,
            f"{scheduler} counts updates{_length(scheduler)}, but Lightning steps it once per "
            "epoch unless told otherwise: training ends near the schedule's beginning",
            'return {"scheduler": scheduler, "interval": "step"} as "lr_scheduler"',
        )
    elif counted == "epochs" and setting.interval == "step":
        yield error(
            CODE,
            scheduler.node,
            f"{scheduler} counts epochs{_length(scheduler)}, but is stepped with every update: it "
            "is at its end within the first epochs",
            'leave "interval" out, or give the length in updates: '
            "self.trainer.estimated_stepping_batches",
        )


def _counts(scheduler: Thing) -> str:
    if scheduler.short in HF_SCHEDULES:
        return "updates"
    for name in _COUNTED:
        length = as_number(scheduler.arguments.get(name))
        if length is not None and (found := unit(length)):
            return found
    per_epoch = as_number(scheduler.arguments.get("steps_per_epoch"))
    return "" if per_epoch is None or per_epoch.value in {None, 1} else "updates"


def _length(scheduler: Thing) -> str:
    for name in _COUNTED:
        if name in scheduler.arguments:
            return f" ({name}={shown(scheduler.arguments[name])})"
    return ""
