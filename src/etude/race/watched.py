"""A comparison that someone watches: every strategy in full, and its rows told while it goes.

It is `compare` without what saves updates and without a search beyond the strategies asked for:
a few runs in one process, kept in the store and taken from it as those of any comparison.
"""

from collections.abc import Sequence

from etude.errors import CompareError
from etude.jobs import Listener, Silence
from etude.race.compare import sum_up
from etude.race.job import Contest
from etude.race.ranking import judge_together
from etude.records import Comparison, Run
from etude.store import Store
from etude.strategies import Strategy
from etude.tasks import Prepared
from etude.tasks.seeds import untouched
from etude.training import SERIAL, Plan, choose
from etude.training.live import Live, Tell

STACK = 5
"""Runs from which they are trained in one pass; with fewer, recording its steps costs more."""


@untouched()
def watch_comparison(
    prepared: Prepared,
    strategies: Sequence[Strategy],
    *,
    updates: int,
    seeds: Sequence[int],
    tell: Tell,
    store: Store | None = None,
    spec: str | None = None,
    command: str | None = None,
    listener: Listener | None = None,
) -> Comparison:
    """Train every strategy with every seed and rank them, telling rows on the way.

    Args:
        prepared: the task.
        strategies: what is compared.
        updates: length of every run.
        seeds: with which seeds.
        tell: told what curves have got, some ten times a second; not of runs from the store.
        store: where runs are kept; None keeps nothing.
        spec: the task's name, for the winner's code.
        command: what the answer says how to run this again.
        listener: told of runs that end, and of runs that the store had.

    Raises:
        CompareError: when a setting cannot hold.
        ScheduleError: when a schedule does not fit the run.
        TaskError: when the task's own code raises.
    """
    job = Contest(
        prepared=prepared,
        updates=updates,
        seeds=tuple(seeds),
        store=store,
        reuse=True,
        listener=listener or Silence(),
    )
    chosen = list(dict.fromkeys(strategies))
    job.check(chosen)
    runs = len(chosen) * len(seeds)
    if runs >= STACK:
        engine = choose(prepared, chosen, wanted="stacked", runs=runs, work=runs * updates)
        job.engine = engine if engine.exact else SERIAL
    pool = Live(prepared, tell=tell, engine=job.engine)
    job.train(pool, chosen)
    job.runs = judge_together(job.runs, prepared.chance)
    cost = {
        "runs": len(job.runs),
        "updates": sum(run.planned for run in job.runs),
        "reused": job.reused,
        "trained": pool.trained,
        "exhaustive": runs * updates,
    }
    return sum_up(job, job.ranking(chosen), spec=spec, command=command, cost=cost)


@untouched()
def watch_fork(
    prepared: Prepared,
    strategy: Strategy,
    *,
    seed: int,
    updates: int,
    at: int,
    factors: Sequence[float],
    length: int,
    tell: Tell,
) -> dict[float, Run]:
    """Copy a run as it stands at an update, and go on at several multiples of its rate.

    Args:
        prepared: the task.
        strategy: the run's.
        seed: the run's.
        updates: the run's length.
        at: the update at which it is copied.
        factors: what its rates are multiplied by from there on, the schedule as it is.
        length: updates that the copies are followed for, at most to the run's end.
        tell: told what the copies' curves have got.

    Returns:
        The copies by their factor.

    Raises:
        CompareError: when the run does not get as far as `at`.
    """
    if not 0 <= at < updates:
        raise CompareError(f"a fork must lie within the run's {updates} updates, got at={at}")
    branches = [strategy.with_lr(strategy.peak_lr * factor) for factor in factors]
    pool = Live(prepared, tell=tell)
    stop = min(at + length, updates)
    runs = pool.fork(Plan(strategy, seed), at, branches, updates=updates, stop=stop)
    return dict(zip(factors, runs, strict=True))
