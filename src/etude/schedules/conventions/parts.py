"""What importers are built of: parts in turn, stairs, lines and half cosines between two rates.

Settings of other libraries may have length 0 or no rate at all; these leave such parts out, or
refuse them in one sentence.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from etude.errors import ScheduleError
from etude.schedules.base import Family, Schedule
from etude.schedules.compose import Sequence
from etude.schedules.shapes import constant, cosine, exponential, linear
from etude.schedules.staircases import step
from etude.schedules.warmups import warmup

_MOST_POWER = 700
"""Natural logarithm of what a float can hold, nearly."""


def in_turn(*parts: Schedule | None) -> Schedule:
    """Put parts one after another; those that are None are left out."""
    found = [part for part in parts if part is not None]
    return found[0] if len(found) == 1 else Sequence(tuple(found))


def scaled(factor: float, schedule: Schedule) -> Schedule:
    """Multiply a schedule with a number."""
    return schedule if factor == 1 else factor * schedule


def stretch(value: float, updates: int) -> Schedule | None:
    """Stay at a value for so many updates; None for none."""
    return constant(value, length=updates) if updates > 0 else None


def line(updates: int, start: float, end: float = 1.0) -> Schedule | None:
    """Go from start to end over so many updates; None for none.

    A plain rise is the warmup of that start, which reads better.
    """
    if updates <= 0:
        return None
    if end == 1 and start < 1:
        return warmup(updates, start=start)
    return linear(updates, start=start, end=end)


def half_cosine(updates: int, start: float, end: float) -> Schedule | None:
    """Go from start to end along half a cosine over so many updates; None for none."""
    if updates <= 0:
        return None
    if start == end:
        return constant(start, length=updates)
    if start > end:
        return scaled(start, cosine(updates, end=end / start))
    return scaled(end, warmup(updates, start=start / end, shape="cosine"))


def stairs(steps: Iterable[tuple[int, float]]) -> Schedule:
    """Stay at each value from its update on; the first update is 0 and the last value stays."""
    many = list(steps)
    parts = [stretch(value, after - start) for (start, value), (after, _) in pairwise(many)]
    return in_turn(*parts, constant(many[-1][1]))


def stairs_of(values: Iterable[float]) -> Schedule:
    """Stay at each of the values for one update; runs of one value become one stretch."""
    steps: list[tuple[int, float]] = []
    for t, value in enumerate(values):
        if not steps or steps[-1][1] != value:
            steps.append((t, value))
    return stairs(steps)


def power_of(
    gamma: float,
    every: int,
    *,
    staircase: bool = False,
    end: float | None = None,
    updates: int | None = None,
) -> Schedule:
    """Multiply by gamma every so many updates, and stop at end, where that is given.

    Args:
        gamma: The factor, at least 0.
        every: Updates that one factor takes.
        staircase: Whether the factor comes at once.
        end: What it falls or grows to at most.
        updates: Length of the run; growth without an end holds there.

    Raises:
        ScheduleError: It would grow for ever, or beyond what a float holds.
    """
    every = whole("decay steps", every)
    if gamma == 0:
        return in_turn(constant(1.0, length=every if staircase else 1), constant(0.0))
    if gamma == 1:
        return constant(1.0 if end is None else min(1.0, end))
    if end is not None and (end >= 1) == (gamma < 1):  # past its end from the start
        return constant(end)
    if gamma < 1 and not end:
        return step(every, gamma=gamma) if staircase else exponential(gamma, every=every)
    until = _grown(gamma, every, updates) if end is None else _passed(gamma, every, end, staircase)
    last = constant(end) if end is not None else None
    if staircase:
        climb = stairs((at, gamma ** (at // every)) for at in range(0, until, every))
        return climb if last is None else in_turn(cut(climb, until), last)
    return in_turn(exponential(gamma ** (until / every), length=until), last)


def _passed(gamma: float, every: int, end: float, staircase: bool) -> int:
    """Give the first update whose power has reached the end."""
    factors = math.log(end) / math.log(gamma)
    return every * math.ceil(factors) if staircase else math.ceil(every * factors)


def _grown(gamma: float, every: int, updates: int | None) -> int:
    if updates is None:
        raise ScheduleError(
            f"a factor of {gamma:g} every {every} updates grows for ever; give the length of the "
            "run as updates=, it holds there"
        )
    if updates / every * math.log(gamma) > _MOST_POWER:
        raise ScheduleError(f"{gamma:g} every {every} updates outgrows a float in {updates}")
    return updates


def cut(schedule: Schedule, updates: int) -> Schedule:
    """Take the first so many updates of a bound schedule."""
    if isinstance(schedule, Family) and schedule.endless and schedule.open:
        return replace(schedule, length=updates)
    return schedule if schedule.length == updates else schedule[:updates]


def whole(name: str, value: Any, *, least: int = 1) -> int:
    """Give a setting that counts updates as a whole number.

    Raises:
        ScheduleError: It is none, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ScheduleError(f"{name} must be a whole number of updates, got {value!r}")
    if value < least:
        raise ScheduleError(f"{name} must be at least {least}, got {value!r}")
    return int(value)


def positive(name: str, value: Any) -> float:
    """Give a rate that multipliers are relative to.

    Raises:
        ScheduleError: It is not above 0 and finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ScheduleError(f"{name} must be a rate above 0 to import the schedule, got {value!r}")
    return float(value)


def one_of(name: str, value: Any, known: Iterable[str] | Mapping[str, Any]) -> str:
    """Give a word that must be one of a few.

    Raises:
        ScheduleError: It is none of them.
    """
    words = list(known)
    if value not in words:
        raise ScheduleError(f"{name} must be one of {', '.join(words)}; got {value!r}")
    return value
