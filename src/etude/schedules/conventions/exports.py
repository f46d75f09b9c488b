"""étude's schedules as code for torch and for Hugging Face, with what will be otherwise.

A library's own class or name is used where its values are the same up to the schedule's end; then
a run that goes on differs, and that is said. Else the code has étude's formulas in it, or étude.
"""

from dataclasses import dataclass
from typing import Any

from etude.schedules.base import Schedule
from etude.schedules.compose import Sequence
from etude.schedules.conventions import hf
from etude.schedules.conventions.native import recipe
from etude.schedules.conventions.record import Imported
from etude.schedules.cycles import Wave
from etude.schedules.foreign import HardRestarts
from etude.schedules.shapes import (
    Constant,
    Cosine,
    InverseSqrt,
    Linear,
    OneMinusSqrt,
    Polynomial,
)
from etude.schedules.traits import SAME
from etude.schedules.units import number_text
from etude.schedules.warmups import Warmup

_CLIMBS = {"CosineAnnealingLR"}
_GOES_ON = {"ExponentialLR", "StepLR", "CosineAnnealingWarmRestarts", "CyclicLR"}
_ONE_PEAK = "it holds absolute rates: for param groups with another lr, write one scheduler each"


@dataclass(frozen=True, slots=True)
class Export:
    """A schedule as another library's code.

    Attributes:
        code: Python that a user can paste.
        name: The library's own class or name; None where the code has étude's formula.
        differences: What will be otherwise than with étude, one sentence each.
    """

    code: str
    name: str | None
    differences: tuple[str, ...] = ()


def to_torch_code(schedule: Schedule, *, peak_lr: float | None = None) -> Export:
    """Write a bound schedule as torch code, given an `optimizer`.

    Args:
        schedule: The schedule.
        peak_lr: The optimizer's lr, which classes with absolute rates need.

    Raises:
        ScheduleError: It is not bound, or holds a function without an import name.
    """
    schedule.rule()  # refuses one that is not bound
    found = recipe(schedule, peak_lr)
    if found is None:
        source = schedule.source("multiplier")
        use = "scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, multiplier)\n"
        return Export(f"import torch\n{source}\n\n{use}", None)
    call = found.call("lr_scheduler.")
    code = f"from torch.optim import lr_scheduler\n\nscheduler = {call}\n"
    last = found.parts[-1].name if found.parts else found.name
    notes = [_ONE_PEAK] if found.sets_rate else []
    if last in _CLIMBS:
        notes.append("after the schedule's end torch climbs back, étude holds")
    elif last == "OneCycleLR":
        notes.append("torch raises an error two updates after the end, étude holds")
    elif last in _GOES_ON:
        notes.append("torch has no end of it, étude holds after the run")
    notes.append("torch's scheduler resumes only when all states are loaded in its order")
    return Export(code, found.name, tuple(notes))


def to_hf_code(schedule: Schedule, updates: int, *, peak_lr: float | None = None) -> Export:
    """Write a bound schedule for transformers' Trainer.

    Args:
        schedule: The schedule.
        updates: Length of the run.
        peak_lr: The optimizer's lr.

    Raises:
        ScheduleError: It is not bound.
    """
    candidates = _candidates(schedule, updates, peak_lr)
    rule = schedule.rule()
    missed = [(_apart(rule, found, updates), name, kw) for found, name, kw in candidates]
    nearest = min(missed, key=lambda item: item[0][0], default=None)
    if nearest is not None and nearest[0][0] <= SAME:
        return Export(_arguments(nearest[1], nearest[2], updates, peak_lr), nearest[1])
    code = (
        "from etude import Scheduler\nfrom etude.schedules import parse\n\n"
        f"schedule = parse({str(schedule)!r})\n"
        "trainer = Trainer(..., optimizers=(optimizer, Scheduler(optimizer, schedule)))\n"
    )
    if nearest is None:
        return Export(code, None, ("transformers has nothing like it",))
    (apart, t), name, _ = nearest
    sentence = f"transformers' {name!r} is nearest: {apart:.3g} of the peak apart at update {t}"
    return Export(code, None, (sentence,))


def _apart(rule: Any, found: Imported, updates: int) -> tuple[float, int]:
    theirs = found.schedule.rule()
    # rounded, so that of updates equally far apart the first is named
    apart, t = max((round(abs(rule(t) - theirs(t)), 12), -t) for t in range(updates))
    return apart, -t


def _arguments(name: str, kw: dict[str, Any], updates: int, peak: float | None) -> str:
    more = {key: value for key, value in kw.items() if key not in _OF_THE_RUN}
    lines = [
        "args = TrainingArguments(",
        "    ...,",
        f"    max_steps={updates},",
        *([f"    learning_rate={number_text(peak)},"] if peak is not None else []),
        f"    lr_scheduler_type={name!r},",
        f"    warmup_steps={kw.get('num_warmup_steps', 0)},",
        *([f"    lr_scheduler_kwargs={more!r},"] if more else []),
        ")",
    ]
    return "from transformers import TrainingArguments\n\n" + "\n".join(lines) + "\n"


_OF_THE_RUN = {"num_warmup_steps", "num_training_steps", "lr"}


def _candidates(
    schedule: Schedule, updates: int, peak: float | None
) -> list[tuple[Imported, str, dict[str, Any]]]:
    """Give what transformers has of the same shape; whether it is the same, the values say."""
    parts = list(schedule.parts) if isinstance(schedule, Sequence) else [schedule]
    warm = 0
    if isinstance(parts[0], Warmup) and len(parts) > 1:
        warm = parts[0].updates or 0
        parts = parts[1:]
    run = {"num_warmup_steps": warm, "num_training_steps": updates}
    named = _named(parts, run, peak)
    return [(hf.READERS[name](**kw), name, kw) for name, kw in named]


def _named(  # noqa: PLR0911 - one line per name
    parts: list[Schedule], run: dict[str, int], peak: float | None
) -> list[tuple[str, dict[str, Any]]]:
    warm = {"num_warmup_steps": run["num_warmup_steps"]}
    match parts:
        case [Constant(value=1.0)]:
            return [("constant_with_warmup", warm)] if any(warm.values()) else [("constant", {})]
        case [Linear(start=1.0)]:
            return [("linear", run)]
        case [Cosine(end=0.0)]:
            return [("cosine", run)]
        case [Cosine(end=end)]:
            return [("cosine_with_min_lr", run | {"min_lr_rate": end})]
        case [Wave(half=half, end=end)]:
            left = max(1, run["num_training_steps"] - run["num_warmup_steps"])
            cycles = {"num_cycles": left / (2 * half)}
            low = {"min_lr_rate": end} if end else {}
            return [("cosine_with_min_lr" if end else "cosine", run | cycles | low)]
        case [HardRestarts(cycles=cycles)]:
            return [("cosine_with_restarts", run | {"num_cycles": cycles})]
        case [InverseSqrt(timescale=int(scale))]:
            return [("inverse_sqrt", warm | {"timescale": scale})]
        case [Polynomial(start=1.0, power=power, end=end)] if end < 1 and (peak or not end):
            low = {"lr_end": end * (peak or 1.0), "power": power, "lr": peak or 1.0}
            return [("polynomial", run | low)]
        case [Constant(value=1.0), (Linear() | Cosine() | OneMinusSqrt()) as fall]:
            shapes = {"linear": "linear", "cosine": "cosine", "1-sqrt": "1-sqrt"}
            more = {"num_decay_steps": fall.updates, "decay_type": shapes[fall.kind]}
            return [("warmup_stable_decay", run | more | {"min_lr_ratio": fall.end})]
        case _:
            return []
