"""Warm up only while training is stable."""

from collections.abc import Sequence as Items
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from etude.controllers import stability
from etude.controllers.base import Controller, State
from etude.errors import ScheduleError
from etude.schedules.described import build
from etude.schedules.options import Choice, Count, Given, NotNegative, Number
from etude.schedules.units import SpanLike


@dataclass(frozen=True, slots=True)
class CarefulWarmupState(State):
    """What a careful warmup remembers.

    Attributes:
        done: Updates of the warmup that were stable.
        holding: Stable observations that are still wanted before it goes on.
        recent: Logarithms of the last losses.
    """

    done: int = 0
    holding: int = 0
    recent: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CarefulWarmup(Controller):
    """A warmup that waits. Build one with `careful_warmup`."""

    kind: ClassVar[str] = "careful-warmup"
    main: ClassVar[str] = "length"
    length: Given
    hold: Annotated[int, Count()] = 10
    ratio: Annotated[float, Number(above=1.0)] = 2.0
    spread: NotNegative = 8.0
    window: Annotated[int, Count(least=stability.FEWEST)] = 50
    watches: Annotated[str, Choice("metric", "loss")] = field(default="loss", kw_only=True)

    def start(self) -> CarefulWarmupState:
        """Give the state before the first observation: 1/length, as in `warmup`."""
        return self._at(0, 0, ())

    def step(
        self, state: CarefulWarmupState, value: float
    ) -> tuple[CarefulWarmupState, str | None]:
        """Go on by one update, unless the loss jumps now or did a moment ago."""
        if state.multiplier == 1:
            return state, None
        why = stability.spike(
            state.recent, value, ratio=self.ratio, spread=self.spread, kind=self.kind
        )
        recent = stability.remember(state.recent, value, self.window)
        if why is not None:
            held = CarefulWarmupState(state.multiplier, state.done, self.hold, recent)
            return held, None if state.holding else f"held, {why}"
        if state.holding:
            return self._at(state.done, state.holding - 1, recent), None
        after = self._at(state.done + 1, 0, recent)
        return after, "the warmup is complete" if after.multiplier == 1 else None

    def _at(self, done: int, holding: int, recent: tuple[float, ...]) -> CarefulWarmupState:
        if not isinstance(self.length, int):
            raise ScheduleError(f"{self.kind} does not know its updates yet: call .bind(total)")
        multiplier = min((done + 1) / self.length, 1.0)
        return CarefulWarmupState(multiplier, done, holding, recent)


def careful_warmup(
    length: SpanLike,
    *,
    hold: int = 10,
    ratio: float = 2.0,
    spread: float = 8.0,
    window: int = 50,
    watches: str = "loss",
    groups: Items[int] | None = None,
) -> CarefulWarmup:
    """Rise to 1 along a line as `warmup` does, and wait where training is not stable.

    After k stable updates the multiplier is (k + 1)/length. An update whose loss jumps (see
    `spike`) or is not finite does not count, nor do the `hold` stable ones after it: the warmup
    becomes longer by what it had to wait. It goes by what it observes, so observe every update.

    Args:
        length: Stable updates that it takes, at least.
        hold: Stable updates that are waited after an unstable one.
        ratio: How many times the usual loss a jump is, at least.
        spread: How many median distances above the usual log loss it is, at least.
        window: Losses that say what is usual.
        watches: `loss` or `metric`, what it is told.
        groups: Indexes of the param groups that it steers; None: all.

    Raises:
        ScheduleError: A value is out of range.
    """
    return build(
        CarefulWarmup,
        length=length,
        hold=hold,
        ratio=ratio,
        spread=spread,
        window=window,
        watches=watches,
        groups=groups,
    )
