"""Which engine trains a task: tried and timed, not guessed.

- `serial`: plain PyTorch, one run after the other; trains anything.
- `stacked`: many runs in one pass, the operations of ordinary training in their order; most
  networks get the same bits.
- `fast`: the same, compiled; operations are joined, which moves last bits.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from etude.errors import CompareError, EtudeError
from etude.strategies import Strategy
from etude.tasks import Prepared, plain_arithmetic
from etude.training.blame import blaming_the_task
from etude.training.cohort import Cohort, Plan
from etude.training.course import batch_size_for
from etude.training.serial import SerialCohort
from etude.training.stackable import chunk_for, network_for
from etude.training.stacked import StackedCohort
from etude.training.steps import Steps

Name = Literal["serial", "stacked", "fast"]
NAMES: tuple[str, ...] = get_args(Name)

COMPILE_PAYS = 60.0
"""Seconds of other work, in each process, from which compiling may save time: it takes 15 to 60
seconds when the compiler has not seen the task before; the work then takes a third to a half."""
SAMPLE = 12
"""Lanes that are timed on a processor where there are more: steps are recorded anew for each number
of them, and a lane takes about as long beside 12 as beside more. A GPU would idle."""
TUNING_PAYS = 20.0
"""Seconds of work from which two numbers of lanes are timed: it may save a twentieth."""
TRIAL = 400
"""Length of the runs that are timed: evaluated every 20 updates, recorded every second."""
WINDOWS, WINDOW = 4, 2
"""How many times so many updates are timed; the best counts, since others use the machine too."""


@dataclass(frozen=True, slots=True)
class Engine:
    """How runs are trained."""

    name: Name = "serial"
    lanes: int = 1
    """Runs trained in one pass."""
    why: str = "asked for"
    """Why it was chosen."""
    exact: bool = True
    """Do its runs have the bits of ordinary ones? Compiled ones never do."""
    steps: dict[int, Steps] = field(default_factory=dict[int, Steps], compare=False, repr=False)
    """Steps that were recorded already, by batch size; grows by what its cohorts record."""

    @property
    def numerics(self) -> str:
        """Which bits a run has: those of ordinary training, or of steps compiled for so many."""
        if self.name == "fast":
            return f"fast {self.lanes}"
        return "ordinary" if self.exact else "stacked"

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON can hold, and `Engine(**...)` reads."""
        return {"name": self.name, "lanes": self.lanes, "why": self.why, "exact": self.exact}

    def cohort(
        self,
        prepared: Prepared,
        plans: Sequence[Plan],
        *,
        updates: int,
        close: range = range(0),
    ) -> Cohort:
        """Give runs to train; updates in `close` are all recorded.

        Those with controllers are trained one by one whatever the engine: a lane's rates are known
        before it begins, and a controller answers to what its own run shows.
        """
        if self.name == "serial" or any(plan.strategy.controllers for plan in plans):
            return SerialCohort(prepared, plans, updates=updates, close=close)
        return StackedCohort(
            prepared,
            plans,
            updates=updates,
            close=close,
            mode="fast" if self.name == "fast" else "exact",
            chunk=self.lanes,
            steps=self.steps,
        )


SERIAL = Engine()


@plain_arithmetic()
def choose(
    prepared: Prepared,
    strategies: Sequence[Strategy],
    *,
    wanted: str = "auto",
    runs: int,
    work: int,
) -> Engine:
    """Choose the engine for a comparison.

    Args:
        prepared: the task.
        strategies: what is to be trained.
        wanted: a name in `NAMES`, or "auto" for the fastest. What cannot be stacked is trained
            by `serial` all the same, and `why` says so.
        runs: runs that one process is to train.
        work: their updates, all together.

    Raises:
        CompareError: when there is no such engine.
        TaskError: when the task's own code raises while it is timed.
    """
    if wanted not in (*NAMES, "auto"):
        raise CompareError(f"an engine is auto, {', '.join(NAMES)}; got {wanted!r}")
    if wanted == "serial":
        return Engine()
    known = [each for each in strategies if not each.controllers]
    if not known:
        return Engine(why="a controller answers to what its own run shows")
    sizes = {batch_size_for(prepared, each) for each in known}
    try:
        steps = {size: Steps(network_for(prepared, size), fast=False) for size in sizes}
    except EtudeError as error:
        return Engine(why=str(error))
    lanes = min(chunk_for(prepared, max(sizes)), max(runs, 1))
    if wanted == "auto":
        return _fastest(prepared, known[0], lanes, steps, work=work)
    if wanted == "fast":
        return Engine("fast", lanes, exact=False)
    return Engine("stacked", lanes, exact=_exact(steps), steps=steps)


def _exact(steps: dict[int, Steps]) -> bool:
    return all(made.network.exact for made in steps.values())


def _fastest(
    prepared: Prepared, each: Strategy, most: int, steps: dict[int, Steps], *, work: float
) -> Engine:
    def stacked(lanes: int) -> float:
        return _seconds(prepared, each, Engine("stacked", lanes, steps=steps))

    on_gpu = prepared.device.type != "cpu"
    pace = alone = _seconds(prepared, each, Engine())
    lanes = most
    if on_gpu or _exact(steps):  # on a GPU even ordinary runs repeat no bits elsewhere
        found = {most: stacked(most if on_gpu else min(most, SAMPLE))}
        if work * found[most] > TUNING_PAYS and most > 1:
            found = {lanes: stacked(lanes) for lanes in (most, most // 2)}
        lanes = min(found, key=found.__getitem__)
        best = Engine(why=f"stacked, runs took {found[lanes] / alone:.2g} times as long")
        if found[lanes] < alone:
            pace = found[lanes]
            why = f"one by one, runs took {alone / pace:.2g} times as long"
            best = Engine("stacked", lanes, why, _exact(steps), steps)
    else:  # the code of a strategy is to give its run's losses
        best = Engine(why="stacked, runs would differ from ordinary ones in their last bits")
    if work * pace < COMPILE_PAYS:
        return best
    fast = Engine("fast", lanes, exact=False)
    took = _seconds(prepared, each, fast)
    compiled = replace(fast, why=f"one by one, runs took {alone / took:.2g} times as long")
    return compiled if took < pace else best


def _seconds(prepared: Prepared, each: Strategy, engine: Engine) -> float:
    """Time one update of one run, in seconds of CPU time."""
    plans = [Plan(each, seed % 2) for seed in range(engine.lanes)]
    with blaming_the_task(prepared, each):
        cohort = engine.cohort(prepared, plans, updates=TRIAL)
        cohort.advance(1)
        return min(_window(cohort) for _ in range(WINDOWS)) / (WINDOW * engine.lanes)


def _window(cohort: Cohort) -> float:
    began = time.process_time()
    cohort.advance(WINDOW)
    return time.process_time() - began
