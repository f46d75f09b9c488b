"""étude's schedules as torch's own classes, where the values are the same for the whole run.

A recipe is the class's name and its settings; `exports` writes it as code, and
`etude.to_torch` builds it.
"""

from dataclasses import dataclass, field
from typing import Any

from etude.schedules.base import Schedule
from etude.schedules.compose import Sequence
from etude.schedules.cycles import Cyclic, OneCycle, Restarts, Wave
from etude.schedules.shapes import Constant, Cosine, Exponential, Linear, Polynomial
from etude.schedules.staircases import Multistep, Step
from etude.schedules.warmups import Warmup


@dataclass(frozen=True, slots=True)
class Recipe:
    """A torch scheduler to be.

    Attributes:
        name: Its class.
        settings: Its keyword arguments.
        parts: The schedulers that it is given as a list.
        sets_rate: Whether its settings hold absolute rates, so that it is for one peak lr only.
    """

    name: str
    settings: dict[str, Any]
    parts: tuple["Recipe", ...] = ()
    sets_rate: bool = field(default=False)

    def call(self, prefix: str = "") -> str:
        """Write it as a call that takes `optimizer`."""
        given = [f"{key}={value!r}" for key, value in self.settings.items()]
        inner = [f"[{', '.join(part.call(prefix) for part in self.parts)}]"] if self.parts else []
        return f"{prefix}{self.name}({', '.join(['optimizer', *inner, *given])})"


def recipe(schedule: Schedule, peak_lr: float | None) -> Recipe | None:
    """Give the torch scheduler with the same values up to the schedule's end; None for none.

    Args:
        schedule: A bound schedule.
        peak_lr: The optimizer's lr; without it, a class that takes absolute rates is no choice.
    """
    if not isinstance(schedule, Sequence):
        return _alone(schedule, peak_lr) or _part(schedule, peak_lr)
    parts = [_part(part, peak_lr) for part in schedule.parts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    sets_rate = any(part.sets_rate for part in known)
    settings = {"milestones": schedule.starts[1:]}
    return Recipe("SequentialLR", settings, tuple(known), sets_rate)


def _part(schedule: Schedule, peak: float | None) -> Recipe | None:  # noqa: C901, PLR0911 - one line per class
    """Give a class that may stand within a SequentialLR too."""
    match schedule:
        case Constant(value=value) if value <= 1:
            return Recipe("ConstantLR", {"factor": value, "total_iters": schedule.updates or 10**9})
        case Warmup(shape="linear", start=None, updates=int(size)) if size > 1:
            return Recipe("LinearLR", {"start_factor": 1 / size, "total_iters": size - 1})
        case Warmup(shape="linear", start=None):
            return Recipe("ConstantLR", {"factor": 1.0, "total_iters": 1})
        case Warmup(shape="linear", start=float(start), updates=int(size)) if start > 0:
            return Recipe("LinearLR", {"start_factor": start, "total_iters": size})
        case Linear(start=start, end=end, updates=int(size)) if 0 < start <= 1 and end <= 1:
            settings = {"start_factor": start, "end_factor": end, "total_iters": size}
            return Recipe("LinearLR", settings)
        case Polynomial(start=1.0, end=0.0, power=power, updates=int(size)):
            return Recipe("PolynomialLR", {"total_iters": size, "power": power})
        case Exponential(gamma=gamma, every=None, updates=int(size)):
            return Recipe("ExponentialLR", {"gamma": gamma ** (1 / size)})
        case Exponential(gamma=gamma, every=int(every)):
            return Recipe("ExponentialLR", {"gamma": gamma ** (1 / every)})
        case Step(every=int(every), gamma=gamma):
            return Recipe("StepLR", {"step_size": every, "gamma": gamma})
        case Multistep(milestones=milestones, gamma=gamma):
            return Recipe("MultiStepLR", {"milestones": list(milestones), "gamma": gamma})
        case _:
            return _with_minimum(schedule, peak)


def _with_minimum(schedule: Schedule, peak: float | None) -> Recipe | None:
    """Give a class whose minimum is an absolute rate."""
    match schedule:
        case Cosine(end=end, updates=int(size)):
            name, settings = "CosineAnnealingLR", {"T_max": size}
        case Wave(end=end, half=half) if half.is_integer():
            name, settings = "CosineAnnealingLR", {"T_max": int(half)}
        case Restarts(decay=1.0, mult=mult, end=end, period=int(period)) if mult.is_integer():
            name, settings = "CosineAnnealingWarmRestarts", {"T_0": period, "T_mult": int(mult)}
        case _:
            return None
    if end and peak is None:
        return None
    low = {"eta_min": end * (peak or 0.0)} if end else {}
    return Recipe(name, settings | low, sets_rate=bool(end))


def _alone(schedule: Schedule, peak: float | None) -> Recipe | None:
    """Give a class that overwrites what others of a SequentialLR start from."""
    if peak is None:
        return None
    match schedule:
        case Cyclic(up=int(up), down=down, low=low, mode=mode, gamma=gamma):
            down = {} if down is None else {"step_size_down": down}
            rates = {"base_lr": low * peak, "max_lr": peak, "step_size_up": up}
            settings = rates | down | {"mode": mode, "gamma": gamma, "cycle_momentum": False}
            return Recipe("CyclicLR", settings, sets_rate=True)
        case OneCycle(updates=int(size), up=up, start=start, end=end) if start and end:
            if up * size - 1 <= 0:
                return None
            settings: dict[str, Any] = {"max_lr": peak, "total_steps": size, "pct_start": up}
            settings["anneal_strategy"] = {"cosine": "cos"}.get(schedule.shape, schedule.shape)
            settings |= {"div_factor": 1 / start, "final_div_factor": start / end}
            settings |= {"three_phase": schedule.three_phase, "cycle_momentum": False}
            return Recipe("OneCycleLR", settings, sets_rate=True)
        case _:
            return None
