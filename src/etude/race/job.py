"""A comparison under way: a job whose runs are ranked."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from etude.jobs import FAILED, Job
from etude.race.ranking import rank
from etude.records import Place, Run
from etude.strategies import Strategy


@dataclass(eq=False, slots=True)
class Contest(Job):
    """A comparison under way."""

    metric: str = "loss"
    """What it is ranked by: "loss", or the task's metric."""

    def ranking(self, strategies: Sequence[Strategy], updates: int | None = None) -> list[Place]:
        """Rank strategies by their runs of one length, best first; None means in full."""
        length = updates or self.updates
        return rank(
            strategies,
            [run for run in self.runs if run.planned == length],
            quantity=self.quantity,
            maximize=self.maximize,
        )

    @property
    def quantity(self) -> Callable[[Run], float]:
        """What runs are ranked by."""
        return (lambda run: run.loss) if self.metric == "loss" else (lambda run: run.metric)

    @property
    def maximize(self) -> bool:
        """Is more of it better?"""
        return self.metric != "loss" and self.prepared.task.maximize

    def is_useful(self, place: Place) -> bool:
        """Say whether a place is worth winning: it lives, and beats a constant answer."""
        chance = self.prepared.chance
        if place.outcome in FAILED or not math.isfinite(place.loss):
            return False
        return self.metric != "loss" or chance is None or place.loss < chance

    def settings(self) -> dict[str, Any]:
        """Give what the runs' numbers depend on, and what they are ranked by."""
        return {"ranked_by": self.metric, **Job.settings(self)}
