"""Find the learning rate: where it is usable, what to start from and where training fails."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from etude.errors import CompareError
from etude.finder import ramp
from etude.finder.answer import read_ladder, read_ramp
from etude.finder.batches import compare_batches
from etude.finder.ladder import Search, climb
from etude.jobs import Job, Listener, Silence, facts, read_seeds, read_task, read_updates, versions
from etude.records import Found
from etude.schedules import Schedule
from etude.store import Store
from etude.strategies import Strategy, strategy
from etude.strategies.usual import USUAL_OPTIMIZERS, check_alone
from etude.tasks import Prepared, Task
from etude.tasks.seeds import untouched
from etude.training import Pool, worker_count

Method = Literal["ladder", "ramp"]
SCHEDULE = "warmup 5% -> cosine"


@untouched()
def find(
    task: Task | Prepared | str,
    optimizers: Sequence[str] | str | None = None,
    *,
    schedule: Schedule | str = SCHEDULE,
    updates: int | None = None,
    seeds: int | Sequence[int] = 3,
    batch_size: int | None = None,
    batch_sizes: Sequence[int] = (),
    method: Method = "ladder",
    diagnose: bool = True,
    device: str = "cpu",
    engine: str = "auto",
    workers: int | None = None,
    store: Store | None = None,
    reuse: bool = True,
    command: str | None = None,
    listener: Listener | None = None,
) -> Found:
    """Find the peak lr to start from, the range around it, and the rate at which training fails.

    The task's model, data and the global random state are left as they are: every run has a model
    of its own. Ctrl-C ends the search; what is done is evaluated.

    Args:
        task: a task, or the name of one (`digits`, `train.py:task`).
        optimizers: names or texts with options, without lr; None takes `USUAL_OPTIMIZERS`.
        schedule: the schedule of the run that the rate is for.
        updates: its length; None takes the task's own budget.
        seeds: how many seeds (0, 1, ...), or which.
        batch_size: examples an update; None takes the task's.
        batch_sizes: search at each of these instead, for as many examples in all, and say how the
            rate moved.
        method: "ladder", short copies of the run at several rates; or "ramp", the range test.
        diagnose: measure curvature and gradient noise beside, along one short run.
        device: where to train: "cpu", "cuda", ...
        engine: as of `etude.compare`.
        workers: processes; None means one per core, 0 trains in this process.
        store: where runs are kept; None keeps nothing.
        reuse: take runs that the store has instead of training them again.
        command: what the report says how to run this again.
        listener: told how it goes.

    Raises:
        CompareError: when a setting cannot hold.
        StrategyError: when an optimizer cannot be read, or says its lr or schedule.
        TaskError: when the task cannot be trained.
        ScheduleError: when the schedule does not fit the run.
    """
    if method not in get_args(Method):
        raise CompareError(f"a method is ladder or ramp, got {method!r}")
    prepared, picked = read_task(task, batch_size, device), read_seeds(seeds)
    sizes = _sizes(batch_sizes, prepared, method)
    first = Job(
        prepared=prepared,
        updates=read_updates(updates, prepared),
        seeds=picked,
        store=store,
        reuse=reuse,
        listener=listener or Silence(),
    )
    searches = [
        Search(family, job)
        for size, job in ((size, _job_for(first, size)) for size in sizes)
        for family in _families(optimizers, schedule, size, prepared)
    ]
    for search in searches:
        search.job.check([search.family])
    spec = task if isinstance(task, str) else None
    workers = worker_count(prepared, workers=workers, spec=spec)
    first.choose_engine(_first_wave(searches), engine, workers)
    for search in searches:
        search.job.engine = first.engine
    with Pool(prepared, workers=workers, spec=spec, engine=first.engine) as pool:
        complete = _train(pool, searches, method)
    if method == "ladder":
        ranges = [read_ladder(search, spec, diagnose=diagnose) for search in searches]
    else:
        ranges = [read_ramp(search, spec) for search in searches]
    jobs = list({id(search.job): search.job for search in searches}.values())
    return Found(
        task=facts(prepared),
        settings={
            "method": method,
            **first.settings(),
            "schedule": str(searches[0].family.schedule),
            "seeds": list(picked),
            "batch_sizes": list(batch_sizes),
            "command": command,
        },
        versions=versions(),
        ranges=tuple(ranges),
        scaling=tuple(compare_batches(ranges, prepared)) if len(batch_sizes) > 1 else (),
        decisions=tuple(sentence for job in jobs for sentence in job.decisions),
        cost={
            "runs": sum(len(job.runs) for job in jobs),
            "updates": sum(run.planned for job in jobs for run in job.runs),
            "reused": sum(job.reused for job in jobs),
            "trained": pool.trained,
        },
        complete=complete,
    )


def _sizes(given: Sequence[int], prepared: Prepared, method: Method) -> list[int]:
    """Give the batch sizes to search at."""
    if given and method == "ramp":
        raise CompareError("batch_sizes need method=ladder: a ramp knows no length of a run")
    for size in given:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise CompareError(f"a batch size must be a whole number from 1, got {size!r}")
    return sorted(set(given)) or [prepared.task.batch_size]


def _families(
    optimizers: Sequence[str] | str | None, schedule: Schedule | str, size: int, prepared: Prepared
) -> list[Strategy]:
    """Give the strategies to search the lr of, each at some lr."""
    listed = [optimizers] if isinstance(optimizers, str) else optimizers
    texts = list(dict.fromkeys(USUAL_OPTIMIZERS if listed is None else listed))
    if not texts:
        raise CompareError("a search needs at least one optimizer, got none")
    for text in texts:
        check_alone(text)
    own = None if size == prepared.task.batch_size else size
    return [strategy(text, lr=1.0, schedule=schedule, batch_size=own) for text in texts]


def _job_for(first: Job, size: int) -> Job:
    """Give a job whose runs at this batch size see as many examples as those at the task's."""
    usual = first.prepared.task.batch_size
    if size == usual:
        return first
    updates = max(1, round(first.updates * usual / size))
    return replace(first, updates=updates, runs=[], decisions=[])


def _first_wave(searches: Sequence[Search]) -> list[Strategy]:
    """Give what will be trained first: later waves are about as large."""
    return [each for search in searches if (wave := search.wanted()) for each in wave[1]]


def _train(pool: Pool, searches: Sequence[Search], method: Method) -> bool:
    """Train what is needed; say whether it came to its end, or Ctrl-C did."""
    try:
        if method == "ladder":
            climb(pool, searches)
            return True
        for search in searches:
            _train_ramp(pool, search)
    except KeyboardInterrupt:
        if not any(search.job.runs for search in searches):
            raise
        searches[0].job.decide("interrupted: the answer rests on the runs that ended")
        return False
    return True


def _train_ramp(pool: Pool, search: Search) -> None:
    # Its own length: a ramp is no shortened copy of the run.
    job = replace(search.job, updates=ramp.UPDATES)  # with the same list of runs
    job.train(pool, [ramp.ramp_of(search.family)])
    search.job.reused = job.reused
