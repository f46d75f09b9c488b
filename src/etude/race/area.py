"""How much of a run a schedule spends at high rates.

A short run falls steeply to its end, and so flatters schedules whose rate stays high.
"""

from collections.abc import Sequence

import numpy as np

from etude.controllers import as_controlled
from etude.race.job import Contest
from etude.strategies import Strategy

LIKE = 1.2
"""Areas that differ by no more than this factor are alike."""
STAYS = 0.5
"""A schedule whose last multiplier is larger keeps its rate high."""


def multipliers(job: Contest, each: Strategy) -> np.ndarray:
    """Give the multiplier of a strategy's schedule at each update of a run in full."""
    bound = each.bind(job.updates, epoch=job.epoch(each), batch_size=job.batch_size(each))
    return as_controlled(bound.schedule).schedule(np.arange(job.updates))


def area(job: Contest, each: Strategy) -> float:
    """Give the mean multiplier of a strategy's schedule over a run in full."""
    return float(np.mean(multipliers(job, each))) or 1.0


def alike(first: float, second: float) -> bool:
    """Tell whether two areas are alike."""
    return max(first, second) <= LIKE * min(first, second)


def staying_high(job: Contest, strategies: Sequence[Strategy]) -> set[str]:
    """Give those, as texts, whose schedule ends at more than half of the peak lr.

    One whose rate a controller may lower is none of them.
    """
    return {
        str(each)
        for each in strategies
        if not each.controllers and multipliers(job, each)[-1] > STAYS
    }
