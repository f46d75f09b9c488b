"""Work under way on one task: its settings, its runs and its decisions so far.

The runs are all the state there is. Each is kept in the store as it ends, under a key that says
what went into it, and every decision is a pure function of runs. So work that was killed
at any moment takes up where it stopped: the same command finds the runs, decides the same again
and trains the rest, from its last checkpoint where it had begun.
"""

import hashlib
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np

from etude.controllers import as_controlled
from etude.errors import CompareError
from etude.jobs.checkpoints import StoredCheckpoints
from etude.jobs.request import check_watched
from etude.records import Outcome, Run
from etude.report.words import several
from etude.store import Store, run_key
from etude.strategies import Strategy, strategy
from etude.tasks import Prepared
from etude.training import SERIAL, Engine, Plan, Pool, choose
from etude.training.checkpoints import NOWHERE
from etude.training.run import identity

FAILED = (Outcome.DIVERGED, Outcome.COLLAPSED)
"""How a run ends that learned nothing because its rate was too high."""


class Listener(Protocol):
    """What wants to know how the work goes on; the command line shows it live."""

    def begin(self, runs: int, updates: int, pool: Pool, *, maximize: bool) -> None:
        """Hear that so many runs, each of so many updates, are about to be trained.

        `maximize`: is more of what they are ranked by better?
        """
        ...

    def ended(self, run: Run, *, reused: bool) -> None:
        """Hear of a run that ended, or that the store already had."""
        ...

    def decided(self, sentence: str) -> None:
        """Hear what was decided."""
        ...


class Silence:
    """A listener that does not listen."""

    def begin(self, runs: int, updates: int, pool: Pool, *, maximize: bool) -> None:
        """Do nothing."""

    def ended(self, run: Run, *, reused: bool) -> None:
        """Do nothing."""

    def decided(self, sentence: str) -> None:
        """Do nothing."""


@dataclass(eq=False, slots=True)
class Job:
    """Runs of one task that are trained, kept and told about."""

    prepared: Prepared
    updates: int
    """Length of a run in full."""
    seeds: tuple[int, ...]
    store: Store | None
    reuse: bool
    listener: Listener
    engine: Engine = SERIAL
    """What trains."""
    runs: list[Run] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    """What was decided: the same for the same runs, whether they were trained now or before."""
    reused: int = 0
    """Runs that were taken from the store."""
    resumed: int = 0
    """Runs that went on from a checkpoint that the store had."""
    checkpoints: StoredCheckpoints | None = None
    """Of the runs that are trained now."""

    def check(self, strategies: Sequence[Strategy]) -> None:
        """Raise now, before the first update, when a strategy fits neither task nor run."""
        size = self.prepared.train.size
        for each in strategies:
            batch = self.batch_size(each)
            if batch > size:
                raise CompareError(
                    f"a batch must fit into the {size} training examples, got batch={batch}"
                )
            each.bind(self.updates, epoch=self.epoch(each), batch_size=batch)
            check_watched(each, self.prepared.task)

    def choose_engine(
        self,
        strategies: Sequence[Strategy],
        wanted: str,
        workers: int,
        *,
        work: float | None = None,
    ) -> None:
        """Choose what trains; by timing, unless the store has what was chosen before.

        Args:
            strategies: what is to be trained.
            wanted: an engine's name or "auto".
            workers: processes that share the work.
            work: updates of all runs together; None is every strategy in full with every seed.
        """
        share = max(1, workers)
        runs = -(-len(strategies) * len(self.seeds) // share)
        mine = runs * self.updates if work is None else round(work / share)

        def chosen() -> Engine:
            return choose(self.prepared, strategies, wanted=wanted, runs=runs, work=mine)

        if self.store is None or wanted != "auto":
            self.engine = chosen()
            return
        # What changes the choice, coarsely, so that comparisons that are alike share runs.
        batches = sorted({self.batch_size(each) for each in strategies})
        size = min(runs, 64), round(math.log10(max(mine, 1)))
        depends = (
            f"{self.prepared.fingerprint} {self.prepared.device} {versions()} {batches} {size}"
        )
        key = hashlib.sha256(depends.encode()).hexdigest()
        self.engine = Engine(**self.store.settled(key, lambda: chosen().as_dict()))

    def batch_size(self, each: Strategy) -> int:
        """Give the examples an update that a strategy trains with."""
        return each.batch_size or self.prepared.task.batch_size

    def epoch(self, each: Strategy) -> int:
        """Give the updates in one epoch of a strategy's training."""
        return max(1, self.prepared.train.size // self.batch_size(each))

    def decide(self, sentence: str) -> None:
        """Keep a decision and tell it."""
        self.decisions.append(sentence)
        self.listener.decided(sentence)

    def train(
        self,
        pool: Pool,
        strategies: Sequence[Strategy],
        *,
        seeds: Sequence[int] | None = None,
        updates: int | None = None,
    ) -> int:
        """Train each strategy with each seed, but take finished runs from the store.

        What this job trained before is left out. Give the updates of the others.

        Args:
            pool: who trains.
            strategies: what is trained.
            seeds: with which seeds; None means all.
            updates: length of the runs; shorter ones are copies of the whole run, their
                schedules compressed. None means in full.
        """
        length = updates or self.updates
        trained = {(run.strategy, run.seed) for run in self.runs if run.planned == length}
        plans = [
            Plan(each, seed, self._horizon(length))
            for seed in seeds or self.seeds
            for each in strategies
            if (str(each), seed) not in trained
        ]
        keys = {plan: self._key(plan, length) for plan in plans}
        known = self.store.find(list(keys.values())) if self.store and self.reuse else {}
        waiting = [plan for plan in plans if keys[plan] not in known]
        if known:
            self.reused += len(known)
            self.listener.decided(
                f"reused {len(known)} of {several(len(plans), 'run')} of"
                f" {several(length, 'update')} from the store:"
                " same task, strategy, seed, versions and budget"
            )
        if self.store and self.reuse:
            self.checkpoints = StoredCheckpoints(self.store, keys, self.engine, self._go_on)
        self.listener.begin(len(waiting), length, pool, maximize=self.maximize)
        for run in known.values():
            self.runs.append(run)
            self.listener.ended(run, reused=True)
        checkpoints = self.checkpoints or NOWHERE
        for ended in pool.train(waiting, updates=length, checkpoints=checkpoints):
            key = keys[Plan(strategy(ended.strategy), ended.seed, self._horizon(length))]
            run = replace(ended, id=identity(key, ended.curve))
            self.runs.append(run)
            self._keep(run, key, length)
            self.listener.ended(run, reused=False)
        return len(plans) * length

    def _go_on(self, runs: int) -> None:
        self.resumed += runs
        self.listener.decided(
            f"{several(runs, 'run')} {'goes' if runs == 1 else 'go'} on from where the same"
            " command was interrupted"
        )

    def _horizon(self, length: int) -> int | None:
        return None if length == self.updates else self.updates

    def _keep(self, run: Run, key: str, length: int) -> None:
        if self.store is None:
            return
        settings = {**self.settings(), "updates": length, "chance": self.prepared.chance}
        self.store.add(run, key=key, settings=settings)

    @property
    def maximize(self) -> bool:
        """Is more of what its runs are judged by better? Of a loss it is not."""
        return False

    def settings(self) -> dict[str, Any]:
        """Give what the runs' numbers depend on besides task, strategy and seed."""
        return {
            "updates": self.updates,
            "batch_size": self.prepared.task.batch_size,
            "device": str(self.prepared.device),
            "engine": self.engine.as_dict(),
            "versions": versions(),
        }

    def _meant(self, each: Strategy) -> str:
        """Give a strategy's text, with what a Python function in it says now: it may be edited."""
        text = str(each)
        if "function " not in text:
            return text
        bound = each.bind(self.updates, epoch=self.epoch(each), batch_size=self.batch_size(each))
        said = as_controlled(bound.schedule).schedule(np.arange(self.updates))
        return f"{text} {hashlib.sha256(said.tobytes()).hexdigest()}"

    def _key(self, plan: Plan, length: int) -> str:
        return run_key(
            fingerprint=self.prepared.fingerprint,
            strategy=self._meant(plan.strategy),
            seed=plan.seed,
            updates=length,
            horizon=plan.horizon,
            batch_size=self.batch_size(plan.strategy),
            device=str(self.prepared.device),
            engine=self.engine.numerics,
            versions=versions(),
        )


@cache
def versions() -> dict[str, str]:
    """Give the versions that a run's numbers depend on."""
    return {
        "etude": version("etude"),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
    }
