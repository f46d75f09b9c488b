"""The life of a worker process: it loads tasks once, trains what is ordered, and tells how it goes.

Training runs in processes and not in threads: torch's random state belongs to a process, and runs
side by side in threads would not repeat. They are spawned, and warm before the first order.
"""

import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

from etude.errors import EtudeError
from etude.lab.experiments import begun
from etude.lab.orders import Order, Replay, Variation
from etude.lab.setup import FACTORS, Fork, Setup
from etude.records import Curve, Run, curve_json, finite

STOP = "stop"
"""Sent instead of an order: give up what is being trained."""
CHEAP = 12_000
"""Parameters of a model, and updates of its runs with one seed, up to which curvature is cheap."""
LINES, SEEDS = 8, 5
"""Lines and seeds of an experiment that its picture shows at most."""
EVERY = 0.06
"""Seconds between two messages with rows, at least: ten pictures a second or more."""


class _Stopped(Exception):  # noqa: N818 - a learner's wish, not an error
    """The experiment is to be given up."""


def work(pipe: Connection, store: str | None) -> None:
    """Train the setups that come through the pipe, one after the other, until it closes."""
    # Ctrl-C reaches the whole group; the server decides, and stops its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Worker(pipe, store).live()


class _Worker:
    def __init__(self, pipe: Connection, store: str | None) -> None:
        import torch  # noqa: F401 - so that the first order finds it loaded

        from etude.race import watched  # noqa: F401

        self._pipe, self._store = pipe, store
        self._prepared: dict[tuple[str, int | None], Any] = {}

    def live(self) -> None:
        with suppress(EOFError, ConnectionError):  # the server is gone
            self._pipe.send({"type": "ready"})
            while True:
                order = self._pipe.recv()
                if order != STOP:
                    self._pipe.send(self._answer(order))

    def _answer(self, order: Order) -> dict[str, Any]:
        try:
            match order:
                case Replay():
                    return self._replay(order)
                case Variation():
                    return self._vary(order)
                case Setup():
                    return self._fork(order, order.fork) if order.fork else self._compare(order)
        except _Stopped:
            return {"type": "stopped"}
        except EtudeError as error:
            return {"type": "failed", "message": str(error)}

    def _task(self, setup: Setup) -> Any:
        from etude.tasks import load_task, prepare

        key = setup.task, setup.batch_size
        if key not in self._prepared:
            task = load_task(setup.task)
            if setup.batch_size is not None:
                task = replace(task, batch_size=setup.batch_size)
            self._prepared[key] = prepare(task)
        return self._prepared[key]

    def _compare(self, setup: Setup) -> dict[str, Any]:
        from etude.race.watched import watch_comparison
        from etude.store import Store

        teller = _Teller(self._pipe, {each: i for i, each in enumerate(setup.strategies)})
        with Store.open(self._store) as store:
            answer = watch_comparison(
                self._task(setup),
                setup.parsed(),
                updates=setup.updates,
                seeds=range(setup.seeds),
                store=store,
                spec=setup.task,
                command=setup.command,
                tell=teller.rows,
                listener=teller,
            )
        teller.flush()
        self._look(setup)
        return {"type": "answer", "answer": answer}

    def _look(self, setup: Setup) -> None:
        """Tell how near to the edge of stability runs trained, where that is cheap."""
        from etude.finder.edge import edge

        prepared, strategies = self._task(setup), setup.parsed()
        if prepared.parameters > CHEAP or len(strategies) * setup.updates > CHEAP:
            return
        for place, each in enumerate(strategies):
            with suppress(RuntimeError, EtudeError):  # not every model has a second derivative
                found = edge(prepared, each, updates=setup.updates)
                looks: dict[str, Any] = {"from": 0, "look_update": [at for at, _ in found]}
                looks["edge"] = [finite(ratio) for _, ratio in found]
                self._pipe.send({"type": "rows", "runs": [{"run": f"{place}/0", "looks": looks}]})

    def _fork(self, setup: Setup, fork: Fork) -> dict[str, Any]:
        """Draw the copies as they train; the verdict is that of the fork test itself."""
        from etude.probe import probe
        from etude.race.watched import watch_fork

        parent = setup.parsed()[fork.strategy]
        names = {str(parent.with_lr(parent.peak_lr * f)): i for i, f in enumerate(FACTORS)}
        teller = _Teller(self._pipe, names)
        watch_fork(
            self._task(setup),
            parent,
            seed=fork.seed,
            updates=setup.updates,
            at=fork.at,
            factors=FACTORS,
            length=fork.length,
            tell=teller.rows,
        )
        teller.flush()
        answer = probe(
            self._task(setup),
            parent,
            at=fork.at,
            updates=fork.length,
            length=setup.updates,
            factors=FACTORS,
            seed=fork.seed,
        )
        return {"type": "answer", "answer": answer}

    def _replay(self, order: Replay) -> dict[str, Any]:
        from etude.curriculum.prove import run_experiment
        from etude.curriculum.trials import train
        from etude.lab.study import study

        course = study().course
        experiment = course.experiment(order.experiment)
        if experiment.runs:
            self._show(list(train(experiment).items()))
        return {"type": "answer", "answer": run_experiment(course, experiment)}

    def _show(self, trials: list[tuple[str, Any]]) -> None:
        """Send the curves of an experiment's runs, a line for each label."""
        named = [
            (f"{place}/{run.seed}", label, run)
            for place, (label, trial) in enumerate(trials[:LINES])
            for run in trial.runs[:SEEDS]
        ]
        longest = max(run.planned for _, _, run in named)
        runs = [(key, label, run.seed) for key, label, run in named]
        self._pipe.send(begun(longest, runs))
        messages = [rows_message(key, run.curve) for key, _, run in named]
        self._pipe.send({"type": "rows", "runs": messages})
        for key, _, run in named:
            self._pipe.send(ended_message(key, run, reused=False))

    def _vary(self, order: Variation) -> dict[str, Any]:
        from etude.curriculum.variants import make
        from etude.lab.study import study

        item = study().course.item(order.item)
        return {"type": "answer", "answer": make(item, order.number)}  # pyright: ignore[reportArgumentType] - the route saw that it is a practice


@dataclass(slots=True)
class _Teller:
    """Sends rows a few times a second; also hears what a comparison decides about its runs."""

    pipe: Connection
    places: Mapping[str, int]
    """Place of each strategy, by its text."""
    waiting: list[dict[str, Any]] = field(default_factory=list)
    sent: float = 0.0

    def rows(self, plan: Any, curve: Curve, told: Any) -> None:
        """Take what is new of a run's curve."""
        self.waiting.append(
            rows_message(self._key(str(plan.strategy), plan.seed), curve, told.__getattribute__)
        )
        if time.monotonic() - self.sent >= EVERY:
            self.flush()

    def flush(self) -> None:
        """Send what waits; give up where that was wished."""
        if self.waiting:
            self.pipe.send({"type": "rows", "runs": self.waiting})
            self.waiting = []
        self.sent = time.monotonic()
        if self.pipe.poll() and self.pipe.recv() == STOP:
            raise _Stopped

    def begin(self, runs: int, updates: int, pool: Any, *, maximize: bool) -> None:
        """Hear that training begins; the page knows already."""

    def ended(self, run: Run, *, reused: bool) -> None:
        """Tell that a run ended; of one from the store also its rows, which nobody told yet."""
        key = self._key(run.strategy, run.seed)
        if reused:
            self.waiting.append(rows_message(key, run.curve))
        self.flush()
        self.pipe.send(ended_message(key, run, reused=reused))

    def decided(self, sentence: str) -> None:
        """Hear a decision; the answer has them all."""

    def _key(self, strategy: str, seed: int) -> str:
        return f"{self.places[strategy]}/{seed}"


_GROUPS = {
    "rows": ("update", "lr", "loss", "grad_norm", "update_ratio"),
    "evaluations": ("eval_update", "val_loss", "val_metric"),
    "gains": ("gain_update", "gain_ratio"),
}


def ended_message(run: str, ended: Run, *, reused: bool) -> dict[str, Any]:
    """Say how a run ended."""
    return {
        "type": "ended",
        "run": run,
        "outcome": str(ended.outcome),
        "updates": ended.updates,
        "loss": ended.loss,
        "reused": reused,
    }


def rows_message(run: str, curve: Curve, told: Any = lambda _: 0) -> dict[str, Any]:
    """Give what is new of a curve, so that whoever hears it twice ends up with the same.

    Each part says at which row it begins. What is not finite becomes null.

    Args:
        run: the run's key.
        curve: all that it recorded so far.
        told: from `rows`, `evaluations` or `gains` to how many were told before.
    """
    columns = curve_json(curve)
    parts = {
        group: {"from": told(group)}
        | {name: _short(columns[name][told(group) :]) for name in names}
        for group, names in _GROUPS.items()
    }
    return {"run": run, **{name: part for name, part in parts.items() if any(_new(part))}}


def _new(part: Mapping[str, Any]) -> list[Any]:
    return [value for name, value in part.items() if name != "from" and value]


def _short(values: list[float | None]) -> list[float | None]:
    """Keep six significant digits, more than any chart shows."""
    return [
        value if value is None or isinstance(value, int) else float(f"{value:.6g}")
        for value in values
    ]
