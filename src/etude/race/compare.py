"""The main job: train strategies on one task from the same starts, and say which wins."""

from collections.abc import Sequence

from etude.errors import CompareError
from etude.jobs import Listener, Silence, facts, read_seeds, read_task, read_updates, versions
from etude.race.budget import read_budget
from etude.race.design import default_strategies
from etude.race.exhaustive import exhaust
from etude.race.job import Contest
from etude.race.ladder import SMALL, Ladder
from etude.race.ranking import judge_together
from etude.records import Comparison, Place, Winner
from etude.store import Store
from etude.strategies import Strategy, strategy
from etude.tasks import Prepared, Task
from etude.tasks.seeds import untouched
from etude.training import Plan, Pool, worker_count
from etude.training.run import train

KEPT = (
    "interrupted before a run had ended; what was trained until a few seconds ago is kept,"
    " and the same command goes on from there"
)
FEWEST_TRIES = 8
"""With fewer a race finds neither lr nor schedule."""


@untouched()
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
    tries: int | None = None,
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
        tries: how many strategies a race may try; of more it first looks for each optimizer's lr
            and then tries schedules near the best ones. None tries all.
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
        KeyboardInterrupt: at Ctrl-C before a run has ended; its message says what is kept.
    """
    chosen, picked = _strategies(strategies), read_seeds(seeds)
    prepared = read_task(task, batch_size, device)
    _check_metric(metric, prepared.task)
    job = Contest(
        prepared=prepared,
        updates=read_updates(updates, prepared),
        seeds=picked,
        metric=metric,
        store=store,
        reuse=reuse,
        listener=listener or Silence(),
    )
    job.check(chosen)
    if exhaustive and budget is not None:
        raise CompareError(
            f"a budget limits a race, and an exhaustive comparison is none, got budget={budget!r};"
            " give one of them"
        )
    tried = _tries(tries, len(chosen), exhaustive=exhaustive)
    whole = tried * len(picked) * job.updates
    allowed = read_budget(budget, run=job.updates, exhaustive=whole)
    few = budget is None and tried <= SMALL  # then all are trained in full
    ladder = None if exhaustive or few else Ladder(job, chosen, allowed, tried)
    spec = task if isinstance(task, str) else None
    size = worker_count(prepared, workers=workers, spec=spec)
    work = min(allowed.updates, whole) if ladder else whole
    job.choose_engine(chosen, engine, size, work=work)
    with Pool(prepared, workers=size, spec=spec, engine=job.engine) as pool:
        complete = _train(job, pool, chosen, ladder)
    job.runs = judge_together(job.runs, prepared.chance)
    return sum_up(
        job,
        ladder.ranking() if ladder else job.ranking(chosen),
        spec=spec,
        command=command,
        cost=_cost(job, trained=pool.trained, exhaustive=whole),
        complete=complete,
    )


def sum_up(
    job: Contest,
    ranking: Sequence[Place],
    *,
    spec: str | None,
    command: str | None,
    cost: dict[str, int],
    complete: bool = True,
) -> Comparison:
    """Give a comparison's answer: its ranking, with the code of the winner where there is one.

    Args:
        job: the comparison, whose runs are judged together.
        ranking: its places, best first.
        spec: the task's name, for the code.
        command: what runs it again.
        cost: what it took.
        complete: did it come to its end?
    """
    return Comparison(
        task=facts(job.prepared),
        settings={**job.settings(), "seeds": list(job.seeds), "command": command},
        versions=versions(),
        ranking=tuple(ranking),
        runs=tuple(job.runs),
        winner=_winner(job, ranking[0], spec),
        decisions=tuple(job.decisions),
        cost=cost,
        complete=complete,
    )


def _strategies(given: Sequence[Strategy | str] | Strategy | str | None) -> list[Strategy]:
    alone = isinstance(given, str | Strategy)  # one where several are meant
    listed = [given] if alone else given
    chosen = default_strategies() if listed is None else [strategy(each) for each in listed]
    if not chosen:
        raise CompareError("a comparison needs at least one strategy, got none")
    return list(dict.fromkeys(chosen))


def _check_metric(metric: str, task: Task) -> None:
    names = ["loss", *filter(None, [task.metric_name])]
    if metric not in names:
        raise CompareError(
            f"{task.name} can be ranked by {' or '.join(names)}, got metric={metric!r}"
        )


def _tries(given: int | None, strategies: int, *, exhaustive: bool) -> int:
    if given is not None and (given < FEWEST_TRIES or exhaustive):
        raise CompareError(
            f"a race must try at least {FEWEST_TRIES} strategies, and an exhaustive comparison all,"
            f" got tries={given}"
        )
    return strategies if given is None else min(given, strategies)


def _train(job: Contest, pool: Pool, chosen: list[Strategy], ladder: Ladder | None) -> bool:
    """Train what is to be compared; say whether it came to its end, or Ctrl-C did."""
    try:
        if ladder:
            ladder.climb(pool)
        else:
            exhaust(job, pool, chosen)
    except KeyboardInterrupt:
        if not job.runs and job.checkpoints and job.checkpoints.kept:
            raise KeyboardInterrupt(KEPT) from None
        if not job.runs:
            raise
        job.decide("interrupted: the ranking covers the runs that ended")
        return False
    return True


def _cost(job: Contest, *, trained: int, exhaustive: int) -> dict[str, int]:
    return {
        "runs": len(job.runs),
        "updates": sum(run.planned for run in job.runs),
        "reused": job.reused,
        "resumed": job.resumed,
        "trained": trained,
        "exhaustive": exhaustive,
    }


def _winner(job: Contest, first: Place, spec: str | None) -> Winner | None:
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
    return Winner(first.strategy, f"{_by_itself(job, best, first.seeds[0])}{code}")


def _by_itself(job: Contest, best: Strategy, seed: int) -> str:
    """Give the comment that the code needs where its run was not an ordinary one.

    Bits that differ in one update differ in the third digit some hundred updates later, so the
    run that the code repeats is trained too.
    """
    if job.engine.numerics == "ordinary":
        return ""
    plain = train(job.prepared, Plan(best, seed), updates=job.updates).loss
    stacked = next(
        run.loss
        for run in job.runs
        if (run.strategy, run.seed, run.planned) == (str(best), seed, job.updates)
    )
    job.decide(
        f"the runs were {job.engine.name}, which moves last digits; trained by itself, as the code"
        f" does, seed {seed} of `{best}` ends at validation loss {plain:.6g} instead of"
        f" {stacked:.6g}"
    )
    return (
        f"# The comparison trained many runs in one pass, which moves last digits: there this seed"
        f"\n# ended at validation loss {stacked:.6g}. By itself, as here, it ends at {plain:.6g}.\n"
    )
