"""Schedules that rise again: warm restarts, triangles, and the one cycle."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from etude.errors import ScheduleError
from etude.schedules.base import Endless, Family, Law, build
from etude.schedules.options import (
    Choice,
    Factor,
    Flag,
    Fraction,
    Given,
    NotNegative,
    Number,
    Open,
    Positive,
)
from etude.schedules.units import SpanLike


def restarts_at(t: float, period: int, mult: float, decay: float, end: float) -> float:
    """Fall along half a cosine again and again, each time longer by mult and lower by decay.

    In cycle n, at x of its length, s = end + (1 - end) decay**n (1 + cos(pi x)) / 2: Loshchilov
    and Hutter 2017 (SGDR), eq. 5. A cycle's length is rounded to whole updates, so that every
    restart falls on an update; counting the cycles keeps that exact, where a logarithm would not.
    """
    if mult == 1:
        cycle, size = t // period, period
        t -= cycle * period
    else:
        cycle, size = 0, period
        while t >= size:
            t -= size
            cycle += 1
            size = math.floor(period * mult**cycle + 0.5)
    # sin² of half the angle left is (1 + cos) / 2 without its loss of digits near the end
    return end + (1 - end) * decay**cycle * math.sin(math.pi / 2 * (size - t) / size) ** 2


def cyclic_at(t: float, *, up: int, down: int, low: float, mode: str, gamma: float) -> float:
    """Go from low up to 1 and down again along lines, over and over.

    s(t) = low + (1 - low) height(t) scale(t), with scale 1 (triangular), 1/2**cycle
    (triangular2) or gamma**t (exp_range): Smith 2017, "Cyclical learning rates".
    """
    cycle = t // (up + down)
    x = t - cycle * (up + down)
    height = x / up if x <= up else (up + down - x) / down
    scale = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": gamma**t}[mode]
    return low + (1 - low) * height * scale


def one_cycle_at(
    t: float, *, length: int, up: float, start: float, end: float, shape: str, three_phase: bool
) -> float:
    """Rise from start to 1, then fall to end (or back to start, then to end).

    The peak is at update up * length - 1 and the end at update length - 1, as in Smith and Topin
    2018, "Super-convergence", and torch's OneCycleLR. A run too short to rise starts at its peak.
    """
    peak, last = max(up * length - 1, 0), length - 1
    knots = [(0, start), (peak, 1.0), (last, end)]
    if three_phase:
        knots.insert(2, (2 * peak, start))
    (left, low), (right, high) = knots[:2]
    for right, high in knots[1:]:
        if t <= right:
            break
        left, low = right, high
    rest = (right - t) / (right - left) if right > left else 0.0
    weight = math.sin(math.pi / 2 * rest) ** 2 if shape == "cosine" else rest
    return low * weight + high * (1 - weight)


def wave_at(t: float, half: float, end: float) -> float:
    """Swing between 1 and end along a cosine for ever: it climbs as slowly as it fell.

    s(t) = end + (1 - end) (1 + cos(pi t/half)) / 2, the bare cosine of torch's
    CosineAnnealingLR and of Hugging Face, whose one rise after `half` is most often not meant.
    """
    x = t / half % 2
    # sin² of half the angle left is (1 + cos) / 2 without its loss of digits near the end
    return end + (1 - end) * math.sin(math.pi / 2 * (1 - x)) ** 2


@dataclass(frozen=True, slots=True)
class Restarts(Endless):
    """Cosines with warm restarts. Build one with `restarts`."""

    kind: ClassVar[str] = "restarts"
    main: ClassVar[str] = "period"
    period: Given
    mult: Annotated[float, Number(least=1.0)] = 1.0
    decay: Factor = 1.0
    end: NotNegative = 0.0
    length: Open = None

    def law(self) -> Law:
        """Give `restarts_at`."""
        numbers = {
            "period": self.period,
            "mult": self.mult,
            "decay": self.decay,
            "end": self.end,
        }
        return Law(restarts_at, numbers, self.last)


@dataclass(frozen=True, slots=True)
class Cyclic(Endless):
    """Triangles. Build one with `cyclic`."""

    kind: ClassVar[str] = "cyclic"
    main: ClassVar[str] = "up"
    up: Given
    down: Open = None
    low: Fraction = 0.1
    mode: Annotated[str, Choice("triangular", "triangular2", "exp_range")] = "triangular"
    gamma: Factor = 1.0
    length: Open = None

    def check_together(self) -> None:
        """Refuse a gamma that the mode does not use."""
        if self.mode != "exp_range" and self.gamma != 1:
            raise ScheduleError(
                f"cyclic gamma is for mode=exp_range, got mode={self.mode} and "
                f"gamma={self.gamma:g}; leave gamma out or choose that mode"
            )

    def law(self) -> Law:
        """Give `cyclic_at`."""
        numbers = {
            "up": self.up,
            "down": self.up if self.down is None else self.down,
            "low": self.low,
            "mode": self.mode,
            "gamma": self.gamma,
        }
        return Law(cyclic_at, numbers, self.last)


@dataclass(frozen=True, slots=True)
class Wave(Endless):
    """A cosine that never stops. Build one with `cosine_wave`."""

    kind: ClassVar[str] = "cosine-wave"
    main: ClassVar[str] = "half"
    half: Positive
    end: NotNegative = 0.0
    length: Open = None

    def law(self) -> Law:
        """Give `wave_at`."""
        return Law(wave_at, {"half": self.half, "end": self.end}, self.last)


@dataclass(frozen=True, slots=True)
class OneCycle(Family):
    """One rise and one long fall. Build one with `one_cycle`."""

    kind: ClassVar[str] = "one-cycle"
    length: Open = None
    up: Factor = 0.3
    start: Fraction = 1 / 25
    end: Fraction = 1 / 25 / 1e4
    shape: Annotated[str, Choice("cosine", "linear")] = "cosine"
    three_phase: Annotated[bool, Flag()] = False

    def check_together(self) -> None:
        """Refuse a second phase that would end after the run."""
        if self.three_phase and self.up > 0.5:  # noqa: PLR2004 - twice as much is the whole
            raise ScheduleError(
                f"one-cycle up must be <= 0.5 with three_phase, got {self.up:g}: "
                "the way down to start takes as long as the way up"
            )

    def law(self) -> Law:
        """Give `one_cycle_at`."""
        numbers = {
            "length": self.length,
            "up": self.up,
            "start": self.start,
            "end": self.end,
            "shape": self.shape,
            "three_phase": self.three_phase,
        }
        return Law(one_cycle_at, numbers, self.last)


def restarts(
    period: SpanLike,
    *,
    mult: float = 1.0,
    decay: float = 1.0,
    end: float = 0.0,
    length: SpanLike | None = None,
) -> Restarts:
    """Fall along half a cosine and restart, over and over (SGDR).

    Args:
        period: Span of the first cycle.
        mult: Factor >= 1 from one cycle's span to the next one's.
        decay: Factor in (0, 1] from one cycle's height above end to the next one's.
        end: Multiplier that each cycle falls towards.
        length: How long; left out, what the run leaves. Cut inside a cycle, it holds there.

    Raises:
        ScheduleError: A value is out of range, or a span is none.
    """
    return build(Restarts, period=period, mult=mult, decay=decay, end=end, length=length)


def cyclic(
    up: SpanLike,
    *,
    down: SpanLike | None = None,
    low: float = 0.1,
    mode: str = "triangular",
    gamma: float = 1.0,
    length: SpanLike | None = None,
) -> Cyclic:
    """Go from low up to 1 and down again along lines, over and over (Smith 2017).

    Args:
        up: Span of a way up.
        down: Span of a way down; left out, the same.
        low: Multiplier at the bottom, in [0, 1].
        mode: `triangular`; `triangular2`, each cycle half as high; `exp_range`, heights fall
            as gamma**t.
        gamma: Factor per update of `exp_range`, in (0, 1].
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: A value is out of range, or a span is none.
    """
    return build(Cyclic, up=up, down=down, low=low, mode=mode, gamma=gamma, length=length)


def cosine_wave(half: float, *, end: float = 0.0, length: SpanLike | None = None) -> Wave:
    """Fall from 1 to end along half a cosine, climb back along the other, over and over.

    This is what other libraries' "cosine" does when it runs past its end; `cosine` holds there.

    Args:
        half: Updates of one way, which need not be whole.
        end: Multiplier at the bottom.
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: A value is negative, not finite or no length.
    """
    return build(Wave, half=half, end=end, length=length)


def one_cycle(
    length: SpanLike | None = None,
    *,
    up: float = 0.3,
    start: float = 1 / 25,
    end: float = 1 / 25 / 1e4,
    shape: str = "cosine",
    three_phase: bool = False,
) -> OneCycle:
    """Rise from start to 1, then fall to end: torch's OneCycleLR, without its momentum.

    Args:
        length: How long; left out, what the run leaves.
        up: Fraction of its length that the rise takes, in (0, 1].
        start: First multiplier (torch: 1/div_factor).
        end: Multiplier of the last update and after (torch: start/final_div_factor).
        shape: `cosine` or `linear`.
        three_phase: Whether it falls back to start as fast as it rose, and only then to end.

    Raises:
        ScheduleError: A value is out of range or no length.
    """
    return build(
        OneCycle, length=length, up=up, start=start, end=end, shape=shape, three_phase=three_phase
    )
