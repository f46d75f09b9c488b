"""Schedules that go from one value to another over a length, and the constant."""

import math
from dataclasses import dataclass
from typing import ClassVar

from etude.errors import ScheduleError
from etude.schedules.base import Endless, Family, Law, build
from etude.schedules.options import Given, NotNegative, Open, Positive
from etude.schedules.units import SpanLike


def constant_at(t: float, value: float) -> float:  # noqa: ARG001 - the same at every t
    """Stay at value."""
    return value


def linear_at(t: float, length: int, start: float, end: float) -> float:
    """Go from start to end along a line, over length updates.

    s(t) = start (1 - t/length) + end t/length, exact at both ends.
    """
    x = t / length
    return start * (1 - x) + end * x


def polynomial_at(t: float, length: int, power: float, start: float, end: float) -> float:
    """Go from start to end as a power of the time left, over length updates.

    s(t) = end + (start - end) (1 - t/length)**power; 1 - t/length is taken as one quotient,
    which keeps all digits near the end.
    """
    return end + (start - end) * ((length - t) / length) ** power


def cosine_at(t: float, length: int, end: float) -> float:
    """Fall from 1 to end along half a cosine, over length updates.

    s(t) = end + (1 - end) (1 + cos(pi t/length)) / 2, Loshchilov and Hutter 2017 (SGDR), eq. 5,
    one period.
    """
    # sin² of half the angle left is (1 + cos) / 2 without its loss of digits near the end
    return end + (1 - end) * math.sin(math.pi / 2 * (length - t) / length) ** 2


def one_minus_sqrt_at(t: float, length: int, end: float) -> float:
    """Fall from 1 to end, steeply at first, over length updates.

    s(t) = end + (1 - end) (1 - sqrt(t/length)), the cooldown of Hägele et al. 2024, "Scaling
    laws and compute-optimal training beyond fixed training durations".
    """
    return end + (1 - end) * (1 - math.sqrt(t / length))


def exponential_at(t: float, gamma: float, every: float) -> float:
    """Multiply by gamma, smoothly, every so many updates.

    s(t) = gamma**(t/every).
    """
    return gamma ** (t / every)


def inverse_sqrt_at(t: float, timescale: float) -> float:
    """Fall with the inverse square root of time.

    s(t) = sqrt(timescale / (t + timescale)): the decay of Vaswani et al. 2017, section 5.3,
    shifted so that it starts at 1.
    """
    return math.sqrt(timescale / (t + timescale))


@dataclass(frozen=True, slots=True)
class Constant(Endless):
    """The same multiplier at every update. Build one with `constant`."""

    kind: ClassVar[str] = "constant"
    value: NotNegative = 1.0
    length: Open = None

    def law(self) -> Law:
        """Give `constant_at`."""
        return Law(constant_at, {"value": self.value}, None)


@dataclass(frozen=True, slots=True)
class Linear(Family):
    """A line from start to end. Build one with `linear`."""

    kind: ClassVar[str] = "linear"
    length: Open = None
    start: NotNegative = 1.0
    end: NotNegative = 0.0

    def law(self) -> Law:
        """Give `linear_at`."""
        numbers = {"length": self.length, "start": self.start, "end": self.end}
        return Law(linear_at, numbers, self.updates)


@dataclass(frozen=True, slots=True)
class Polynomial(Family):
    """A power of the time left. Build one with `polynomial`."""

    kind: ClassVar[str] = "polynomial"
    length: Open = None
    power: Positive = 1.0
    start: NotNegative = 1.0
    end: NotNegative = 0.0

    def law(self) -> Law:
        """Give `polynomial_at`."""
        numbers = {
            "length": self.length,
            "power": self.power,
            "start": self.start,
            "end": self.end,
        }
        return Law(polynomial_at, numbers, self.updates)


@dataclass(frozen=True, slots=True)
class Cosine(Family):
    """Half a cosine. Build one with `cosine`."""

    kind: ClassVar[str] = "cosine"
    length: Open = None
    end: NotNegative = 0.0

    def law(self) -> Law:
        """Give `cosine_at`."""
        return Law(cosine_at, {"length": self.length, "end": self.end}, self.updates)


@dataclass(frozen=True, slots=True)
class OneMinusSqrt(Family):
    """One minus the square root of time. Build one with `one_minus_sqrt`."""

    kind: ClassVar[str] = "1-sqrt"
    length: Open = None
    end: NotNegative = 0.0

    def law(self) -> Law:
        """Give `one_minus_sqrt_at`."""
        return Law(one_minus_sqrt_at, {"length": self.length, "end": self.end}, self.updates)


@dataclass(frozen=True, slots=True)
class Exponential(Family):
    """A power of gamma. Build one with `exponential`."""

    kind: ClassVar[str] = "exponential"
    gamma: Positive
    every: Open = None
    length: Open = None

    def check_together(self) -> None:
        """Refuse growth without an end: it would overflow."""
        if self.endless and self.gamma > 1:
            raise ScheduleError(
                f"exponential gamma must be <= 1 when every is given, got {self.gamma:g}; "
                "leave every out to grow to gamma over a length"
            )

    @property
    def endless(self) -> bool:
        """Whether gamma belongs to `every` and not to the whole length."""
        return self.every is not None

    def law(self) -> Law:
        """Give `exponential_at`."""
        if self.endless:
            return Law(exponential_at, {"gamma": self.gamma, "every": self.every}, self.last)
        return Law(exponential_at, {"gamma": self.gamma, "every": self.length}, self.updates)


@dataclass(frozen=True, slots=True)
class InverseSqrt(Endless):
    """The inverse square root of time. Build one with `inverse_sqrt`."""

    kind: ClassVar[str] = "inverse-sqrt"
    main: ClassVar[str] = "timescale"
    timescale: Given
    length: Open = None

    def law(self) -> Law:
        """Give `inverse_sqrt_at`."""
        return Law(inverse_sqrt_at, {"timescale": self.timescale}, self.last)


def constant(value: float = 1.0, *, length: SpanLike | None = None) -> Constant:
    """Stay at one multiplier.

    Args:
        value: The multiplier.
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: A value is negative, not finite or no length.
    """
    return build(Constant, value=value, length=length)


def linear(length: SpanLike | None = None, *, start: float = 1.0, end: float = 0.0) -> Linear:
    """Go from start to end along a line: start (1 - t/length) + end t/length.

    Args:
        length: How long; left out, what the run leaves.
        start: Multiplier at t = 0.
        end: Multiplier at t = length and after.

    Raises:
        ScheduleError: A value is negative, not finite or no length.
    """
    return build(Linear, length=length, start=start, end=end)


def polynomial(
    length: SpanLike | None = None,
    *,
    power: float = 1.0,
    start: float = 1.0,
    end: float = 0.0,
) -> Polynomial:
    """Go from start to end as end + (start - end) (1 - t/length)**power.

    Args:
        length: How long; left out, what the run leaves.
        power: More than 0; 1 is a line.
        start: Multiplier at t = 0.
        end: Multiplier at t = length and after.

    Raises:
        ScheduleError: A value is negative, not finite or no length.
    """
    return build(Polynomial, length=length, power=power, start=start, end=end)


def cosine(length: SpanLike | None = None, *, end: float = 0.0) -> Cosine:
    """Fall from 1 to end along half a cosine: end + (1 - end) (1 + cos(pi t/length)) / 2.

    It holds at end after its length, where a bare cosine would climb again.

    Args:
        length: How long; left out, what the run leaves.
        end: Multiplier at t = length and after.

    Raises:
        ScheduleError: A value is negative, not finite or no length.
    """
    return build(Cosine, length=length, end=end)


def one_minus_sqrt(length: SpanLike | None = None, *, end: float = 0.0) -> OneMinusSqrt:
    """Fall from 1 to end as end + (1 - end) (1 - sqrt(t/length)), a cooldown (`1-sqrt`).

    Args:
        length: How long; left out, what the run leaves.
        end: Multiplier at t = length and after.

    Raises:
        ScheduleError: A value is negative, not finite or no length.
    """
    return build(OneMinusSqrt, length=length, end=end)


def exponential(
    gamma: float, *, every: SpanLike | None = None, length: SpanLike | None = None
) -> Exponential:
    """Multiply by gamma, smoothly: gamma**(t/every).

    Args:
        gamma: Factor, more than 0; with `every` at most 1.
        every: Span that one factor takes; left out, the whole length, so that gamma is the end.
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: A value is not positive, not finite or no length.
    """
    return build(Exponential, gamma=gamma, every=every, length=length)


def inverse_sqrt(timescale: SpanLike, *, length: SpanLike | None = None) -> InverseSqrt:
    """Fall as sqrt(timescale / (t + timescale)): to 1/2 after three timescales.

    Args:
        timescale: Span after which it is 1/sqrt(2); often the warmup's length.
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: A span is none.
    """
    return build(InverseSqrt, timescale=timescale, length=length)
