"""torch.optim.lr_scheduler by name and settings; `etude.from_torch` reads living ones.

torch counts "epochs", most often updates; lr(t) is that after t calls of `step()`. Its minima are
absolute rates: give the optimizer's `lr` with them.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from etude.errors import ScheduleError
from etude.schedules.base import Schedule
from etude.schedules.conventions.parts import (
    cut,
    in_turn,
    line,
    one_of,
    positive,
    power_of,
    stairs,
    stairs_of,
    whole,
)
from etude.schedules.conventions.record import Imported
from etude.schedules.cycles import cosine_wave, cyclic, one_cycle, restarts
from etude.schedules.shapes import constant, cosine, linear, polynomial
from etude.schedules.staircases import multistep

MOMENTUM = "cycles momentum (beta1) as well unless cycle_momentum=False; étude leaves it alone"
OVERRUN = (
    "takes one step more than total_steps and bounces there (a linear one to a negative rate), "
    "then raises ValueError; étude holds the last rate"
)
NEVER_ENDS = "with total_iters=0 its first factor stays for ever"
IGNORED = "its earlier schedulers have no effect: the last one sets the rate and never multiplies"
_SHAPES = {"cos": "cosine", "linear": "linear"}
_SETS = {"CyclicLR", "OneCycleLR", "CosineAnnealingWarmRestarts"}
"""Classes that set the rate; the others multiply the one they find."""


def step_lr(step_size: int, gamma: float = 0.1, *, updates: int | None = None) -> Imported:
    """Import StepLR."""
    size = whole("step_size", step_size)
    return _of("StepLR", power_of(gamma, size, staircase=True, updates=updates))


def multi_step_lr(milestones: Sequence[int], gamma: float = 0.1) -> Imported:
    """Import MultiStepLR."""
    many = sorted(whole("milestones", at, least=0) for at in milestones)
    if not many:
        return _of("MultiStepLR", constant())
    if many[0] > 0 and 0 < gamma <= 1:
        return _of("MultiStepLR", multistep(many, gamma=gamma), end=many[-1])
    steps, value = [(0, 1.0)], 1.0
    for at, times in Counter(many).items():
        value *= gamma**times
        steps.append((at, value))
    return _of("MultiStepLR", stairs(steps), end=many[-1])


def constant_lr(factor: float = 1 / 3, total_iters: int = 5) -> Imported:
    """Import ConstantLR."""
    total = whole("total_iters", total_iters, least=0)
    if total == 0:
        return _of("ConstantLR", constant(factor), notes=(NEVER_ENDS,))
    notes = ("raises ZeroDivisionError at its end, since factor is 0",) if factor == 0 else ()
    return _of("ConstantLR", stairs([(0, factor), (total, 1.0)]), end=total, notes=notes)


def linear_lr(
    start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
) -> Imported:
    """Import LinearLR."""
    total = whole("total_iters", total_iters, least=0)
    if total == 0:
        return _of("LinearLR", constant(start_factor), notes=(NEVER_ENDS,))
    fall = line(total, start_factor, end_factor) or constant()
    return _of("LinearLR", fall, end=total)


def exponential_lr(gamma: float, *, updates: int | None = None) -> Imported:
    """Import ExponentialLR."""
    return _of("ExponentialLR", power_of(gamma, 1, updates=updates))


def polynomial_lr(total_iters: int = 5, power: float = 1.0) -> Imported:
    """Import PolynomialLR."""
    total = whole("total_iters", total_iters, least=0)
    if total == 0 or power == 0:
        return _of("PolynomialLR", constant())
    return _of("PolynomialLR", polynomial(total, power=power), end=total)


def cosine_annealing_lr(T_max: int, eta_min: float = 0.0, *, lr: float = 1.0) -> Imported:  # noqa: N803 - torch's name
    """Import CosineAnnealingLR of an optimizer with that lr."""
    half = whole("T_max", T_max)
    return _of("CosineAnnealingLR", cosine_wave(half, end=eta_min / positive("lr", lr)), end=half)


def cosine_annealing_warm_restarts(
    T_0: int,  # noqa: N803 - torch's name
    T_mult: int = 1,  # noqa: N803
    eta_min: float = 0.0,
    *,
    lr: float = 1.0,
) -> Imported:
    """Import CosineAnnealingWarmRestarts of an optimizer with that lr."""
    period, mult = whole("T_0", T_0), whole("T_mult", T_mult)
    low = eta_min / positive("lr", lr)
    note = "never reaches eta_min: a cycle ends one update before"
    cycles = restarts(period, mult=mult, end=low)
    return _of("CosineAnnealingWarmRestarts", cycles, notes=(note,))


def cyclic_lr(
    base_lr: float,
    max_lr: float,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: str = "triangular",
    gamma: float = 1.0,
    *,
    cycle_momentum: bool = True,
) -> Imported:
    """Import CyclicLR."""
    peak, up = positive("max_lr", max_lr), whole("step_size_up", step_size_up)
    if not 0 <= base_lr <= peak:
        raise ScheduleError(f"base_lr must be from 0 to max_lr, got {base_lr} and {max_lr}")
    down = up if step_size_down is None else whole("step_size_down", step_size_down)
    gamma = gamma if mode == "exp_range" else 1.0
    cycles = cyclic(
        up, down=None if down == up else down, low=base_lr / peak, mode=mode, gamma=gamma
    )
    notes = (MOMENTUM,) if cycle_momentum else ()
    return _of("CyclicLR", cycles, peak_lr=peak, notes=notes)


def one_cycle_lr(
    max_lr: float,
    total_steps: int | None = None,
    epochs: int | None = None,
    steps_per_epoch: int | None = None,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    *,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
    cycle_momentum: bool = True,
) -> Imported:
    """Import OneCycleLR."""
    total = _total_steps(total_steps, epochs, steps_per_epoch)
    shape = _SHAPES[one_of("anneal_strategy", anneal_strategy, _SHAPES)]
    start = 1 / positive("div_factor", div_factor)
    end = start / positive("final_div_factor", final_div_factor)
    if start > 1 or end > 1:
        raise ScheduleError(
            "div_factor and final_div_factor must leave every rate at max_lr or below, got "
            f"{div_factor} and {final_div_factor}"
        )
    peak = pct_start * total - 1  # torch's own product, in the same order
    if peak == 0 or (peak < 0 and three_phase):
        raise ScheduleError(
            f"OneCycleLR cannot rise in pct_start={pct_start:g} of {total} steps (torch divides by "
            "zero); choose another pct_start"
        )
    if peak < 0:
        curve = stairs_of(_late_start(total, peak, end, shape))
    else:
        curve = one_cycle(
            total, up=pct_start, start=start, end=end, shape=shape, three_phase=three_phase
        )
    notes = (OVERRUN, MOMENTUM) if cycle_momentum else (OVERRUN,)
    return _of("OneCycleLR", curve, peak_lr=positive("max_lr", max_lr), end=total - 1, notes=notes)


def _total_steps(total: int | None, epochs: int | None, per_epoch: int | None) -> int:
    if total is None and (epochs is None or per_epoch is None):
        raise ScheduleError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
    return whole("total_steps", (epochs or 0) * (per_epoch or 0) if total is None else total)


def _late_start(total: int, peak: float, end: float, shape: str) -> Iterator[float]:
    """Give the fall of a cycle without a rise, which in torch began before update 0."""
    for t in range(total):
        x = (t - peak) / (total - 1 - peak)
        left = (1 + math.cos(math.pi * x)) / 2 if shape == "cosine" else 1 - x
        yield end + (1 - end) * left


def swa_lr(
    swa_lr: float, anneal_epochs: int = 10, anneal_strategy: str = "cos", *, lr: float = 1.0
) -> Imported:
    """Import SWALR that begins at that lr."""
    end, updates = swa_lr / positive("lr", lr), whole("anneal_epochs", anneal_epochs, least=0)
    shape = one_of("anneal_strategy", anneal_strategy, ("cos", "linear"))
    if updates == 0:
        return _of("SWALR", constant(end))
    fall = cosine(updates, end=end) if shape == "cos" else linear(updates, end=end)
    return _of("SWALR", fall, end=updates)


def sequential_lr(schedulers: Sequence[Imported], milestones: Sequence[int]) -> Imported:
    """Import SequentialLR of what the other functions here gave."""
    many = _all_imported("SequentialLR", schedulers)
    sets = [part.name for part in many if part.peak_lr is not None]
    if sets:
        raise ScheduleError(
            f"{sets[0]} changes the rate that the others of a SequentialLR start from; import the "
            "living scheduler with etude.from_torch"
        )
    return sequence(many, milestones)


def sequence(parts: Sequence[Imported], milestones: Sequence[int]) -> Imported:
    """Put imported schedules one after another; each starts anew at its milestone."""
    if len(milestones) != len(parts) - 1:
        raise ScheduleError(
            f"milestones must be one fewer than the schedulers, got {len(milestones)} for"
            f" {len(parts)}"
        )
    starts = [0, *(whole("milestones", at, least=0) for at in milestones)]
    if starts != sorted(starts):
        raise ScheduleError(f"milestones must be in order, got {list(milestones)}")
    cuts = [
        cut(part.schedule, after - start)
        for part, start, after in zip(parts[:-1], starts, starts[1:], strict=False)
        if after > start
    ]
    last = parts[-1]
    end = None if last.end is None else starts[-1] + last.end
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return _of("SequentialLR", in_turn(*cuts, last.schedule), end=end, notes=notes)


def chained_scheduler(schedulers: Sequence[Imported]) -> Imported:
    """Import ChainedScheduler of what the other functions here gave."""
    return product(_all_imported("ChainedScheduler", schedulers))


def product(parts: Sequence[Imported]) -> Imported:
    """Multiply imported schedules as ChainedScheduler does."""
    names = [part.name for part in parts]
    last = parts[-1]
    if last.name in {*_SETS, "LambdaLR"}:
        notes = (IGNORED, *last.notes) if len(parts) > 1 else last.notes
        return _of("ChainedScheduler", last.schedule, peak_lr=last.peak_lr, notes=notes)
    odd = [name for name in names if name in {*_SETS, "LambdaLR", "SWALR", "SequentialLR"}]
    if odd and len(parts) > 1:
        raise ScheduleError(
            f"a ChainedScheduler with {odd[0]} before its end has no closed form; import the living"
            " scheduler with etude.from_torch(scheduler, updates=...)"
        )
    curve, note = _all_multiplied(parts)
    ends = [part.end for part in parts if part.end is not None]
    return _of("ChainedScheduler", curve, end=max(ends, default=None), notes=note)


def _all_multiplied(parts: Sequence[Imported]) -> tuple[Schedule, tuple[str, ...]]:
    """Multiply; a cosine holds at its end, if other factors would not climb back with it."""
    waves = [part for part in parts if part.name == "CosineAnnealingLR"]
    others = [part.schedule for part in parts if part.name != "CosineAnnealingLR"]
    if not waves or len(parts) == 1:
        return _multiply([part.schedule for part in parts]), ()
    if len(waves) > 1 or waves[0].schedule(waves[0].end or 0) > 0:
        raise ScheduleError(
            "a ChainedScheduler of CosineAnnealingLR with eta_min, or of two, has no closed form; "
            "import the living scheduler with etude.from_torch(scheduler, updates=...)"
        )
    half = waves[0].end or 1
    if all(abs(other(half + t) - 1) == 0 for other in others for t in range(2)):
        return _multiply([*others, waves[0].schedule]), ()
    note = f"climbs again from update {half} on, without its other factors; étude stays at 0"
    return _multiply([*others, cosine(half)]), (note,)


def _multiply(many: Sequence[Schedule]) -> Schedule:
    found = many[0]
    for schedule in many[1:]:
        found = found * schedule
    return found


def _all_imported(name: str, parts: Any) -> list[Imported]:
    if not isinstance(parts, list | tuple) or not parts:
        raise ScheduleError(f"{name} needs a list of schedulers, got {parts!r}")
    many = list(cast("Sequence[object]", parts))
    found = [part for part in many if isinstance(part, Imported)]
    if len(found) < len(many):
        raise ScheduleError(f"{name} takes schedulers of torch, got {many!r}")
    return found


def _of(name: str, schedule: Schedule, **facts: Any) -> Imported:
    return Imported("torch", name, schedule, **facts)


READERS: dict[str, Callable[..., Imported]] = {
    "StepLR": step_lr,
    "MultiStepLR": multi_step_lr,
    "ConstantLR": constant_lr,
    "LinearLR": linear_lr,
    "ExponentialLR": exponential_lr,
    "PolynomialLR": polynomial_lr,
    "CosineAnnealingLR": cosine_annealing_lr,
    "CosineAnnealingWarmRestarts": cosine_annealing_warm_restarts,
    "CyclicLR": cyclic_lr,
    "OneCycleLR": one_cycle_lr,
    "SWALR": swa_lr,
    "SequentialLR": sequential_lr,
    "ChainedScheduler": chained_scheduler,
}
