"""Warm worker processes, and the experiments that they train one after the other.

A thread for each worker waits at its pipe and hands what it says to the server's own thread, in
which everything else here happens.
"""

import asyncio
import multiprocessing
import threading
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from etude.errors import LabError
from etude.lab.experiments import FAILED, Experiment
from etude.lab.orders import Order
from etude.lab.worker import STOP, work

WORKERS = 2
REMEMBERED = 24
"""Experiments that are kept in memory; their runs are in the store."""
WAITING = 6
"""Experiments that may wait for a worker."""


@dataclass(eq=False, slots=True)
class _Worker:
    process: Any
    pipe: Connection
    ready: bool = False
    experiment: Experiment | None = None


class Workshop:
    """Trains experiments in a few processes.

    Args:
        store: the store's address, as `Store.open` takes it.
        workers: processes.
    """

    def __init__(self, store: str | None, *, workers: int = WORKERS) -> None:
        self._store = store
        self._size = workers
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._waiting: deque[Experiment] = deque()
        self._experiments: dict[str, Experiment] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def open(self) -> None:
        """Start the workers; call it in the server's loop."""
        self._loop = asyncio.get_running_loop()
        self._workers = [self._start() for _ in range(self._size)]

    def close(self) -> None:
        """Stop the workers; what they train is given up."""
        self._closed = True
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(1)
            if worker.process.is_alive():
                worker.process.kill()
        self._workers = []

    @property
    def ready(self) -> bool:
        """Whether a worker has loaded all that training needs."""
        return any(worker.ready for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        """The workers' process ids, those that train first."""
        ordered = sorted(self._workers, key=lambda worker: worker.experiment is None)
        return [worker.process.pid for worker in ordered]

    def find(self, name: str) -> Experiment | None:
        """Give an experiment by its id, None where it is not known (any more)."""
        return self._experiments.get(name)

    def run(self, order: Order) -> Experiment:
        """Begin an experiment, or give the same one where it is under way or done.

        Raises:
            LabError: too many wait already.
        """
        known = self.find(order.id)
        if known is not None and known.state != FAILED:
            return known
        if len(self._waiting) >= WAITING:
            raise LabError(f"{WAITING} experiments wait already; let one end, or stop one")
        self._forget_old()
        experiment = Experiment(order)
        self._experiments[order.id] = experiment
        self._waiting.append(experiment)
        self._hand_out()
        return experiment

    def again(self, order: Order) -> Experiment:
        """Begin an experiment even where it was done before, unless it is under way."""
        known = self.find(order.id)
        if known is not None and known.over:
            del self._experiments[order.id]
        return self.run(order)

    def stop(self, name: str) -> None:
        """Give an experiment up; what of it has ended stays in the store."""
        experiment = self.find(name)
        if experiment in self._waiting:
            self._waiting.remove(experiment)
            experiment.hear({"type": "stopped"})
        for worker in self._workers:
            if experiment is not None and worker.experiment is experiment:
                worker.pipe.send(STOP)

    def _forget_old(self) -> None:
        done = [name for name, each in self._experiments.items() if each.over]
        for name in done[: max(0, len(self._experiments) - REMEMBERED + 1)]:
            del self._experiments[name]

    def _hand_out(self) -> None:
        for worker in self._workers:
            if self._waiting and worker.ready and worker.experiment is None:
                worker.experiment = self._waiting.popleft()
                worker.experiment.begin()
                worker.pipe.send(worker.experiment.order)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, self._store), daemon=True)
        process.start()
        theirs.close()  # so that our end sees the end of the pipe when the worker dies
        worker = _Worker(process, ours)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        """Hand what a worker says to the loop; the life of its thread."""
        loop = self._loop
        while loop is not None:
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                message = {"type": "died"}
            try:
                loop.call_soon_threadsafe(self._hear, worker, message)
            except RuntimeError:  # the loop is closed: the server is gone
                return
            if message["type"] == "died":
                return

    def _hear(self, worker: _Worker, message: dict[str, Any]) -> None:
        if message["type"] == "died":
            self._replace(worker)
        elif message["type"] == "ready":
            worker.ready = True
        elif worker.experiment is not None:
            worker.experiment.hear(message)
            if worker.experiment.over:
                worker.experiment = None
        self._hand_out()

    def _replace(self, dead: _Worker) -> None:
        if self._closed or dead not in self._workers:
            return
        dead.process.join(1)
        if dead.experiment is not None:
            code = dead.process.exitcode
            dead.experiment.hear(
                {
                    "type": "failed",
                    "message": "the worker process that trained this experiment died"
                    f" ({_how(code)}); a new one is starting, so run it again: runs that had ended"
                    " are kept. If memory is short, ask for fewer seeds",
                }
            )
        if not dead.ready:  # it cannot even start: starting another would go on for ever
            self._workers.remove(dead)
            return
        self._workers[self._workers.index(dead)] = self._start()


def _how(code: int | None) -> str:
    return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
