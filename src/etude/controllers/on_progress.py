"""Raise the lr while training improves, lower it while it does not."""

import math
from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import Annotated, ClassVar

from etude.controllers.base import Controller, State, improves
from etude.controllers.on_plateau import show
from etude.errors import ScheduleError
from etude.schedules.described import build
from etude.schedules.options import Choice, Count, Factor, NotNegative, Number


@dataclass(frozen=True, slots=True)
class GreedyState(State):
    """What a greedy controller remembers.

    Attributes:
        best: Best (smoothed) value so far.
        good: Improvements in a row.
        bad: Observations in a row without one.
        waiting: Observations that are not yet counted after a change.
        recent: The last finite observations, which are averaged.
    """

    best: float | None = None
    good: int = 0
    bad: int = 0
    waiting: int = 0
    recent: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Greedy(Controller):
    """Raising and lowering. Build one with `greedy`."""

    kind: ClassVar[str] = "greedy"
    factor: Factor = 0.95
    patience: Annotated[int, Count()] = 10
    mode: Annotated[str, Choice("min", "max")] = "min"
    threshold: NotNegative = 1e-6
    scale: Annotated[str, Choice("rel", "abs")] = "abs"
    cooldown: Annotated[int, Count()] = 0
    settle: Annotated[int, Count()] = 0
    window: Annotated[int, Count(least=1)] = 1
    min: Annotated[float, Number(above=0.0, most=1.0)] = 0.01
    max: Annotated[float, Number(least=1.0)] = 10.0

    def check_together(self) -> None:
        """Refuse a factor that changes nothing."""
        if self.factor == 1:
            raise ScheduleError("greedy factor must be < 1, got 1; try 0.95, its default")

    def start(self) -> GreedyState:
        """Give the state before the first observation."""
        return GreedyState()

    def step(self, state: GreedyState, value: float) -> tuple[GreedyState, str | None]:
        """Count improvements and failures in a row; act on more than the patience allows."""
        recent = state.recent
        if math.isfinite(value):
            recent = (*recent, value)[-self.window :]
            value = sum(recent) / len(recent)
        better = improves(
            value, state.best, mode=self.mode, threshold=self.threshold, scale=self.scale
        )
        best = value if better else state.best
        if state.waiting:
            return GreedyState(state.multiplier, best, 0, 0, state.waiting - 1, recent), None
        good, bad = (state.good + 1, 0) if better else (0, state.bad + 1)
        if good > self.patience:
            raised = min(state.multiplier / self.factor, self.max)
            after = GreedyState(raised, best, 0, 0, self.settle, recent)
            why = f"{good} improvements in a row, to {show(best)}"
        elif bad > self.patience:
            lowered = max(state.multiplier * self.factor, self.min)
            after = GreedyState(lowered, best, 0, 0, self.cooldown, recent)
            why = f"{bad} observations without improving on {show(best)}"
        else:
            return GreedyState(state.multiplier, best, good, bad, 0, recent), None
        return after, why if after.multiplier != state.multiplier else None


def greedy(
    factor: float = 0.95,
    *,
    patience: int = 10,
    mode: str = "min",
    threshold: float = 1e-6,
    scale: str = "abs",
    cooldown: int = 0,
    settle: int = 0,
    window: int = 1,
    min: float = 0.01,  # noqa: A002 - the field's name in text
    max: float = 10.0,  # noqa: A002
    watches: str = "metric",
    groups: Items[int] | None = None,
) -> Greedy:
    """Divide the lr by factor after improvements in a row, multiply it after failures in a row.

    GreedyLR (arXiv 2512.14527, in Hugging Face's transformers), on the multiplier. A new best is
    wanted each time, so average noisy losses with `window`.

    Args:
        factor: Of one change, more than 0 and less than 1.
        patience: Observations in a row that are let pass.
        mode: `min`, less is better, or `max`.
        threshold: Least improvement that counts.
        scale: `abs`, or `rel`: the threshold is a part of |best|.
        cooldown: Observations after lowering that are not counted.
        settle: Observations after raising that are not counted.
        window: Observations that are averaged.
        min: Where the multiplier stops on its way down, in (0, 1].
        max: Where it stops on its way up, at least 1.
        watches: `metric` or `loss`, what it is told.
        groups: Indexes of the param groups that it steers; None: all.

    Raises:
        ScheduleError: A value is out of range.
    """
    return build(
        Greedy,
        factor=factor,
        patience=patience,
        mode=mode,
        threshold=threshold,
        scale=scale,
        cooldown=cooldown,
        settle=settle,
        window=window,
        min=min,
        max=max,
        watches=watches,
        groups=groups,
    )
