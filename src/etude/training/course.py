"""When a run records and is evaluated, and its rates: the same in every engine."""

from dataclasses import dataclass

import numpy as np

from etude.controllers import Controller, as_controlled
from etude.schedules.units import Budget
from etude.strategies import Strategy
from etude.tasks import Prepared

ROWS = 200
"""Rows of a curve, unless the run is shorter."""
EVALUATIONS = 20
"""Evaluations of a run after the one at its start, unless the run is shorter."""
APART = 20
"""Updates between two evaluations, at least: each costs as much as several updates."""


@dataclass(frozen=True, slots=True)
class Course:
    """The course of a run of so many updates."""

    updates: int
    apart: int = APART
    """Updates between two evaluations, at least."""

    def records(self, update: int) -> bool:
        """Tell whether this update gives a row of the curve."""
        return update % max(1, self.updates // ROWS) == 0

    def evaluates(self, done: int) -> bool:
        """Tell whether a run is evaluated after so many updates."""
        return done in self._evaluations()

    def next_evaluation(self, done: int) -> int:
        """Give the number of updates at the next evaluation after `done`; the end is one."""
        return min(point for point in self._evaluations() if point > done)

    def _evaluations(self) -> set[int]:
        count = max(1, min(EVALUATIONS, self.updates // self.apart))
        return {round(self.updates * k / count) for k in range(count + 1)}


def course_for(strategy: Strategy, updates: int) -> Course:
    """Give a run's course: a controller is told as often in a shortened copy as in full."""
    return Course(updates, apart=1 if strategy.controllers else APART)


def batch_size_for(prepared: Prepared, strategy: Strategy) -> int:
    """Give the examples an update of a strategy takes: its own batch size, or the task's."""
    return strategy.batch_size or prepared.task.batch_size


def rates_for(
    prepared: Prepared, strategy: Strategy, updates: int, horizon: int | None = None
) -> list[float]:
    """Give the absolute lr of each update of a run, in Python's own double precision.

    Controllers multiply it further, by what they see. With a horizon the run is a shortened copy
    of one of that length: the whole schedule is compressed, update t of the copy using the rate
    of update t * horizon / updates.
    """
    batch_size = batch_size_for(prepared, strategy)
    whole = horizon or updates
    bound = strategy.bind(whole, epoch=_epoch(prepared, batch_size), batch_size=batch_size)
    schedule = as_controlled(bound.schedule).schedule
    at = np.arange(updates) * (whole / updates)
    return [strategy.peak_lr * m for m in schedule(at).tolist()]


def controllers_for(
    prepared: Prepared, strategy: Strategy, updates: int, horizon: int | None = None
) -> tuple[Controller, ...]:
    """Give a run's controllers, their spans in updates.

    In a shortened copy, spans that are a part of the run or epochs are as much shorter; those
    that count updates stay.
    """
    batch_size = batch_size_for(prepared, strategy)
    epoch = _epoch(prepared, batch_size) * updates / (horizon or updates)
    run = Budget(updates, epoch, batch_size)
    return tuple(each.bind(run) for each in strategy.controllers)


def _epoch(prepared: Prepared, batch_size: int) -> int:
    return max(1, prepared.train.size // batch_size)
