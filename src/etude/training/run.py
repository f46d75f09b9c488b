"""Train one run from start to end."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from etude.diagnosis import judge
from etude.errors import EtudeError, TaskError
from etude.records import Curve, Run
from etude.tasks import Prepared
from etude.training.cohort import Plan
from etude.training.serial import EVALUATIONS, SerialCohort


def train(
    prepared: Prepared,
    plan: Plan,
    *,
    updates: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Run:
    """Train one run in this process.

    Args:
        prepared: the task.
        plan: strategy and seed.
        updates: length of the run.
        progress: told the number of updates just done, a few times a run. Those that a diverged
            run leaves undone count as done at its end.

    Raises:
        TaskError: when the task's own code raises.
    """
    began = time.perf_counter()
    try:
        with one_thread():
            cohort = SerialCohort(prepared, [plan], updates=updates)
            while cohort.alive:
                before = cohort.done(0)
                cohort.advance(max(1, updates // EVALUATIONS))
                progress(cohort.done(0) - before)
    except EtudeError:
        raise
    except Exception as error:
        # The probe step passed, so this comes from the user's model, loss or data later on.
        raise TaskError(
            f"a task must train to its end, but {prepared.task.name} raised"
            f" {type(error).__name__}: {error} (strategy {plan.strategy}, seed {plan.seed})"
        ) from error
    progress(updates - cohort.done(0))
    return _finished(prepared, plan, updates, cohort.curve(0), time.perf_counter() - began)


@contextmanager
def one_thread() -> Iterator[None]:
    """Train on one thread: sums then come in one order, and two workers share no cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _finished(prepared: Prepared, plan: Plan, updates: int, curve: Curve, seconds: float) -> Run:
    broke_off = not math.isfinite(curve.loss[-1])
    return Run(
        id=_identity(prepared, plan, curve),
        task=prepared.task.name,
        strategy=str(plan.strategy),
        seed=plan.seed,
        planned=updates,
        outcome=judge(curve, chance=prepared.chance),
        updates=int(curve.update[-1]) + 1 if broke_off else int(curve.eval_update[-1]),
        loss=float(curve.val_loss[-1]),
        metric=float(curve.val_metric[-1]),
        seconds=seconds,
        curve=curve,
    )


def _identity(prepared: Prepared, plan: Plan, curve: Curve) -> str:
    """Name a run by what went in and what came out: the same run always has the same id."""
    digest = hashlib.sha256(f"{prepared.fingerprint} {plan.strategy} {plan.seed}".encode())
    digest.update(curve.loss.tobytes())
    return digest.hexdigest()[:12]
