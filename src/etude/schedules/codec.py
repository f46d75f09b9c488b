"""Schedules from JSON, and the list of all families by name.

Writing is `Schedule.to_json`; reading is here because it must know every family.
"""

from collections.abc import Callable
from typing import Any, cast

from etude.errors import ScheduleError
from etude.schedules.base import Family, Schedule, build_known
from etude.schedules.compose import Product, Sequence
from etude.schedules.cycles import Cyclic, OneCycle, Restarts
from etude.schedules.functions import Function
from etude.schedules.knots import Points
from etude.schedules.options import closest
from etude.schedules.shapes import (
    Constant,
    Cosine,
    Exponential,
    InverseSqrt,
    Linear,
    OneMinusSqrt,
    Polynomial,
)
from etude.schedules.staircases import Multistep, Step
from etude.schedules.warmups import Warmup

_ALL: tuple[type[Family], ...] = (
    Constant,
    Linear,
    Polynomial,
    Cosine,
    OneMinusSqrt,
    Exponential,
    InverseSqrt,
    Step,
    Multistep,
    Restarts,
    Cyclic,
    OneCycle,
    Warmup,
    Points,
    Function,
)
FAMILIES: dict[str, type[Family]] = {family.kind: family for family in _ALL}
"""Every family by its name in text and JSON."""

_COMPOSED: dict[str, tuple[str, Callable[[tuple[Schedule, ...]], Schedule]]] = {
    "sequence": ("parts", Sequence),
    "product": ("factors", Product),
}


def from_json(data: object) -> Schedule:
    """Read a schedule from what `Schedule.to_json` gave (after any trip through JSON).

    A `function` is imported by its name, which runs its module: read only JSON that you trust.

    Raises:
        ScheduleError: The data describes no schedule.
    """
    if not isinstance(data, dict) or "kind" not in data:
        raise ScheduleError(f"a schedule in JSON must be an object with a kind, got {data!r}")
    values = dict(cast("dict[str, Any]", data))
    kind = values.pop("kind")
    if kind in _COMPOSED:
        name, compose = _COMPOSED[kind]
        return compose(_members(kind, name, values))
    if kind not in FAMILIES:
        hint = closest(str(kind), [*FAMILIES, *_COMPOSED])
        raise ScheduleError(f"unknown kind of schedule {kind!r}; {hint}")
    return build_known(FAMILIES[kind], values)


def _members(kind: str, name: str, values: dict[str, Any]) -> tuple[Schedule, ...]:
    members = values.get(name)
    if set(values) != {name} or not isinstance(members, list):
        raise ScheduleError(f"a {kind} in JSON must have a list of {name} and no more")
    return tuple(from_json(member) for member in cast("list[object]", members))
