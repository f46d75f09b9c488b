"""Train runs from start to end."""

import hashlib
import math
import time
from collections.abc import Callable

from etude.diagnosis import judge
from etude.records import Curve, Run
from etude.tasks import Prepared, plain_arithmetic
from etude.training.blame import blaming_the_task
from etude.training.checkpoints import Checkpoint
from etude.training.cohort import Plan
from etude.training.course import EVALUATIONS
from etude.training.engine import SERIAL, Engine
from etude.training.prefix import Branch, Group

CHECKPOINT_SECONDS = 10.0
"""Seconds between two checkpoints: about what is lost at most when a worker dies."""
BLOCK_SECONDS = 1.0
"""Seconds after which training looks up, to tell how far it is and to keep a checkpoint."""

Progress = Callable[[int, int], None]
"""Told how many updates runs have come on, and how many of these were trained just now."""
Keep = Callable[[Checkpoint], None]


def train(
    prepared: Prepared, plan: Plan, *, updates: int, progress: Progress = lambda *_: None
) -> Run:
    """Train one run in this process; see `train_group`."""
    (run,) = train_group(prepared, (Branch(plan, None, 0),), updates=updates, progress=progress)
    return run


def train_group(
    prepared: Prepared,
    group: Group,
    *,
    updates: int,
    engine: Engine = SERIAL,
    start: Checkpoint | None = None,
    progress: Progress = lambda *_: None,
    keep: Keep = lambda _: None,
) -> list[Run]:
    """Train runs that share starts, in this process; each is what it would be alone.

    Args:
        prepared: the task.
        group: the runs, and where each parts from an earlier one.
        updates: length of every run.
        engine: what trains them.
        start: where to go on from; None begins, and so does one that does not fit.
        progress: told the updates that the runs have just come on, a few times a run: at the end
            all of each run, for shared updates count for each run that shares them, and what a
            checkpoint brings or a diverged run leaves undone counts too. Beside it, how many of
            them were trained now.
        keep: given a checkpoint every `CHECKPOINT_SECONDS`.

    Raises:
        TaskError: when the task's own code raises.
    """
    began = time.perf_counter()
    with blaming_the_task(prepared, group[0].plan.strategy), plain_arithmetic():
        training = _begun(prepared, group, updates, engine, start)
        progress(training.come, 0)
        curves = training.curves(progress, keep)
    seconds = (time.perf_counter() - began) / len(group)
    return [
        finished(prepared, branch.plan, updates, curve, seconds)
        for branch, curve in zip(group, curves, strict=True)
    ]


def _begun(
    prepared: Prepared, group: Group, updates: int, engine: Engine, start: Checkpoint | None
) -> "_Training":
    training = _Training(prepared, group, updates, engine)
    if start:
        try:
            training.resume(start)
        except Exception:  # noqa: BLE001 - other code than this wrote it; then from the start
            return _Training(prepared, group, updates, engine)
    return training


class _Training:
    """A group under way."""

    def __init__(self, prepared: Prepared, group: Group, updates: int, engine: Engine) -> None:
        roots = [place for place, branch in enumerate(group) if branch.source is None]
        self._group, self._updates = group, updates
        self._cohort = engine.cohort(prepared, [group[r].plan for r in roots], updates=updates)
        self._lanes = {place: number for number, place in enumerate(roots)}
        self._done = 0
        self._block = 1
        self._kept = time.monotonic()

    @property
    def come(self) -> int:
        """Updates that all runs that have begun have come on."""
        return sum(map(self._cohort.done, self._lanes.values()))

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from where another process was."""
        self._done, self._lanes = checkpoint.update, dict(checkpoint.lanes)
        self._cohort.restore(checkpoint.cohort)

    def curves(self, progress: Progress, keep: Keep) -> list[Curve]:
        """Train to the end."""
        forks = [(b.at, place) for place, b in enumerate(self._group) if place not in self._lanes]
        for at, place in sorted(forks):
            self._advance(at, progress, keep)
            branch = self._group[place]
            source = self._lanes[branch.source or 0]
            self._lanes[place] = self._cohort.fork(source, branch.plan.strategy)
            progress(self._cohort.done(self._lanes[place]), 0)
        self._advance(self._updates, progress, keep)
        progress(len(self._group) * self._updates - self.come, 0)
        return [self._cohort.curve(self._lanes[place]) for place in range(len(self._group))]

    def _advance(self, stop: int, progress: Progress, keep: Keep) -> None:
        """Advance all, telling the progress now and then."""
        while self._done < stop:
            count = min(self._block, stop - self._done)
            before, began = self.come, time.monotonic()
            self._cohort.advance(count)
            self._done += count
            trained = self.come - before
            progress(trained, trained)
            self._size_block(time.monotonic() - began)
            if time.monotonic() - self._kept > CHECKPOINT_SECONDS:
                keep(Checkpoint(self._done, dict(self._lanes), self._cohort.state()))
                self._kept = time.monotonic()

    def _size_block(self, seconds: float) -> None:
        """Do more or fewer updates at a time, by what the last took."""
        if seconds > BLOCK_SECONDS:
            self._block = max(1, self._block // 2)
        elif seconds < BLOCK_SECONDS / 2:
            self._block = min(2 * self._block, max(1, self._updates // EVALUATIONS))


def finished(prepared: Prepared, plan: Plan, updates: int, curve: Curve, seconds: float) -> Run:
    """Give a run that ended as the record that it leaves behind, judged alone."""
    broke_off = not math.isfinite(curve.loss[-1])
    return Run(
        id=identity(f"{prepared.fingerprint} {plan.strategy} {plan.seed}", curve),
        task=prepared.task.name,
        strategy=str(plan.strategy),
        seed=plan.seed,
        outcome=judge(curve, chance=prepared.chance),
        planned=updates,
        updates=int(curve.update[-1]) + 1 if broke_off else int(curve.eval_update[-1]),
        loss=float(curve.val_loss[-1]),
        metric=float(curve.val_metric[-1]),
        seconds=seconds,
        curve=curve,
    )


def identity(went_in: str, came_out: Curve) -> str:
    """Name a run by what went in and what came out: the same run always has the same id."""
    return hashlib.sha256(went_in.encode() + came_out.loss.tobytes()).hexdigest()[:12]
