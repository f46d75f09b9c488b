"""The main job: train strategies on one task from the same starts, and say which wins."""

import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, Protocol

from etude.errors import CompareError
from etude.race.design import beyond_the_edge, default_strategies
from etude.race.ranking import judge_together, rank
from etude.records import Comparison, Outcome, Place, Run, Winner, finite
from etude.store import Store, run_key
from etude.strategies import Strategy, strategy
from etude.tasks import Prepared, Task, load_task, prepare
from etude.training import Plan, Pool

EXTENSIONS = 4
"""Times that a winner at the edge makes its lr grid longer."""
FAILED = (Outcome.DIVERGED, Outcome.COLLAPSED)


class Listener(Protocol):
    """What wants to know how a comparison goes on; `etude compare` shows it live."""

    def begin(self, runs: int, updates: int, pool: Pool) -> None:
        """Hear that so many runs, each of so many updates, are about to be trained."""
        ...

    def ended(self, run: Run, *, reused: bool) -> None:
        """Hear of a run that ended, or that the store already had."""
        ...

    def decided(self, sentence: str) -> None:
        """Hear what was decided."""
        ...


class _Silence:
    def begin(self, runs: int, updates: int, pool: Pool) -> None: ...

    def ended(self, run: Run, *, reused: bool) -> None: ...

    def decided(self, sentence: str) -> None: ...


def compare(
    task: Task | Prepared | str,
    strategies: Sequence[Strategy | str] | None = None,
    *,
    updates: int | None = None,
    seeds: int | Sequence[int] = 3,
    batch_size: int | None = None,
    metric: str = "loss",
    device: str = "cpu",
    workers: int | None = None,
    store: Store | None = None,
    reuse: bool = True,
    command: str | None = None,
    listener: Listener | None = None,
) -> Comparison:
    """Train every strategy with every seed and rank them by their final validation value.

    All strategies see the same initial weights and the same batches for a seed. A winner at the
    edge of its lr grid makes the grid longer. Ctrl-C ends the training; what is done is ranked.

    Args:
        task: a task, or the name of one (`digits`, `train.py:task`).
        strategies: strategies or their texts; None takes `default_strategies()`.
        updates: length of every run; None takes the task's own budget.
        seeds: how many seeds (0, 1, ...), or which.
        batch_size: examples an update where a strategy does not say; None takes the task's.
        metric: "loss", or the name of the task's metric, to rank by.
        device: where to train: "cpu", "cuda", ...
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
    if updates is not None and updates < 1:
        raise CompareError(f"a run needs at least 1 update, got updates={updates}")
    chosen, picked = _strategies(strategies), _seeds(seeds)
    prepared = _prepared(task, batch_size, device)
    _check_metric(metric, prepared.task)
    job = _Job(
        prepared=prepared,
        spec=task if isinstance(task, str) else None,
        strategies=chosen,
        updates=updates or prepared.task.budget,
        seeds=picked,
        metric=metric,
        store=store,
        reuse=reuse,
        listener=listener or _Silence(),
    )
    job.check()
    complete = True
    with Pool(prepared, updates=job.updates, workers=workers, spec=job.spec) as pool:
        try:
            job.train(pool, job.strategies)
            for _ in range(EXTENSIONS):
                further = job.next_lr()
                if further is None:
                    break
                job.train(pool, [further])
        except KeyboardInterrupt:
            if not job.runs:
                raise
            complete = False
            job.decide("interrupted: the ranking covers the runs that ended")
    return job.result(command, complete=complete)


def _strategies(given: Sequence[Strategy | str] | None) -> list[Strategy]:
    chosen = default_strategies() if given is None else [strategy(each) for each in given]
    if not chosen:
        raise CompareError("a comparison needs at least one strategy, got none")
    return list(dict.fromkeys(chosen))


def _seeds(given: int | Sequence[int]) -> tuple[int, ...]:
    picked = tuple(range(given)) if isinstance(given, int) else tuple(given)
    if not picked or len(set(picked)) < len(picked):
        raise CompareError(f"a comparison needs at least one seed, each once, got seeds={given}")
    return picked


def _check_metric(metric: str, task: Task) -> None:
    names = ["loss", *filter(None, [task.metric_name])]
    if metric not in names:
        raise CompareError(
            f"{task.name} can be ranked by {' or '.join(names)}, got metric={metric!r}"
        )


def _prepared(task: Task | Prepared | str, batch_size: int | None, device: str) -> Prepared:
    if isinstance(task, Prepared):
        return task
    loaded = load_task(task) if isinstance(task, str) else task
    if batch_size is not None:
        loaded = replace(loaded, batch_size=batch_size)
    return prepare(loaded, device=device)


@dataclass(eq=False, slots=True)
class _Job:
    """A comparison under way: its settings, and the runs and decisions so far."""

    prepared: Prepared
    spec: str | None
    """The task's name for `load_task`, where it has one."""
    strategies: list[Strategy]
    updates: int
    seeds: tuple[int, ...]
    metric: str
    store: Store | None
    reuse: bool
    listener: Listener
    runs: list[Run] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raise now, before the first update, when a strategy does not fit the task or the run."""
        size = self.prepared.train.size
        for each in self.strategies:
            batch = each.batch_size or self.prepared.task.batch_size
            if batch > size:
                raise CompareError(
                    f"a batch must fit into the {size} training examples, got batch={batch}"
                )
            each.bind(self.updates, epoch=max(1, size // batch), batch_size=batch)

    def decide(self, sentence: str) -> None:
        """Keep a decision and tell it."""
        self.decisions.append(sentence)
        self.listener.decided(sentence)

    def train(self, pool: Pool, strategies: Sequence[Strategy]) -> None:
        """Train these strategies with every seed, but take finished runs from the store."""
        plans = [Plan(each, seed) for seed in self.seeds for each in strategies]
        keys = {plan: self._key(plan) for plan in plans}
        known = self.store.find(list(keys.values())) if self.store and self.reuse else {}
        waiting = [plan for plan in plans if keys[plan] not in known]
        if known:
            self.decide(
                f"reused {len(known)} of {len(plans)} runs from the store: same task, strategy,"
                " seed, versions and budget"
            )
        self.listener.begin(len(waiting), self.updates, pool)
        for run in known.values():
            self.runs.append(run)
            self.listener.ended(run, reused=True)
        for run in pool.train(waiting):
            self.runs.append(run)
            if self.store:
                plan = Plan(strategy(run.strategy), run.seed)
                settings = {**self._settings(), "chance": self.prepared.chance}
                self.store.add(run, key=keys[plan], settings=settings)
            self.listener.ended(run, reused=False)

    def next_lr(self) -> Strategy | None:
        """Give the strategy that makes the winner's lr grid longer, if it won at an edge."""
        first = self._ranking()[0]
        if first.outcome in FAILED:
            return None
        best = strategy(first.strategy)
        further = beyond_the_edge(best, self.strategies)
        if further is None or further in self.strategies:
            return None
        self.strategies.append(further)
        self.decide(
            f"`{best}` led at the edge of its lr grid, so lr={further.peak_lr!r} was tried too"
        )
        return further

    def result(self, command: str | None, *, complete: bool) -> Comparison:
        """Rank what is done and write it down."""
        self.runs = judge_together(self.runs, self.prepared.chance)
        ranking = self._ranking()
        return Comparison(
            task=self._task(),
            settings={**self._settings(), "seeds": list(self.seeds), "command": command},
            versions=versions(),
            ranking=tuple(ranking),
            runs=tuple(self.runs),
            winner=self._winner(ranking[0]),
            decisions=tuple(self.decisions),
            complete=complete,
        )

    def _ranking(self) -> list[Place]:
        by_loss = self.metric == "loss"
        return rank(
            self.strategies,
            self.runs,
            quantity=lambda run: run.loss if by_loss else run.metric,
            maximize=not by_loss and self.prepared.task.maximize,
        )

    def _winner(self, first: Place) -> Winner | None:
        if not self._is_useful(first):
            return None
        best, task = strategy(first.strategy), self.prepared.task
        batch = best.batch_size or task.batch_size
        code = best.code(
            updates=self.updates,
            task=self.spec,
            seed=self.seeds[0],
            epoch=max(1, self.prepared.train.size // batch),
            batch_size=batch,
        )
        return Winner(first.strategy, code)

    def _is_useful(self, first: Place) -> bool:
        chance = self.prepared.chance
        if first.outcome in FAILED or not math.isfinite(first.loss):
            return False
        return self.metric != "loss" or chance is None or first.loss < chance

    def _key(self, plan: Plan) -> str:
        return run_key(
            fingerprint=self.prepared.fingerprint,
            strategy=str(plan.strategy),
            seed=plan.seed,
            updates=self.updates,
            batch_size=plan.strategy.batch_size or self.prepared.task.batch_size,
            device=str(self.prepared.device),
            versions=versions(),
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "ranked_by": self.metric,
            "updates": self.updates,
            "batch_size": self.prepared.task.batch_size,
            "device": str(self.prepared.device),
            "versions": versions(),
        }

    def _task(self) -> dict[str, Any]:
        task = self.prepared.task
        return {
            "name": task.name,
            "about": task.about,
            "source": task.source,
            "metric": task.metric_name,
            "maximize": task.maximize,
            "chance": None if self.prepared.chance is None else finite(self.prepared.chance),
            "train": self.prepared.train.size,
            "val": self.prepared.val.size,
            "parameters": self.prepared.parameters,
        }


def versions() -> dict[str, str]:
    """Give the versions that a run's numbers depend on."""
    return {
        "etude": version("etude"),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
    }
