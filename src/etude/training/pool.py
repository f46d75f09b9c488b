"""Warm worker processes, one per core with one torch thread each.

Processes and not threads: torch's global random state belongs to a process, and a run must draw
its own. Where the system forks safely (Linux, no GPU) the workers inherit the task; elsewhere
they are spawned and load it by its name. A worker that dies is replaced, and its runs go on from
their last checkpoint; so do runs that another process left behind.
"""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any, Self

import torch

from etude.errors import EtudeError
from etude.records import Run
from etude.tasks import Prepared, load_task, prepare
from etude.training.checkpoints import NOWHERE, Checkpoints, read_checkpoint
from etude.training.cohort import Plan
from etude.training.engine import SERIAL, Engine
from etude.training.prefix import Group, groups, loads, worth_sharing
from etude.training.run import train_group

TRIES = 2
"""Times a run is begun before a dying worker ends the comparison."""


@dataclass(frozen=True, slots=True)
class _Job:
    group: Group
    updates: int
    start: bytes | None = None
    """The checkpoint to go on from."""
    tries: int = 1


@dataclass(eq=False, slots=True)
class _Worker:
    process: Any
    pipe: Connection
    done: Any
    """Shared with the process: updates that the runs of its job have come on."""
    job: _Job | None = None


@dataclass(frozen=True, slots=True)
class _Named:
    """A task for another process to load."""

    spec: str
    batch_size: int
    """The task's own may have been replaced."""

    def prepared(self) -> Prepared:
        return prepare(replace(load_task(self.spec), batch_size=self.batch_size))


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
        named = spec and _Named(spec, prepared.task.batch_size)
        self._source = named if method == "spawn" and named else prepared
        self.size = worker_count(prepared, workers=workers, spec=spec)
        self._workers: list[_Worker] = []
        self._ended = 0
        self._trained = self._context.Value("q", 0)

    @property
    def updates_done(self) -> int:
        """Updates that all runs have come on so far, those that are under way included.

        A run has also come on what it shares with another, or was trained before it was
        interrupted.
        """
        return self._ended + sum(worker.done.value for worker in self._workers)

    @property
    def trained(self) -> int:
        """Updates that were trained here so far, those of runs that were given up included."""
        return self._trained.value

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

    def train(
        self, plans: Sequence[Plan], *, updates: int, checkpoints: Checkpoints = NOWHERE
    ) -> Iterator[Run]:
        """Train all plans and give the runs as they end, in the order in which they end.

        Runs that share a start are trained together, the start once.

        Args:
            plans: what to train.
            updates: length of every run.
            checkpoints: where to go on from what another process left behind, and to leave
                behind what this one has done.

        Raises:
            EtudeError: when a run cannot be trained, or its worker dies again and again.
        """
        asked = set(plans)
        begun = checkpoints.find(plans)
        taken = {branch.plan for group in begun for branch in group}
        waiting = deque(_Job(group, updates, start) for group, start in begun.items())
        rest = self._arranged([plan for plan in plans if plan not in taken], updates)
        waiting += [_Job(group, updates) for group in rest]
        train = self._train_apart if self._workers else self._train_here
        for group, runs in train(waiting, checkpoints):
            told = zip(group, runs, strict=True)
            yield from (run for branch, run in told if branch.plan in asked)
            checkpoints.drop(group)

    def _arranged(self, plans: Sequence[Plan], updates: int) -> list[Group]:
        alone = self.engine.name == "serial"
        least = worth_sharing(updates, alone=alone)
        arranged = groups(self._prepared, plans, updates, least=least)
        if alone:
            return arranged
        return loads(
            self._prepared,
            arranged,
            lanes=self.engine.lanes,
            workers=max(1, self.size),
            fast=self.engine.name == "fast",
        )

    def _train_apart(
        self, waiting: deque[_Job], checkpoints: Checkpoints
    ) -> Iterator[tuple[Group, list[Run]]]:
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
                    checkpoints.keep(job.group, answer)
                    continue
                worker.job = None
                if isinstance(answer, Exception):
                    raise answer
                worker.done.value = 0
                self._ended += len(job.group) * job.updates
                yield job.group, answer

    def _train_here(
        self, waiting: deque[_Job], checkpoints: Checkpoints
    ) -> Iterator[tuple[Group, list[Run]]]:
        def count(come: int, trained: int) -> None:
            self._ended += come
            self._trained.value += trained

        for job in waiting:
            yield (
                job.group,
                train_group(
                    self._prepared,
                    job.group,
                    updates=job.updates,
                    engine=self.engine,
                    start=read_checkpoint(job.start, job.group),
                    progress=count,
                    keep=lambda kept, job=job: checkpoints.keep(
                        job.group, kept.as_bytes(job.group)
                    ),
                ),
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
        done = self._context.RawValue("q", 0)
        process = self._context.Process(
            target=_work,
            args=(theirs, copies, self._source, self.engine, done, self._trained),
            daemon=True,
        )
        process.start()
        theirs.close()  # so that our end sees the end of the pipe when the worker dies
        return _Worker(process, ours, done)


def _work(
    pipe: Connection,
    copies: Sequence[Connection],
    source: "Prepared | _Named",
    engine: Engine,
    done: Any,
    trained: Any,
) -> None:
    """Train the groups that come through the pipe, one after the other; the worker's life."""
    for copy in copies:
        copy.close()
    _compile_without_threads()
    # Ctrl-C reaches the whole group; the parent decides, and stops its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepared = source.prepared() if isinstance(source, _Named) else source

    def count(come: int, just_trained: int) -> None:
        done.value += come
        with trained.get_lock():
            trained.value += just_trained

    def answer(job: _Job) -> list[Run] | EtudeError:
        try:
            return train_group(
                prepared,
                job.group,
                updates=job.updates,
                engine=engine,
                start=read_checkpoint(job.start, job.group),
                progress=count,
                keep=lambda checkpoint: pipe.send(checkpoint.as_bytes(job.group)),
            )
        except EtudeError as error:
            return error

    with suppress(EOFError, ConnectionError):  # the parent is gone
        while True:
            pipe.send(answer(pipe.recv()))


def _compile_without_threads() -> None:
    """Let torch compile in this process's only thread.

    Where the parent compiled something, a forked worker inherits a pool of compiling threads
    without the threads, and would wait for them for ever. Here a worker has one core anyway.
    """
    if compiler := sys.modules.get("torch._inductor.config"):
        compiler.compile_threads = 1  # type: ignore[attr-defined]


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
    if sys.platform == "linux" and not torch.cuda.is_available():
        return "fork"
    # With a GPU in sight, autograd starts threads in its first backward pass, and a process that
    # has them cannot be forked.
    return "spawn" if spec else None


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
