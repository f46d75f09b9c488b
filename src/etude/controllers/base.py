"""What every controller is: a frozen law of how a multiplier answers to what training shows.

A schedule knows its multiplier before training starts; a controller reads the loss or a metric
and decides. It is a pure step: (state, observation) -> (state, reason). The state holds the
multiplier, is frozen and plain, so that a run resumes exactly and a decision can be replayed.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, cast

from etude.errors import ScheduleError
from etude.schedules.described import Described
from etude.schedules.options import Choice, Option
from etude.schedules.units import Budget

if TYPE_CHECKING:
    from etude.controllers.controlled import Controlled


class Groups(Option):
    """Indexes of param groups, or None for all."""

    def check(self, label: str, value: Any) -> tuple[int, ...] | None:
        """Give a tuple of indexes."""
        if value is None:
            return None
        found = cast("list[Any]", value if isinstance(value, list | tuple) else [value])
        if not found or not all(type(item) is int and item >= 0 for item in found):
            raise ScheduleError(f"{label} must be indexes of param groups, from 0; got {value!r}")
        return tuple(sorted(set(found)))

    def plain(self, value: tuple[int, ...] | None) -> list[int] | None:
        """Give a list."""
        return None if value is None else list(value)

    def write(self, value: tuple[int, ...]) -> str:
        """Give `0,2`."""
        return ",".join(map(str, value))

    def read(self, words: str) -> list[int]:
        """Read `0,2`."""
        if not all(word.isdecimal() for word in words.split(",")):
            raise ScheduleError(f"expected indexes of param groups such as 0,2, got {words!r}")
        return [int(word) for word in words.split(",")]


@dataclass(frozen=True, slots=True)
class State:
    """What a controller remembers between two observations.

    Attributes:
        multiplier: What it multiplies the lr with.
    """

    multiplier: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Give it as a dictionary that JSON can hold."""
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: _retyped(value, tuple, list) for name, value in values.items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(**{name: _retyped(value, list, tuple) for name, value in data.items()})


def _retyped(value: Any, kind: type, other: type) -> Any:
    """Turn a tuple into JSON's list, or back; other values stay."""
    return other(value) if isinstance(value, kind) else value


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a controller did.

    Attributes:
        update: The scheduler's index t when it was observed.
        controller: The controller's kind.
        before: Its multiplier until then.
        after: Its multiplier from then on.
        why: What it saw.
    """

    update: int
    controller: str
    before: float
    after: float
    why: str

    def __str__(self) -> str:
        """Write it as one line."""
        change = f"{self.before:.4g} -> {self.after:.4g}"
        return f"update {self.update}: {self.controller} {change}, {self.why}"


@dataclass(frozen=True, slots=True)
class Controller(Described, ABC):
    """A closed loop's law; the multiplier is its state's.

    Attributes:
        watches: What is observed: `metric`, told to the scheduler's `step` (once an epoch, say),
            or `loss`, told to its `observe` (every update).
        groups: Indexes of the param groups that it steers; None: all.
    """

    main: ClassVar[str] = "factor"
    watches: Annotated[str, Choice("metric", "loss")] = field(default="metric", kw_only=True)
    groups: Annotated[tuple[int, ...] | None, Groups()] = field(default=None, kw_only=True)

    @abstractmethod
    def start(self) -> State:
        """Give the state before the first observation."""

    @abstractmethod
    def step(self, state: Any, value: float) -> tuple[Any, str | None]:
        """Give the state after an observation, and what was seen if it led to anything.

        A value that is nan or infinite is never an improvement, and never kept to compare with.

        Args:
            state: What `start` or the last `step` gave.
            value: The loss or metric.

        Raises:
            ScheduleError: The rule cannot use such a value.
        """

    def bind(self, run: Budget) -> Self:
        """Turn its spans into updates of a run."""
        return type(self)(**self.values_for(run))

    @property
    def maximizes(self) -> bool:
        """Whether more of what it watches is better."""
        return getattr(self, "mode", "min") == "max"

    def steers(self, group: int) -> bool:
        """Say whether a param group is one of its own."""
        return self.groups is None or group in self.groups

    def __mul__(self, other: Any) -> "Controlled":
        """Multiply with a schedule, a number or another controller."""
        from etude.controllers.controlled import controlled  # that module is built on this class

        return controlled(self, other)

    __rmul__ = __mul__


def improves(value: float, best: float | None, *, mode: str, threshold: float, scale: str) -> bool:
    """Say whether a value is better than the best by more than a threshold.

    The margin is `threshold * |best|` (scale `rel`) or `threshold` (`abs`). With |best|, better is
    better for negative values too, where `best * (1 - threshold)` is a worse value.

    Args:
        value: The new value; nan and infinities never improve.
        best: The best one so far; None before the first.
        mode: `min` or `max`.
        threshold: Least relative or absolute improvement.
        scale: `rel` or `abs`.
    """
    if not math.isfinite(value) or best is None:
        return math.isfinite(value)
    sign = -1.0 if mode == "min" else 1.0
    if scale == "abs":
        return sign * value > sign * (best + sign * threshold)
    # one product, as torch has it: for positive values the same comparison to the last bit
    return sign * value > sign * (best * (1.0 + math.copysign(threshold, best) * sign))
