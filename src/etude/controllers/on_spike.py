"""Lower the lr, or stop, when the loss jumps."""

from collections.abc import Sequence as Items
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from etude.controllers import stability
from etude.controllers.base import Controller, State
from etude.errors import ScheduleError
from etude.schedules.described import build
from etude.schedules.options import Choice, Count, Factor, Fraction, NotNegative, Number


@dataclass(frozen=True, slots=True)
class SpikeState(State):
    """What a spike controller remembers.

    Attributes:
        recent: Logarithms of the last losses.
        cooling: Observations for which the cooldown still lasts.
    """

    recent: tuple[float, ...] = ()
    cooling: int = 0


@dataclass(frozen=True, slots=True)
class Spike(Controller):
    """Lowering or stopping on a spike. Build one with `spike`."""

    kind: ClassVar[str] = "spike"
    factor: Factor = 0.5
    action: Annotated[str, Choice("lower", "stop")] = "lower"
    ratio: Annotated[float, Number(above=1.0)] = 2.0
    spread: NotNegative = 8.0
    window: Annotated[int, Count(least=stability.FEWEST)] = 50
    cooldown: Annotated[int, Count()] = 50
    min: Fraction = 0.01
    watches: Annotated[str, Choice("metric", "loss")] = field(default="loss", kw_only=True)

    def check_together(self) -> None:
        """Refuse a factor that changes nothing."""
        if self.factor == 1:
            raise ScheduleError("spike factor must be < 1, got 1; try 0.5, its default")

    def start(self) -> SpikeState:
        """Give the state before the first observation."""
        return SpikeState()

    def step(self, state: SpikeState, value: float) -> tuple[SpikeState, str | None]:
        """Compare the loss with the last ones; act on a spike unless one was just acted on."""
        why = stability.spike(
            state.recent, value, ratio=self.ratio, spread=self.spread, kind=self.kind
        )
        recent = stability.remember(state.recent, value, self.window)
        if why is None or state.cooling or not state.multiplier:
            return SpikeState(state.multiplier, recent, max(state.cooling - 1, 0)), None
        lowered = max(state.multiplier * self.factor, min(self.min, state.multiplier))
        after = SpikeState(0.0 if self.action == "stop" else lowered, recent, self.cooldown)
        return after, why if after.multiplier < state.multiplier else None


def spike(
    factor: float = 0.5,
    *,
    action: str = "lower",
    ratio: float = 2.0,
    spread: float = 8.0,
    window: int = 50,
    cooldown: int = 50,
    min: float = 0.01,  # noqa: A002 - the field's name in text
    watches: str = "loss",
    groups: Items[int] | None = None,
) -> Spike:
    """Multiply the lr by factor when the loss jumps or is not finite.

    A loss jumps where log L is above the median of the last `window` by more than log `ratio` and
    by more than `spread` times their median distance from it. Ten losses must have been seen.

    Args:
        factor: Of one reduction, more than 0 and less than 1.
        action: `lower`, or `stop`: the multiplier becomes 0 for good and the scheduler `stopped`.
        ratio: How many times the usual loss a spike is, at least.
        spread: How many median distances above the usual log loss it is, at least.
        window: Losses that say what is usual.
        cooldown: Observations after a reduction that lower no further.
        min: Where the multiplier stops.
        watches: `loss` or `metric`, what it is told.
        groups: Indexes of the param groups that it steers; None: all.

    Raises:
        ScheduleError: A value is out of range.
    """
    return build(
        Spike,
        factor=factor,
        action=action,
        ratio=ratio,
        spread=spread,
        window=window,
        cooldown=cooldown,
        min=min,
        watches=watches,
        groups=groups,
    )
