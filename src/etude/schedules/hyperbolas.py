"""Schedules that fall or grow with time itself and have no end of their own."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from etude.schedules.base import Endless, Law, build
from etude.schedules.options import Flag, Given, Number, Open
from etude.schedules.units import SpanLike

Rate = Annotated[float, Number(least=0.0, most=1e9)]
"""So small that no update's multiplier overflows."""


def inverse_time_at(t: float, rate: float, every: int, *, stairs: bool) -> float:
    """Fall with the inverse of time.

    s(t) = 1 / (1 + rate t/every), with t/every rounded down for stairs: Robbins and Monro 1951.
    """
    x = t // every if stairs else t / every
    return 1 / (1 + rate * x)


def growth_at(t: float, rate: float, every: int, *, stairs: bool) -> float:
    """Grow along a line that never ends, as a range test does.

    s(t) = 1 + rate t/every, with t/every rounded down for stairs.
    """
    x = t // every if stairs else t / every
    return 1 + rate * x


@dataclass(frozen=True, slots=True)
class _Timed(Endless):
    main: ClassVar[str] = "every"
    every: Given
    rate: Rate = 1.0
    stairs: Annotated[bool, Flag()] = False
    length: Open = None

    def numbers(self) -> dict[str, Any]:
        """Give what both rules take."""
        return {"rate": self.rate, "every": self.every, "stairs": self.stairs}


@dataclass(frozen=True, slots=True)
class InverseTime(_Timed):
    """The inverse of time. Build one with `inverse_time`."""

    kind: ClassVar[str] = "inverse-time"

    def law(self) -> Law:
        """Give `inverse_time_at`."""
        return Law(inverse_time_at, self.numbers(), self.last)


@dataclass(frozen=True, slots=True)
class Growth(_Timed):
    """A line without end. Build one with `growth`."""

    kind: ClassVar[str] = "growth"

    def law(self) -> Law:
        """Give `growth_at`."""
        return Law(growth_at, self.numbers(), self.last)


def inverse_time(
    every: SpanLike, *, rate: float = 1.0, stairs: bool = False, length: SpanLike | None = None
) -> InverseTime:
    """Fall as 1 / (1 + rate t/every).

    Args:
        every: Span after which, at rate 1, half is left.
        rate: From 0 to 1e9.
        stairs: Whether t/every is rounded down.
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: A value is out of range, or a span is none.
    """
    return build(InverseTime, every=every, rate=rate, stairs=stairs, length=length)


def growth(
    every: SpanLike, *, rate: float = 1.0, stairs: bool = False, length: SpanLike | None = None
) -> Growth:
    """Grow as 1 + rate t/every.

    Args:
        every: Span that adds `rate` to the multiplier.
        rate: From 0 to 1e9.
        stairs: Whether t/every is rounded down.
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: A value is out of range, or a span is none.
    """
    return build(Growth, every=every, rate=rate, stairs=stairs, length=length)
