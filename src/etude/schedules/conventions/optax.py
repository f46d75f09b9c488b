"""optax schedules by name and settings (optax 0.2.8).

An optax schedule gives absolute rates; its highest setting becomes the peak lr. decay_steps of
the warmup schedules counts the warmup too.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from etude.errors import ScheduleError
from etude.schedules.base import Schedule
from etude.schedules.conventions.parts import (
    cut,
    half_cosine,
    in_turn,
    line,
    one_of,
    positive,
    power_of,
    scaled,
    stairs,
    stretch,
    whole,
)
from etude.schedules.conventions.record import Imported
from etude.schedules.foreign import CosinePower
from etude.schedules.shapes import constant, cosine, polynomial


def constant_schedule(value: float) -> Imported:
    """Import constant_schedule."""
    return _of("constant_schedule", constant(), positive("value", value))


def polynomial_schedule(
    init_value: float,
    end_value: float,
    power: float,
    transition_steps: int,
    transition_begin: int = 0,
) -> Imported:
    """Import polynomial_schedule."""
    peak = _peak(init_value, end_value)
    start, end = init_value / peak, end_value / peak
    steps = int(transition_steps)
    if steps <= 0:
        return _of("polynomial_schedule", constant(start), peak)
    begin = max(int(transition_begin), 0)
    curve = polynomial(steps, power=power, start=start, end=end)
    if power == 1:
        curve = line(steps, start, end)
    schedule = in_turn(stretch(start, begin), curve)
    return _of("polynomial_schedule", schedule, peak, end=begin + steps)


def linear_schedule(
    init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0
) -> Imported:
    """Import linear_schedule."""
    found = polynomial_schedule(init_value, end_value, 1, transition_steps, transition_begin)
    return _of("linear_schedule", found.schedule, found.peak_lr, end=found.end)


def piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Imported:
    """Import piecewise_constant_schedule."""
    values = _multiplied(init_value, boundaries_and_scales)
    peak = _peak(*(value for _, value in values))
    steps = stairs((at, value / peak) for at, value in values)
    return _of("piecewise_constant_schedule", steps, peak)


def piecewise_interpolate_schedule(
    interpolate_type: str,
    init_value: float,
    boundaries_and_scales: Mapping[int, float] | None = None,
) -> Imported:
    """Import piecewise_interpolate_schedule."""
    shape = one_of("interpolate_type", interpolate_type, ("linear", "cosine"))
    values = _multiplied(init_value, boundaries_and_scales)
    return _of("piecewise_interpolate_schedule", *_interpolated(shape, values))


def exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
    *,
    updates: int | None = None,
) -> Imported:
    """Import exponential_decay."""
    peak = positive("init_value", init_value)
    if transition_steps <= 0 or decay_rate == 0:
        return _of("exponential_decay", constant(), peak)
    begin = max(int(transition_begin), 0)
    low = None if end_value is None else end_value / peak
    rest = None if updates is None else max(updates - begin, 1)
    every = whole("transition_steps", transition_steps)
    curve = power_of(decay_rate, every, staircase=staircase, end=low, updates=rest)
    # before transition_begin the end_value holds as well
    before = stretch(curve(0), begin)
    return _of("exponential_decay", in_turn(before, curve), peak)


def cosine_decay_schedule(
    init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0
) -> Imported:
    """Import cosine_decay_schedule."""
    steps = whole("decay_steps", decay_steps)
    curve = _cosine(steps, alpha, exponent)
    return _of("cosine_decay_schedule", curve, positive("init_value", init_value), end=steps)


def linear_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Imported:
    """Import linear_onecycle_schedule."""
    total = whole("transition_steps", transition_steps)
    scales = {
        int(pct_start * total): div_factor,
        int(pct_final * total): 1 / div_factor,
        total: 1 / final_div_factor,
    }
    values = _multiplied(peak_value / div_factor, scales)
    return _of("linear_onecycle_schedule", *_interpolated("linear", values), end=total)


def cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Imported:
    """Import cosine_onecycle_schedule."""
    total = whole("transition_steps", transition_steps)
    scales = {int(pct_start * total): div_factor, total: 1 / (div_factor * final_div_factor)}
    values = _multiplied(peak_value / div_factor, scales)
    return _of("cosine_onecycle_schedule", *_interpolated("cosine", values), end=total)


def warmup_constant_schedule(init_value: float, peak_value: float, warmup_steps: int) -> Imported:
    """Import warmup_constant_schedule."""
    found = polynomial_schedule(init_value, peak_value, 1, warmup_steps)
    return _of("warmup_constant_schedule", found.schedule, found.peak_lr)


def warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Imported:
    """Import warmup_cosine_decay_schedule."""
    warm = whole("warmup_steps", warmup_steps, least=0)
    rest = whole("decay_steps", decay_steps) - warm
    if rest < 1:
        raise ScheduleError(
            "decay_steps must be more than warmup_steps, since it counts the warmup too; got "
            f"{decay_steps} and {warmup_steps}"
        )
    top = positive("peak_value", peak_value)
    peak = _peak(init_value, top)
    rise = line(warm, init_value / peak, top / peak)
    fall = scaled(top / peak, _cosine(rest, end_value / top, exponent))
    name = "warmup_cosine_decay_schedule"
    return _of(name, in_turn(rise, fall), peak, end=warm + rest)


def warmup_exponential_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
    *,
    updates: int | None = None,
) -> Imported:
    """Import warmup_exponential_decay_schedule."""
    warm = whole("warmup_steps", warmup_steps, least=0)
    rest = None if updates is None else max(updates - warm, 1)
    decay = exponential_decay(
        peak_value,
        transition_steps,
        decay_rate,
        transition_begin,
        staircase,
        end_value,
        updates=rest,
    )
    peak = _peak(init_value, peak_value)
    rise = line(warm, init_value / peak, peak_value / peak)
    curve = in_turn(rise, scaled(peak_value / peak, decay.schedule))
    return _of("warmup_exponential_decay_schedule", curve, peak)


def sgdr_schedule(cosine_kwargs: Sequence[Mapping[str, Any]]) -> Imported:
    """Import sgdr_schedule."""
    cycles = [warmup_cosine_decay_schedule(**kwargs) for kwargs in cosine_kwargs]
    ends = [cycle.end or 0 for cycle in cycles]
    bounds = [sum(ends[: i + 1]) for i in range(len(ends) - 1)]
    joined = join_schedules(cycles, bounds)
    return _of("sgdr_schedule", joined.schedule, joined.peak_lr, end=sum(ends))


def join_schedules(schedules: Sequence[Imported], boundaries: Sequence[int]) -> Imported:
    """Import join_schedules of what the other functions here gave."""
    if not all(isinstance(part, Imported) for part in schedules):  # pyright: ignore[reportUnnecessaryIsInstance] - users err
        raise ScheduleError(f"join_schedules takes schedules of optax, got {schedules!r}")
    if len(boundaries) != len(schedules) - 1:
        raise ScheduleError(
            f"boundaries must be one fewer than the schedules, got {len(boundaries)} for"
            f" {len(schedules)}"
        )
    starts = [0, *(whole("boundaries", at) for at in boundaries)]
    peak = _peak(*(part.peak_lr or 0.0 for part in schedules))
    parts = [scaled((part.peak_lr or 0.0) / peak, part.schedule) for part in schedules]
    cuts = [
        cut(part, after - start)
        for part, start, after in zip(parts[:-1], starts, starts[1:], strict=False)
    ]
    last = schedules[-1].end
    end = None if last is None else starts[-1] + last
    return _of("join_schedules", in_turn(*cuts, parts[-1]), peak, end=end)


def _cosine(updates: int, alpha: float, exponent: float) -> Schedule:
    if exponent == 1:
        return cosine(updates, end=alpha)
    return CosinePower(length=updates, power=exponent, end=alpha)


def _multiplied(init_value: float, scales: Mapping[int, float] | None) -> list[tuple[int, float]]:
    """Give the values that a schedule's factors lead to, with their positions."""
    values, value = [(0, float(init_value))], float(init_value)
    for at, scale in sorted((scales or {}).items()):
        value *= scale
        values.append((whole("boundaries", at, least=0), value))
    return values


def _interpolated(shape: str, values: list[tuple[int, float]]) -> tuple[Schedule, float]:
    peak = _peak(*(value for _, value in values))
    parts: list[Schedule | None] = []
    for (left, low), (right, high) in pairwise(values):
        between = half_cosine if shape == "cosine" else line
        parts.append(between(right - left, low / peak, high / peak))
    return in_turn(*parts, constant(values[-1][1] / peak)), peak


def _peak(*values: float) -> float:
    if any(not (math.isfinite(value) and value >= 0) for value in values):
        raise ScheduleError(f"rates must be finite and >= 0, got {', '.join(map(repr, values))}")
    return positive("the highest rate", max(values))


def _of(name: str, schedule: Schedule, peak: float | None, *, end: int | None = None) -> Imported:
    return Imported("optax", name, schedule, peak_lr=peak, end=end)


READERS: dict[str, Callable[..., Imported]] = {
    read.__name__: read
    for read in (
        constant_schedule,
        polynomial_schedule,
        linear_schedule,
        piecewise_constant_schedule,
        piecewise_interpolate_schedule,
        exponential_decay,
        cosine_decay_schedule,
        linear_onecycle_schedule,
        cosine_onecycle_schedule,
        warmup_constant_schedule,
        warmup_cosine_decay_schedule,
        warmup_exponential_decay_schedule,
        sgdr_schedule,
        join_schedules,
    )
}
