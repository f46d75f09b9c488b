"""Curves that only other libraries draw, in their own arithmetic.

The importers in `etude.schedules.conventions` use a plain family wherever its values are the
same. These are for the rest: cycles whose length is a real number and whose index comes from a
logarithm, so that a restart falls on one update or on the next by a rounding, in the library's
way. For a new run `restarts` and `wsd` are the better choice. Lengths here are real numbers of
updates, and `length` cuts a curve as it does everywhere.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from etude.schedules.base import Endless, Family, Law
from etude.schedules.options import Choice, Fraction, NotNegative, Number, Open, Positive

Growing = Annotated[float, Number(least=1.0)]
Anything = Annotated[float, Number()]
Share = Annotated[float, Number(above=0.0, most=0.999)]


def cooldown_at(
    t: float, *, length: int, shape: str, power: float, ratio: float, end: float
) -> float:
    """Fall from 1 to end, as a power of time or exponentially, over length updates.

    s(t) = end + (1 - end) f(t/length) with f(x) = 1 - x**power, or f(x) = (ratio**x - ratio) /
    (1 - ratio), which is an exponential that is stretched so that it reaches 0. The latter is
    Megatron's with ratio 1/2, both are timm's WSDLRScheduler.
    """
    x = t / length
    left = 1 - x**power if shape == "power" else (ratio**x - ratio) / (1 - ratio)
    return end + (1 - end) * left


def cosine_power_at(t: float, length: int, power: float, end: float) -> float:
    """Fall from 1 to end along a power of half a cosine, over length updates.

    s(t) = end + (1 - end) ((1 + cos(pi t/length)) / 2)**power: optax's cosine_decay_schedule
    with an exponent.
    """
    return end + (1 - end) * math.sin(math.pi / 2 * (length - t) / length) ** (2 * power)


def hard_restarts_at(t: float, length: float, cycles: float) -> float:
    """Fall along half a cosine, so many times over a length, and be 0 after it.

    s(t) = (1 + cos(pi ((cycles t/length) mod 1))) / 2: Hugging Face's cosine_with_restarts. A
    restart that falls on an update may come one late, where cycles t/length is rounded down.
    """
    progress = t / length
    if progress >= 1:
        return 0.0
    return 0.5 * (1 + math.cos(math.pi * (cycles * progress % 1)))


def timm_cycles_at(
    t: float,
    *,
    period: float,
    shape: str,
    mult: float,
    decay: float,
    limit: float,
    k: float,
    power: float,
    low: float,
    high: float,
    end: float,
) -> float:
    """Fall from the top to end, so many times, each time longer by mult and lower by decay.

    In cycle n, at x of its length: end + (decay**n - end) f, f = (1 + cos(pi x**k)) / 2 or
    (1 - x**k)**power or (1 - tanh(low (1 - x) + high x)) / 2; end after the last cycle. These are
    timm's CosineLRScheduler, PolyLRScheduler and TanhLRScheduler. The index n of a cycle is the
    floor of a logarithm, as in timm, which can start a cycle one update late.
    """
    if mult == 1:
        n = t // period
        size, t = period, t - period * n
    else:
        n = math.floor(math.log(1 - t / period * (1 - mult), mult))
        size = mult**n * period
        t = max(t - (1 - mult**n) / (1 - mult) * period, 0.0)
    if n >= limit:
        return end
    if shape == "cosine":
        left = 0.5 * (1 + math.cos(math.pi * t**k / size**k))
    elif shape == "polynomial":
        left = max(1 - t**k / size**k, 0.0) ** power
    else:
        left = 0.5 * (1 - math.tanh(low * (1 - t / size) + high * t / size))
    return end + (decay**n - end) * left


def timm_wsd_at(
    t: float,
    *,
    total: float,
    cooldown: float,
    timescale: float,
    stable: float,
    shape: str,
    power: float,
    ratio: float,
    end: float,
) -> float:
    """Fall with a power of time, never below end, and cool down over the last updates.

    s(t) = end + (max((1 + t/timescale)**-stable, end) - end) f(x), x from 0 to 1 over the
    cooldown, with f the shapes of `cooldown_at`, 1 - x, 1 - sqrt(x) or half a cosine: timm's
    WSDLRScheduler with stable_fn rsqrt or power.
    """
    level = max((1 + t / timescale) ** -stable, end)
    x = min(max(t - (total - cooldown), 0.0) / cooldown, 1.0)
    if shape == "linear":
        left = 1 - x
    elif shape == "1-sqrt":
        left = 1 - math.sqrt(x)
    elif shape == "cosine":
        left = 0.5 * (1 + math.cos(math.pi * x))
    elif shape == "power":
        left = 1 - x**power
    else:
        left = (ratio**x - ratio) / (1 - ratio)
    return end + (level - end) * left


def keras_restarts_at(t: float, period: float, mult: float, decay: float, end: float) -> float:
    """Fall along half a cosine and restart, each time longer by mult and lower by decay.

    In cycle n, at x of its length: end + (1 - end) decay**n (1 + cos(pi x)) / 2, Keras'
    CosineDecayRestarts. A cycle's length is not rounded, and its index n is the floor of a
    quotient of logarithms, as in Keras, which can start a cycle one update late.
    """
    x = t / period
    if mult == 1:
        n = math.floor(x)
        x -= n
    else:
        n = math.floor(math.log(1 - x * (1 - mult)) / math.log(mult))
        x = (x - (1 - mult**n) / (1 - mult)) / mult**n
    return end + (1 - end) * (0.5 * decay**n * (1 + math.cos(math.pi * x)))


def keras_polynomial_at(t: float, period: float, power: float, end: float) -> float:
    """Fall from 1 to end as a power of the time left, to an end that moves away each time.

    s(t) = end + (1 - end) (1 - t/(n period))**power with n = ceil(t/period), at least 1: Keras'
    PolynomialDecay with cycle=True. It jumps up after every multiple of period, less each time.
    """
    n = max(math.ceil(t / period), 1)
    return end + (1 - end) * max(1 - t / (period * n), 0.0) ** power


def _numbers(schedule: Family, *names: str) -> dict[str, Any]:
    return {name: getattr(schedule, name) for name in names}


@dataclass(frozen=True, slots=True)
class Cooldown(Family):
    """The fall of `cooldown_at`: `cooldown 100 shape=power power=2 end=0.1`."""

    kind: ClassVar[str] = "cooldown"
    length: Open = None
    shape: Annotated[str, Choice("power", "exponential")] = "power"
    power: Positive = 0.5
    ratio: Share = 0.1
    end: NotNegative = 0.0

    def law(self) -> Law:
        """Give `cooldown_at`."""
        numbers = _numbers(self, "length", "shape", "power", "ratio", "end")
        return Law(cooldown_at, numbers, self.updates)


@dataclass(frozen=True, slots=True)
class CosinePower(Family):
    """The fall of `cosine_power_at`: `cosine-power 100 power=2 end=0.1`."""

    kind: ClassVar[str] = "cosine-power"
    length: Open = None
    power: Positive = 1.0
    end: NotNegative = 0.0

    def law(self) -> Law:
        """Give `cosine_power_at`."""
        return Law(cosine_power_at, _numbers(self, "length", "power", "end"), self.updates)


@dataclass(frozen=True, slots=True)
class HardRestarts(Endless):
    """The cycles of `hard_restarts_at`: `hf-restarts 100 cycles=3`."""

    kind: ClassVar[str] = "hf-restarts"
    main: ClassVar[str] = "total"
    total: Positive
    cycles: NotNegative = 1.0
    length: Open = None

    def law(self) -> Law:
        """Give `hard_restarts_at`."""
        numbers = {"length": self.total, "cycles": self.cycles}
        return Law(hard_restarts_at, numbers, self.last)


@dataclass(frozen=True, slots=True)
class TimmCycles(Endless):
    """The cycles of `timm_cycles_at`: `timm-cycles 100 shape=tanh limit=2`."""

    kind: ClassVar[str] = "timm-cycles"
    main: ClassVar[str] = "period"
    period: Positive
    shape: Annotated[str, Choice("cosine", "polynomial", "tanh")] = "cosine"
    mult: Growing = 1.0
    decay: Fraction = 1.0
    limit: NotNegative = 1.0
    k: Positive = 1.0
    power: Positive = 0.5
    low: Anything = -7.0
    high: Anything = 3.0
    end: NotNegative = 0.0
    length: Open = None

    def law(self) -> Law:
        """Give `timm_cycles_at`."""
        names = ("period", "shape", "mult", "decay", "limit", "k", "power", "low", "high", "end")
        return Law(timm_cycles_at, _numbers(self, *names), self.last)


@dataclass(frozen=True, slots=True)
class TimmWsd(Endless):
    """The curve of `timm_wsd_at`: `timm-wsd 100 cooldown=20 timescale=10`."""

    kind: ClassVar[str] = "timm-wsd"
    main: ClassVar[str] = "total"
    total: Positive
    cooldown: Positive
    timescale: Positive
    stable: Positive = 0.5
    shape: Annotated[str, Choice("linear", "1-sqrt", "cosine", "power", "exponential")] = "1-sqrt"
    power: Positive = 0.5
    ratio: Share = 0.1
    end: NotNegative = 0.0
    length: Open = None

    def law(self) -> Law:
        """Give `timm_wsd_at`."""
        names = ("total", "cooldown", "timescale", "stable", "shape", "power", "ratio", "end")
        return Law(timm_wsd_at, _numbers(self, *names), self.last)


@dataclass(frozen=True, slots=True)
class KerasRestarts(Endless):
    """The cycles of `keras_restarts_at`: `keras-restarts 10 mult=2`."""

    kind: ClassVar[str] = "keras-restarts"
    main: ClassVar[str] = "period"
    period: Positive
    mult: Growing = 2.0
    decay: Fraction = 1.0
    end: NotNegative = 0.0
    length: Open = None

    def law(self) -> Law:
        """Give `keras_restarts_at`."""
        numbers = _numbers(self, "period", "mult", "decay", "end")
        return Law(keras_restarts_at, numbers, self.last)


@dataclass(frozen=True, slots=True)
class KerasPolynomial(Endless):
    """The curve of `keras_polynomial_at`: `keras-polynomial 10 power=2`."""

    kind: ClassVar[str] = "keras-polynomial"
    main: ClassVar[str] = "period"
    period: Positive
    power: Positive = 1.0
    end: NotNegative = 0.0
    length: Open = None

    def law(self) -> Law:
        """Give `keras_polynomial_at`."""
        numbers = _numbers(self, "period", "power", "end")
        return Law(keras_polynomial_at, numbers, self.last)
