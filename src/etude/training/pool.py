"""Warm worker processes, one per core with one torch thread each.

Processes and not threads: torch's global random state belongs to a process, and a run must draw
its own. Where the system forks safely (Linux, no GPU) the workers inherit the task; elsewhere
they are spawned and load it by its name. A worker that dies is replaced, and its runs go on from
their last checkpoint.
"""

import multiprocessing
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from etude.errors import EtudeError
from etude.records import Run
from etude.tasks import Prepared, load_task, prepare
from etude.training.cohort import Plan
from etude.training.engine import SERIAL, Engine
from etude.training.prefix import Group, cost, groups, loads
from etude.training.run import train_group

TRIES = 2
"""Times a run is begun before a dying worker ends the comparison."""


@dataclass(frozen=True, slots=True)
class _Job:
    group: Group
    updates: int
    start: bytes | None = None
    """The checkpoint to go on from, pickled."""
    tries: int = 1


@dataclass(eq=False, slots=True)
class _Worker:
    process: Any
    pipe: Connection
    job: _Job | None = None


class Pool:
    """Trains plans in worker processes; a context manager.

    Args:
        prepared: the task.
        workers: processes; None means one per core, 0 none. Where processes cannot be used (a
            GPU, or a task without a name on a system that spawns) runs are trained in this one.
        spec: the task's name for `load_task`, by which a spawned worker finds it.
        engine: what trains.
    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        workers: int | None = None,
        spec: str | None = None,
        engine: Engine = SERIAL,
    ) -> None:
        self._prepared = prepared
        method = _start_method(prepared, spec)
        # What was compiled or recorded is inherited, but cannot be sent.
        self.engine = replace(engine, steps={}) if method == "spawn" else engine
        self._context: Any = multiprocessing.get_context(method)
        self._source = spec if method == "spawn" and spec else prepared
        self.size = worker_count(prepared, workers=workers, spec=spec)
        self.trained = 0
        """Updates that were asked for so far, starts that runs share counted once."""
        self._workers: list[_Worker] = []
        self._done = self._context.Value("q", 0)

    @property
    def updates_done(self) -> int:
        """Updates done so far by all runs, those that are under way included."""
        return self._done.value

    def __enter__(self) -> Self:
        """Start the workers."""
        for _ in range(self.size):
            self._workers.append(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the workers; what they are training is given up."""
        for worker in self._workers:
            _stop(worker)
        self._workers = []

    def train(self, plans: Sequence[Plan], *, updates: int) -> Iterator[Run]:
        """Train all plans and give the runs as they end, in the order in which they end.

        Runs that share a start are trained together, the start once.

        Args:
            plans: what to train.
            updates: length of every run.

        Raises:
            EtudeError: when a run cannot be trained, or its worker dies again and again.
        """
        arranged = groups(self._prepared, plans, updates)
        self.trained += sum(cost(group, updates) for group in arranged)
        if self.engine.name != "serial":
            lanes, workers = self.engine.lanes, max(1, self.size)
            arranged = loads(self._prepared, arranged, lanes=lanes, workers=workers)
        waiting = deque(_Job(group, updates) for group in arranged)
        if not self._workers:
            yield from self._train_here(waiting)
        while waiting or any(worker.job for worker in self._workers):
            self._hand_out(waiting)
            for worker, job in self._answering():
                try:
                    answer = worker.pipe.recv()
                except (EOFError, ConnectionResetError):
                    waiting.appendleft(self._replace(worker, job))
                    continue
                if isinstance(answer, bytes):
                    worker.job = replace(job, start=answer)
                    continue
                worker.job = None
                if isinstance(answer, Exception):
                    raise answer
                yield from answer

    def _train_here(self, waiting: deque[_Job]) -> Iterator[Run]:
        count = _counter(self._done)
        while waiting:
            job = waiting.popleft()
            yield from train_group(
                self._prepared, job.group, updates=job.updates, engine=self.engine, progress=count
            )

    def _hand_out(self, waiting: deque[_Job]) -> None:
        for worker in self._workers:
            if worker.job is None and waiting:
                worker.job = waiting.popleft()
                # A worker that died while it waited has closed its end; `_answering` finds it.
                with suppress(BrokenPipeError):
                    worker.pipe.send(worker.job)

    def _answering(self) -> list[tuple[_Worker, _Job]]:
        busy = [(worker, worker.job) for worker in self._workers if worker.job]
        # The pipe of a worker that died is at its end, and so it answers too.
        ready = wait([worker.pipe for worker, _ in busy])
        return [pair for pair in busy if pair[0].pipe in ready]

    def _replace(self, dead: _Worker, job: _Job) -> _Job:
        """Put a new worker in the place of a dead one; give the job to do again."""
        _stop(dead)
        if job.tries >= TRIES:
            raise EtudeError(
                f"a worker must live through its run, but {TRIES} died with exit code"
                f" {dead.process.exitcode} while training '{job.group[0].plan.strategy}';"
                " if memory is short, --workers 1 needs less"
            )
        self._workers[self._workers.index(dead)] = self._start()
        return replace(job, tries=job.tries + 1)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        # A forked worker has copies of our ends. While it holds them, nobody sees that we died.
        forked = self._context.get_start_method() == "fork"
        copies = [ours, *(worker.pipe for worker in self._workers)] if forked else []
        process = self._context.Process(
            target=_work,
            args=(theirs, copies, self._source, self.engine, self._done),
            daemon=True,
        )
        process.start()
        theirs.close()  # so that our end sees the end of the pipe when the worker dies
        return _Worker(process, ours)


def _work(
    pipe: Connection,
    copies: Sequence[Connection],
    source: Prepared | str,
    engine: Engine,
    done: Any,
) -> None:
    """Train the groups that come through the pipe, one after the other; the worker's life."""
    for copy in copies:
        copy.close()
    # Ctrl-C reaches the whole group; the parent decides, and stops its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepared = prepare(load_task(source)) if isinstance(source, str) else source
    count = _counter(done)

    def answer(job: _Job) -> list[Run] | EtudeError:
        try:
            return train_group(
                prepared,
                job.group,
                updates=job.updates,
                engine=engine,
                start=pickle.loads(job.start) if job.start else None,
                progress=count,
                # As bytes: torch sends tensors as places in memory that die with the worker.
                keep=lambda checkpoint: pipe.send(pickle.dumps(checkpoint)),
            )
        except EtudeError as error:
            return error

    with suppress(EOFError, ConnectionError):  # the parent is gone
        while True:
            pipe.send(answer(pipe.recv()))


def _counter(done: Any) -> Any:
    def count(updates: int) -> None:
        with done.get_lock():
            done.value += updates

    return count


def _stop(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.terminate()
    worker.process.join()


def worker_count(prepared: Prepared, *, workers: int | None, spec: str | None) -> int:
    """Give the processes of a pool made with these arguments."""
    if _start_method(prepared, spec) is None:
        return 0
    return _cores() if workers is None else workers


def _start_method(prepared: Prepared, spec: str | None) -> str | None:
    """Say how workers get the task; None when they cannot."""
    if prepared.device.type != "cpu":
        return None  # one process feeds the GPU; a forked one could not use it
    if sys.platform == "linux":
        return "fork"
    return "spawn" if spec else None


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
