"""The main job: train strategies on one task from the same starts, and say which wins."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

from etude.errors import CompareError
from etude.race.budget import read_budget
from etude.race.design import default_strategies
from etude.race.exhaustive import exhaust
from etude.race.job import Job, Listener, Silence, versions
from etude.race.ladder import SMALL, Ladder
from etude.race.ranking import judge_together
from etude.records import Comparison, Place, Winner, finite
from etude.store import Store
from etude.strategies import Strategy, strategy
from etude.tasks import Prepared, Task, load_task, prepare
from etude.training import Pool, worker_count

LARGEST_SEED = 2**63
"""A seed must fit into the store."""


def compare(
    task: Task | Prepared | str,
    strategies: Sequence[Strategy | str] | Strategy | str | None = None,
    *,
    updates: int | None = None,
    seeds: int | Sequence[int] = 3,
    batch_size: int | None = None,
    metric: str = "loss",
    device: str = "cpu",
    exhaustive: bool = False,
    budget: str | None = None,
    engine: str = "auto",
    workers: int | None = None,
    store: Store | None = None,
    reuse: bool = True,
    command: str | None = None,
    listener: Listener | None = None,
) -> Comparison:
    """Race strategies on a task and rank them by their final validation value.

    All strategies see the same initial weights and the same batches for a seed. Short copies of
    all runs decide which are trained in full. Ctrl-C ends the training; what is done is ranked.

    Args:
        task: a task, or the name of one (`digits`, `train.py:task`).
        strategies: strategies or their texts, or one alone; None takes `default_strategies()`.
        updates: length of every run; None takes the task's own budget.
        seeds: how many seeds (0, 1, ...), or which.
        batch_size: examples an update where a strategy does not say; None takes the task's.
        metric: "loss", or the name of the task's metric, to rank by.
        device: where to train: "cpu", "cuda", ...
        exhaustive: train every strategy in full with every seed instead of racing.
        budget: what a race may cost: "20000" (updates), "40runs" or "90s"; None is a quarter of
            the exhaustive comparison.
        engine: "serial", "stacked" or "fast"; "auto" takes the fastest of them, but "fast" only
            where there is enough to train that compiling pays.
        workers: processes; None means one per core, 0 trains in this process.
        store: where runs are kept; None keeps nothing.
        reuse: take runs that the store has instead of training them again.
        command: what the report says how to run this again.
        listener: told how it goes.

    Raises:
        CompareError: when a setting cannot hold.
        TaskError: when the task cannot be trained.
        ScheduleError: when a schedule does not fit the run.
    """
    _check_updates(updates)
    chosen, picked = _strategies(strategies), _seeds(seeds)
    prepared = _prepared(task, batch_size, device)
    _check_metric(metric, prepared.task)
    job = Job(
        prepared=prepared,
        updates=updates or prepared.task.budget,
        seeds=picked,
        metric=metric,
        store=store,
        reuse=reuse,
        listener=listener or Silence(),
    )
    job.check(chosen)
    whole = len(chosen) * len(picked) * job.updates
    ladder = _ladder(job, chosen, budget, whole, exhaustive=exhaustive)
    spec = task if isinstance(task, str) else None
    size = worker_count(prepared, workers=workers, spec=spec)
    job.choose_engine(chosen, engine, size)
    with Pool(prepared, workers=size, spec=spec, engine=job.engine) as pool:
        complete = _train(job, pool, chosen, ladder)
    job.runs = judge_together(job.runs, prepared.chance)
    ranking = ladder.ranking() if ladder else job.ranking(chosen)
    return Comparison(
        task=_facts(prepared),
        settings={**job.settings(), "seeds": list(picked), "command": command},
        versions=versions(),
        ranking=tuple(ranking),
        runs=tuple(job.runs),
        winner=_winner(job, ranking[0], spec),
        decisions=tuple(job.decisions),
        cost=_cost(job, trained=pool.trained, exhaustive=whole),
        complete=complete,
    )


def _check_updates(updates: int | None) -> None:
    if updates is not None and updates < 1:
        raise CompareError(f"a run needs at least 1 update, got updates={updates}")


def _strategies(given: Sequence[Strategy | str] | Strategy | str | None) -> list[Strategy]:
    alone = isinstance(given, str | Strategy)  # one where several are meant
    listed = [given] if alone else given
    chosen = default_strategies() if listed is None else [strategy(each) for each in listed]
    if not chosen:
        raise CompareError("a comparison needs at least one strategy, got none")
    return list(dict.fromkeys(chosen))


def _seeds(given: int | Sequence[int]) -> tuple[int, ...]:
    picked = tuple(range(given)) if isinstance(given, int) else tuple(given)
    if not picked or len(set(picked)) < len(picked):
        raise CompareError(f"a comparison needs at least one seed, each once, got seeds={given}")
    if not all(isinstance(seed, Integral) and abs(seed) < LARGEST_SEED for seed in picked):
        raise CompareError(f"a seed must be a whole number below 2**63, got seeds={given}")
    return tuple(map(int, picked))


def _check_metric(metric: str, task: Task) -> None:
    names = ["loss", *filter(None, [task.metric_name])]
    if metric not in names:
        raise CompareError(
            f"{task.name} can be ranked by {' or '.join(names)}, got metric={metric!r}"
        )


def _prepared(task: Task | Prepared | str, batch_size: int | None, device: str) -> Prepared:
    if isinstance(task, Prepared):
        if batch_size not in (None, task.task.batch_size):
            raise CompareError(
                f"a prepared task keeps its batch_size={task.task.batch_size}, got"
                f" batch_size={batch_size}; give the task itself"
            )
        return task
    loaded = load_task(task) if isinstance(task, str) else task
    if not isinstance(loaded, Task):  # pyright: ignore[reportUnnecessaryIsInstance] - users err
        raise CompareError(
            f"a comparison needs an etude Task or the name of one, got {type(task).__name__}"
        )
    if batch_size is not None:
        loaded = replace(loaded, batch_size=batch_size)
    return prepare(loaded, device=device)


def _ladder(
    job: Job, chosen: list[Strategy], budget: str | None, whole: int, *, exhaustive: bool
) -> Ladder | None:
    """Give the race; None where all are trained in full, as they are where there are few."""
    allowed = read_budget(budget, run=job.updates, exhaustive=whole)
    few = budget is None and len(chosen) <= SMALL
    return None if exhaustive or few else Ladder(job, chosen, allowed)


def _train(job: Job, pool: Pool, chosen: list[Strategy], ladder: Ladder | None) -> bool:
    """Train what is to be compared; say whether it came to its end, or Ctrl-C did."""
    try:
        if ladder:
            ladder.climb(pool)
        else:
            exhaust(job, pool, chosen)
    except KeyboardInterrupt:
        if not job.runs:
            raise
        job.decide("interrupted: the ranking covers the runs that ended")
        return False
    return True


def _cost(job: Job, *, trained: int, exhaustive: int) -> dict[str, int]:
    return {
        "runs": len(job.runs),
        "updates": sum(run.planned for run in job.runs),
        "reused": job.reused,
        "trained": trained,
        "exhaustive": exhaustive,
    }


def _winner(job: Job, first: Place, spec: str | None) -> Winner | None:
    if not job.is_useful(first) or first.updates != job.updates:
        return None
    best = strategy(first.strategy)
    code = best.code(
        updates=job.updates,
        task=spec,
        seed=first.seeds[0],
        epoch=job.epoch(best),
        batch_size=job.batch_size(best),
        device=str(job.prepared.device),
    )
    if job.engine.numerics != "ordinary":
        code = f"# Its run was {job.engine.name}, so the last digits of its losses differ.\n{code}"
    return Winner(first.strategy, code)


def _facts(prepared: Prepared) -> dict[str, Any]:
    task = prepared.task
    return {
        "name": task.name,
        "about": task.about,
        "source": task.source,
        "metric": task.metric_name,
        "maximize": task.maximize,
        "chance": None if prepared.chance is None else finite(prepared.chance),
        "train": prepared.train.size,
        "val": prepared.val.size,
        "parameters": prepared.parameters,
    }
