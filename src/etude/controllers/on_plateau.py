"""Lower the lr when a metric no longer improves."""

from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import Annotated, ClassVar

from etude.controllers.base import Controller, State, improves
from etude.errors import ScheduleError
from etude.schedules.described import build
from etude.schedules.options import Choice, Count, Factor, Fraction, NotNegative


@dataclass(frozen=True, slots=True)
class PlateauState(State):
    """What a plateau controller remembers.

    Attributes:
        best: Best value so far.
        bad: Observations since then, or since the last reduction.
        cooling: Observations for which the cooldown still lasts.
    """

    best: float | None = None
    bad: int = 0
    cooling: int = 0


@dataclass(frozen=True, slots=True)
class Plateau(Controller):
    """Reduction on a plateau. Build one with `plateau`."""

    kind: ClassVar[str] = "plateau"
    factor: Factor = 0.1
    patience: Annotated[int, Count()] = 10
    mode: Annotated[str, Choice("min", "max")] = "min"
    threshold: NotNegative = 1e-4
    scale: Annotated[str, Choice("rel", "abs")] = "rel"
    cooldown: Annotated[int, Count()] = 0
    min: Fraction = 0.0

    def check_together(self) -> None:
        """Refuse a factor that changes nothing."""
        if self.factor == 1:
            raise ScheduleError("plateau factor must be < 1, got 1; try 0.1, its default")

    def start(self) -> PlateauState:
        """Give the state before the first observation."""
        return PlateauState()

    def step(self, state: PlateauState, value: float) -> tuple[PlateauState, str | None]:
        """Count what does not improve, and lower when that is more than the patience allows."""
        better = improves(
            value, state.best, mode=self.mode, threshold=self.threshold, scale=self.scale
        )
        best = value if better else state.best
        cooling = max(state.cooling - 1, 0)
        bad = 0 if better or state.cooling else state.bad + 1
        if bad <= self.patience:
            return PlateauState(state.multiplier, best, bad, cooling), None
        lowered = max(state.multiplier * self.factor, min(self.min, state.multiplier))
        why = f"{bad} observations without improving on {show(best)}"
        after = PlateauState(lowered, best, 0, self.cooldown)
        return after, why if lowered < state.multiplier else None


def show(best: float | None) -> str:
    """Write a best value; there is none where all were nan or infinite."""
    return "anything finite" if best is None else f"{best:.6g}"


def plateau(
    factor: float = 0.1,
    *,
    patience: int = 10,
    mode: str = "min",
    threshold: float = 1e-4,
    scale: str = "rel",
    cooldown: int = 0,
    min: float = 0.0,  # noqa: A002 - the field's name in text
    watches: str = "metric",
    groups: Items[int] | None = None,
) -> Plateau:
    """Multiply the lr by factor when a metric has not improved for more than `patience` times.

    torch's ReduceLROnPlateau, with a relative threshold that also holds for negative values.

    Args:
        factor: Of one reduction, more than 0 and less than 1.
        patience: Observations without improvement that are let pass.
        mode: `min`, less is better, or `max`.
        threshold: Least improvement that counts.
        scale: `rel`, the threshold is a part of |best|, or `abs`.
        cooldown: Observations after a reduction that are not counted.
        min: Where the multiplier stops.
        watches: `metric` or `loss`, what it is told.
        groups: Indexes of the param groups that it steers; None: all.

    Raises:
        ScheduleError: A value is out of range.
    """
    return build(
        Plateau,
        factor=factor,
        patience=patience,
        mode=mode,
        threshold=threshold,
        scale=scale,
        cooldown=cooldown,
        min=min,
        watches=watches,
        groups=groups,
    )
