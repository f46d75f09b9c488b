"""Schedules that begin gently, and warmup-stable-decay, which is made of three parts."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from etude.errors import ScheduleError
from etude.schedules.base import Family, Law, Schedule, build
from etude.schedules.compose import Sequence
from etude.schedules.options import (
    Choice,
    Given,
    MaybeFraction,
    Number,
    Option,
    Stretch,
)
from etude.schedules.shapes import constant, cosine, exponential, linear, one_minus_sqrt
from etude.schedules.units import SpanLike


def linear_warmup_at(t: float, length: int, start: float, lead: int) -> float:
    """Rise from start to 1 along a line.

    s(t) = start + (1 - start) x, x = (t + lead)/length; lead 1 puts the peak on the last update.
    """
    return start + (1 - start) * (t + lead) / length


def cosine_warmup_at(t: float, length: int, start: float, lead: int) -> float:
    """Rise from start to 1 along half a cosine.

    s(t) = start + (1 - start) (1 - cos(pi x)) / 2, x = (t + lead)/length.
    """
    # sin² of half the angle is (1 - cos) / 2 without its loss of digits near the start
    return start + (1 - start) * math.sin(math.pi / 2 * (t + lead) / length) ** 2


def exponential_warmup_at(t: float, length: int, start: float, lead: int) -> float:
    """Rise from start to 1 by the same factor at every update.

    s(t) = start**(1 - x), x = (t + lead)/length.
    """
    return start ** ((length - t - lead) / length)


def log_warmup_at(t: float, length: int, start: float, lead: int) -> float:
    """Rise from start to 1 with the logarithm of time: fast at first.

    s(t) = start + (1 - start) log(t + lead + 1) / log(length + 1): DeepSpeed's usual warmup.
    """
    return start + (1 - start) * (math.log1p(t + lead) / math.log1p(length))


def sqrt_warmup_at(t: float, length: int, start: float, lead: int) -> float:
    """Rise from start to 1, slowly at first: the mirror image of a 1-sqrt cooldown.

    s(t) = start + (1 - start) (1 - sqrt(1 - x)), x = (t + lead)/length.
    """
    return start + (1 - start) * (1 - math.sqrt((length - t - lead) / length))


_WARMUPS: dict[str, Callable[..., float]] = {
    "linear": linear_warmup_at,
    "cosine": cosine_warmup_at,
    "exponential": exponential_warmup_at,
    "log": log_warmup_at,
    "1-sqrt": sqrt_warmup_at,
}
_GEOMETRIC_START = 0.01
"""Where an exponential warmup starts, or an exponential cooldown ends, unless told: it cannot
touch 0."""


@dataclass(frozen=True, slots=True)
class Warmup(Family):
    """A rise to the peak. Build one with `warmup`."""

    kind: ClassVar[str] = "warmup"
    length: Given
    start: MaybeFraction = None
    shape: Annotated[str, Choice(*_WARMUPS)] = "linear"

    def check_together(self) -> None:
        """Refuse a geometric rise from 0."""
        if self.shape == "exponential" and self.start == 0:
            raise ScheduleError(
                "warmup start must be > 0 with shape=exponential, got 0; try 0.01, its default"
            )

    def law(self) -> Law:
        """Give the shape's rule."""
        usual = _GEOMETRIC_START if self.shape == "exponential" else 0.0
        numbers = {
            "length": self.length,
            "start": usual if self.start is None else self.start,
            "lead": int(self.start is None),
        }
        return Law(_WARMUPS[self.shape], numbers, self.last if numbers["lead"] else self.updates)


def warmup(length: SpanLike, *, start: float | None = None, shape: str = "linear") -> Warmup:
    """Rise to 1, and stay there.

    Without `start`, x = (t + 1)/length: the first update already moves, and update length - 1
    has the peak. With `start`, x = t/length: update 0 has start, update length has the peak.
    linear: start + (1 - start) x. cosine: start + (1 - start) (1 - cos(pi x)) / 2. exponential:
    start**(1 - x), from 0.01 when not told. log: start + (1 - start) log(t + 1 or 2) /
    log(length + 1). 1-sqrt: start + (1 - start) (1 - sqrt(1 - x)).

    Args:
        length: How long.
        start: Multiplier of update 0, in [0, 1].
        shape: `linear`, `cosine`, `exponential`, `log` or `1-sqrt`.

    Raises:
        ScheduleError: start is out of range, the shape unknown or the length none.
    """
    return build(Warmup, length=length, start=start, shape=shape)


_COOLDOWNS: dict[str, Callable[[SpanLike, float], Schedule]] = {
    "1-sqrt": lambda length, end: one_minus_sqrt(length, end=end),
    "linear": lambda length, end: linear(length, end=end),
    "cosine": lambda length, end: cosine(length, end=end),
    "exponential": lambda length, end: exponential(end, length=length),
}
WSD_OPTIONS: dict[str, Option] = {
    "warmup": Stretch(),
    "cooldown": Stretch(),
    "shape": Choice(*_COOLDOWNS),
    "end": Number(least=0.0, optional=True),
}
"""What each option of `wsd` may hold: the text form reads them."""


def wsd(
    *,
    warmup: SpanLike = "5%",
    cooldown: SpanLike = "20%",
    shape: str = "1-sqrt",
    end: float | None = None,
) -> Sequence:
    """Warm up, stay, cool down (warmup-stable-decay, trapezoidal).

    `warmup >> constant >> cooldown`: Hu et al. 2024 (MiniCPM); the 1-sqrt cooldown and its 20 %
    are from Hägele et al. 2024.

    Args:
        warmup: Span of the rise.
        cooldown: Span of the fall, at the end of the run.
        shape: `1-sqrt`, `linear`, `cosine` or `exponential`.
        end: Last multiplier; left out, 0, and 0.01 for the exponential, which cannot touch 0.

    Raises:
        ScheduleError: A value is out of range, the shape unknown or a span none.
    """
    given: dict[str, Any] = {"warmup": warmup, "cooldown": cooldown, "shape": shape, "end": end}
    for name, option in WSD_OPTIONS.items():
        option.check(f"wsd {name}", given[name])
    usual = _GEOMETRIC_START if shape == "exponential" else 0.0
    fall = _COOLDOWNS[shape](cooldown, usual if end is None else end)
    return Sequence((build(Warmup, length=warmup), constant(), fall))
