"""Training that is watched: all runs in one cohort, and their rows told while they go.

A pool gives runs as they end. Whoever looks at curves that grow wants a little of every run a few
times a second instead, so here all plans advance together in this process.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from etude.records import Curve, Run
from etude.strategies import Strategy
from etude.tasks import Prepared, plain_arithmetic
from etude.training.blame import blaming_the_task
from etude.training.checkpoints import NOWHERE, Checkpoints
from etude.training.cohort import Cohort, Plan
from etude.training.engine import SERIAL, Engine
from etude.training.pool import Pool
from etude.training.run import finished

GAINS = 60
"""Gain ratios of a run: each costs a forward pass more, and no bit of the run."""
BLOCK_SECONDS = 0.05
"""Seconds between two looks at the curves, at most: ten pictures a second move."""


@dataclass(frozen=True, slots=True)
class Told:
    """How much of a curve was told already."""

    rows: int = 0
    evaluations: int = 0
    gains: int = 0


Tell = Callable[[Plan, Curve, Told], None]
"""Given a run's plan, its curve so far, and how much of that was told before."""


class Live(Pool):
    """Trains plans together in this process and tells their rows as they come.

    Args:
        prepared: the task.
        tell: told what is new, about every `BLOCK_SECONDS`.
        engine: what trains.
    """

    def __init__(self, prepared: Prepared, *, tell: Tell, engine: Engine = SERIAL) -> None:
        super().__init__(prepared, workers=0, engine=engine)
        self._tell = tell

    def train(
        self,
        plans: Sequence[Plan],
        *,
        updates: int,
        checkpoints: Checkpoints = NOWHERE,  # noqa: ARG002 - what is watched takes seconds
    ) -> Iterator[Run]:
        """Train all plans and give the runs as they end.

        Raises:
            EtudeError: when a run cannot be trained.
        """
        if not plans:
            return
        began = time.perf_counter()
        with blaming_the_task(self._prepared, plans[0].strategy), plain_arithmetic():
            measured = [_measured(plan, updates) for plan in plans]
            cohort = self.engine.cohort(self._prepared, measured, updates=updates)
            for place in self._advance(cohort, plans, updates):
                seconds = (time.perf_counter() - began) / len(plans)
                curve = cohort.curve(place)
                yield finished(self._prepared, plans[place], updates, curve, seconds)

    def fork(
        self, plan: Plan, at: int, branches: Sequence[Strategy], *, updates: int, stop: int
    ) -> list[Run]:
        """Train a run to an update, and from there once under each of some strategies.

        Args:
            plan: the run.
            at: the update at which it is copied.
            branches: what the copies go on under.
            updates: length of the run that is copied.
            stop: the update at which the copies end.

        Raises:
            EtudeError: when a run cannot be trained.
        """
        began = time.perf_counter()
        with blaming_the_task(self._prepared, plan.strategy), plain_arithmetic():
            cohort = self.engine.cohort(self._prepared, [_measured(plan, updates)], updates=updates)
            cohort.advance(at)
            forks = [cohort.fork(0, each) for each in branches]
            cohort.drop([0])
            plans = [plan, *(Plan(each, plan.seed, plan.horizon) for each in branches)]
            for _ in self._advance(cohort, plans, stop, done=at):
                pass
            seconds = (time.perf_counter() - began) / len(forks)
            return [
                finished(self._prepared, plans[place], updates, cohort.curve(place), seconds)
                for place in forks
            ]

    def _advance(
        self, cohort: Cohort, plans: Sequence[Plan], stop: int, *, done: int = 0
    ) -> Iterator[int]:
        """Advance all to an update; tell what is new, and give the places of runs that ended."""
        told = [Told()] * len(plans)
        block, going = 1, set(cohort.alive)
        while done < stop and going:
            before, began = sum(map(cohort.done, going)), time.monotonic()
            count = min(block, stop - done)
            cohort.advance(count)
            done += count
            come = sum(map(cohort.done, going)) - before
            self._ended += come
            self._trained.value += come
            for place in sorted(going):
                told[place] = self._told(plans[place], cohort.curve(place), told[place])
            alive = set(cohort.alive)
            yield from sorted(going - alive)
            going &= alive
            block = _sized(block, time.monotonic() - began)

    def _told(self, plan: Plan, curve: Curve, told: Told) -> Told:
        now = Told(len(curve.update), len(curve.eval_update), len(curve.gain_update))
        if now != told:
            self._tell(plan, curve, told)
        return now


def _measured(plan: Plan, updates: int) -> Plan:
    """Have a run's gain ratio measured too; plan and store know it as the same run."""
    return replace(plan, gains=max(1, updates // GAINS))


def _sized(block: int, seconds: float) -> int:
    """Do more or fewer updates at a time, by what the last took."""
    if seconds > BLOCK_SECONDS:
        return max(1, block // 2)
    return 2 * block if seconds < BLOCK_SECONDS / 2 else block
