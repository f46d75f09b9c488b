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
        further = beyond(job.ranking(strategies), strategies)
        if further is None:
            return
        say_extended(job, strategies, further)
        strategies.append(further)
        job.train(pool, [further])
    say_at_edge(job, strategies, strategies, f"after {EXTENSIONS} extensions")


def beyond(ranking: Sequence[Place], tried: Sequence[Strategy]) -> Strategy | None:
    """Give the strategy one step beyond the grid, if the first place lies at its edge."""
    if ranking[0].outcome in FAILED:
        return None
    further = beyond_the_edge(strategy(ranking[0].strategy), tried)
    return None if further in tried else further


def say_extended(job: Contest, ranked: Sequence[Strategy], further: Strategy) -> None:
    """Say that the leader's grid is made longer."""
    best = job.ranking(ranked)[0].strategy
    job.decide(f"`{best}` led at the edge of its lr grid, so lr={further.peak_lr!r} was tried too")


def say_at_edge(
    job: Contest, ranked: Sequence[Strategy], tried: Sequence[Strategy], why: str
) -> None:
    """Say that the leader still lies at the edge of its grid, where it does."""
    ranking = job.ranking(ranked)
    further = beyond(ranking, tried)
    if further is not None:
        job.decide(
            f"`{ranking[0].strategy}` leads at the edge of its lr grid {why}: a better lr may lie"
            f" beyond it, try lr={further.peak_lr!r}"
        )
