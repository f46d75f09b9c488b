"""Every strategy in full with every seed: the slow way, and the judge of the race."""

from collections.abc import Sequence

from etude.jobs import FAILED
from etude.race.design import beyond_the_edge
from etude.race.job import Contest
from etude.records import Place
from etude.strategies import Strategy, strategy
from etude.training import Pool

EXTENSIONS = 4
"""Times that a winner at the edge makes its lr grid longer."""


def exhaust(job: Contest, pool: Pool, strategies: list[Strategy]) -> None:
    """Train all, and lengthen the winner's lr grid while it wins at an edge.

    `strategies` grows by what was added.
    """
    job.train(pool, strategies)
    for _ in range(EXTENSIONS):
        further = next_lr(job, job.ranking(strategies), strategies)
        if further is None:
            return
        strategies.append(further)
        job.train(pool, [further])


def next_lr(job: Contest, ranking: Sequence[Place], tried: Sequence[Strategy]) -> Strategy | None:
    """Give the strategy one step beyond the grid, if the first place lies at its edge."""
    if ranking[0].outcome in FAILED:
        return None
    best = strategy(ranking[0].strategy)
    further = beyond_the_edge(best, tried)
    if further is None or further in tried:
        return None
    job.decide(f"`{best}` led at the edge of its lr grid, so lr={further.peak_lr!r} was tried too")
    return further
