"""Schedules from JSON, and the list of all families by name.

Writing is `Schedule.to_json`; reading is here because it must know every family.
"""

from collections.abc import Callable
from typing import Any, cast

from etude.errors import ScheduleError
from etude.schedules.base import Family, Schedule, build_known
from etude.schedules.compose import Product, Sequence, in_window
from etude.schedules.cycles import Cyclic, OneCycle, Restarts, Wave
from etude.schedules.foreign import (
    Cooldown,
    CosinePower,
    HardRestarts,
    KerasPolynomial,
    KerasRestarts,
    TimmCycles,
    TimmWsd,
)
from etude.schedules.functions import Function
from etude.schedules.hyperbolas import Growth, InverseTime
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
    InverseTime,
    Growth,
    Wave,
    Function,
)
_FOREIGN: tuple[type[Family], ...] = (
    Cooldown,
    CosinePower,
    HardRestarts,
    TimmCycles,
    TimmWsd,
    KerasRestarts,
    KerasPolynomial,
)
FAMILIES: dict[str, type[Family]] = {family.kind: family for family in (*_ALL, *_FOREIGN)}
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
    if kind == "window":
        return _window(values)
    if kind not in FAMILIES:
        hint = closest(str(kind), [*FAMILIES, *_COMPOSED, "window"])
        raise ScheduleError(f"unknown kind of schedule {kind!r}; {hint}")
    return build_known(FAMILIES[kind], values)


def _window(values: dict[str, Any]) -> Schedule:
    bounds = [values.get(name) for name in ("start", "stop")]
    if set(values) != {"of", "start", "stop"} or type(bounds[0]) is not int:
        raise ScheduleError("a window in JSON must have of, start and stop and no more")
    return in_window(from_json(values["of"]), slice(*bounds))


def _members(kind: str, name: str, values: dict[str, Any]) -> tuple[Schedule, ...]:
    members = values.get(name)
    if set(values) != {name} or not isinstance(members, list):
        raise ScheduleError(f"a {kind} in JSON must have a list of {name} and no more")
    return tuple(from_json(member) for member in cast("list[object]", members))
