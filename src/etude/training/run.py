"""Train runs from start to end."""

import hashlib
import math
import time
from collections.abc import Callable

from etude.diagnosis import judge
from etude.errors import EtudeError, TaskError
from etude.records import Curve, Run
from etude.tasks import Prepared, one_thread
from etude.training.cohort import Cohort, Plan
from etude.training.course import EVALUATIONS
from etude.training.engine import SERIAL, Engine
from etude.training.prefix import Branch, Group

Progress = Callable[[int], None]


def train(
    prepared: Prepared, plan: Plan, *, updates: int, progress: Progress = lambda _: None
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
    progress: Progress = lambda _: None,
) -> list[Run]:
    """Train runs that share starts, in this process; each is what it would be alone.

    Args:
        prepared: the task.
        group: the runs, and where each parts from an earlier one.
        updates: length of every run.
        engine: what trains them.
        progress: told the number of updates just done, a few times a run. Shared updates count
            for each run that shares them, and what a diverged run leaves undone counts as done.

    Raises:
        TaskError: when the task's own code raises.
    """
    began = time.perf_counter()
    try:
        with one_thread():
            curves = _curves(prepared, group, updates, engine, progress)
    except EtudeError:
        raise
    except Exception as error:
        # The probe step passed, so this comes from the user's model, loss or data later on.
        raise TaskError(
            f"a task must train to its end, but {prepared.task.name} raised"
            f" {type(error).__name__}: {error} (strategy {group[0].plan.strategy})"
        ) from error
    seconds = (time.perf_counter() - began) / len(group)
    return [
        _finished(prepared, branch.plan, updates, curve, seconds)
        for branch, curve in zip(group, curves, strict=True)
    ]


def _curves(
    prepared: Prepared, group: Group, updates: int, engine: Engine, progress: Progress
) -> list[Curve]:
    roots = [branch.plan for branch in group if branch.source is None]
    cohort = engine.cohort(prepared, roots, updates=updates)
    lanes: dict[int, int] = {}
    for place, branch in enumerate(group):
        if branch.source is None:
            lanes[place] = len(lanes)
    t = 0
    for place, branch in sorted(enumerate(group), key=lambda pair: pair[1].at):
        if branch.source is not None:
            _advance(cohort, t, branch.at, progress, updates)
            t = branch.at
            lanes[place] = cohort.fork(lanes[branch.source], branch.plan.strategy)
            progress(t)
    _advance(cohort, t, updates, progress, updates)
    left = sum(updates - cohort.done(lane) for lane in lanes.values())
    progress(left)
    return [cohort.curve(lanes[place]) for place in range(len(group))]


def _advance(cohort: Cohort, start: int, stop: int, progress: Progress, updates: int) -> None:
    """Advance all from `start` to `stop`, telling the progress now and then."""
    block = max(1, updates // EVALUATIONS)
    for t in range(start, stop, block):
        before = sum(map(cohort.done, runs := cohort.alive))
        cohort.advance(min(block, stop - t))
        progress(sum(map(cohort.done, runs)) - before)


def _finished(prepared: Prepared, plan: Plan, updates: int, curve: Curve, seconds: float) -> Run:
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
