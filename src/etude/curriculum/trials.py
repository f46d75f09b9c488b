"""Trains the runs of experiments on étude's own engine, and measures them.

Runs of one task and length are trained together, many in one pass where the task allows it; a
run is what it would be alone, so nothing depends on what else is trained.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from etude.curriculum.experiments import Check, Experiment, RunSpec
from etude.curriculum.tasks import prepared
from etude.diagnosis import end_level
from etude.finder.sharpness import sharpness
from etude.records import Run
from etude.strategies import Strategy, strategy
from etude.tasks import Prepared, build_model, plain_arithmetic
from etude.tasks.seeds import untouched
from etude.training import SERIAL, Engine, Plan, Pool, SerialCohort, choose
from etude.training.course import batch_size_for

TOGETHER = 4
"""Fewer runs are trained one after the other: to make a pass of them costs more."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The runs of one label, by seed."""

    task: str
    runs: tuple[Run, ...]


def train(experiment: Experiment, labels: Sequence[str] | None = None) -> dict[str, Trial]:
    """Train an experiment's runs, or those of some labels."""
    wanted = [run for run in experiment.runs if labels is None or run.label in labels]
    groups: dict[tuple[str, int], list[RunSpec]] = defaultdict(list)
    for run in wanted:
        groups[task_of(experiment, run), updates_of(experiment, run)].append(run)
    found: dict[str, Trial] = {}
    for (task, updates), runs in groups.items():
        found |= _train(experiment, task, updates, runs)
    return found


def task_of(experiment: Experiment, run: RunSpec) -> str:
    """Give the text of a run's task."""
    return run.task or experiment.task or ""


def updates_of(experiment: Experiment, run: RunSpec) -> int:
    """Give the length of a run; its own, the experiment's or the task's."""
    task = prepared(task_of(experiment, run))
    epoch = max(1, task.train.size // batch_size_for(task, strategy(run.text)))
    if run.updates or run.epochs:
        return run.updates or (run.epochs or 1) * epoch
    if experiment.updates or experiment.epochs:
        return experiment.updates or (experiment.epochs or 1) * epoch
    return task.task.budget


def seeds_of(experiment: Experiment, run: RunSpec) -> range:
    """Give the seeds of a run."""
    return range(run.seeds or experiment.seeds)


def _train(
    experiment: Experiment, task: str, updates: int, specs: Sequence[RunSpec]
) -> dict[str, Trial]:
    ready = prepared(task)
    each = {spec.label: strategy(spec.text) for spec in specs}
    plans = list(
        dict.fromkeys(
            Plan(each[spec.label], seed) for spec in specs for seed in seeds_of(experiment, spec)
        )
    )
    engine = _engine(ready, list(each.values()), len(plans), updates)
    with Pool(ready, workers=0, engine=engine) as pool:
        runs = {(run.strategy, run.seed): run for run in pool.train(plans, updates=updates)}
    return {
        spec.label: Trial(
            task, tuple(runs[str(each[spec.label]), seed] for seed in seeds_of(experiment, spec))
        )
        for spec in specs
    }


def _engine(ready: Prepared, strategies: list[Strategy], runs: int, updates: int) -> Engine:
    if runs < TOGETHER:
        return SERIAL
    return choose(ready, strategies, wanted="stacked", runs=runs, work=runs * updates)


def measure(trial: Trial, check: Check) -> tuple[float, ...]:
    """Give what a check looks at, for each seed; one number for shares over seeds."""
    if check.measure == "share":
        return (float(np.mean([str(run.outcome) == check.outcome for run in trial.runs])),)
    if check.measure == "share_below":
        level = check.level or 0.0
        return (float(np.mean([_ended(run) < level for run in trial.runs])),)
    return tuple(_of(run, check, trial.task) for run in trial.runs)


def _of(run: Run, check: Check, task: str) -> float:
    """Give what a check looks at in one run."""
    if check.measure in _OF_A_RUN:
        return _OF_A_RUN[check.measure](run)
    if check.measure in _AS_ASKED:
        return _AS_ASKED[check.measure](run, check)
    found = curvature(run, task, check.at)
    return found * strategy(run.strategy).peak_lr if check.measure == "sharpness_x_lr" else found


def _ended(run: Run) -> float:
    """Give the final loss, infinite where the run has none."""
    return run.loss if math.isfinite(run.loss) else math.inf


def _lowest(run: Run) -> float:
    finite = run.curve.val_loss[np.isfinite(run.curve.val_loss)]
    return float(finite.min()) if finite.size else math.inf


def _rises(run: Run) -> float:
    return float((np.diff(run.curve.loss) > 0).sum())


def _peak(run: Run) -> float:
    peak = float(run.curve.loss.max()) / float(run.curve.loss[0])
    return peak if math.isfinite(peak) else math.inf


def _updates_to(run: Run, check: Check) -> float:
    there = np.flatnonzero(run.curve.loss <= (check.to or 0.0))
    return float(run.curve.update[there[0]]) if there.size else math.inf


def _at(run: Run, values: np.ndarray, at: int | None) -> float:
    """Give a column's value at the last recorded update that is not after `at`."""
    rows = np.flatnonzero(run.curve.update <= (at or 0))
    return float(values[rows[-1]])


def _ratio(run: Run, check: Check) -> float:
    if check.at is None:
        return float(np.median(run.curve.update_ratio))
    return _at(run, run.curve.update_ratio, check.at)


def curvature(run: Run, task: str, at: int | None) -> float:
    """Give the largest eigenvalue of the Hessian after so many updates of a run, or at its end."""
    return _curvature(task, run.strategy, run.seed, run.planned, run.planned if at is None else at)


@cache
def _curvature(task: str, text: str, seed: int, updates: int, at: int) -> float:
    """Train the run again up to there: a curve keeps no weights. Several checks ask the same."""
    ready = prepared(task)
    with untouched(), plain_arithmetic():
        cohort = SerialCohort(ready, [Plan(strategy(text), seed)], updates=updates)
        cohort.advance(at)
        ((_, state),) = cohort.state()["runs"]
        model = build_model(ready.task, seed)
        model.load_state_dict(state["model"])
        return sharpness(ready, model).value


_OF_A_RUN: dict[str, Callable[[Run], float]] = {
    "first_loss": lambda run: float(run.curve.val_loss[0]),
    "final_loss": _ended,
    "final_over_first": lambda run: _ended(run) / float(run.curve.val_loss[0]),
    "lowest_loss": _lowest,
    "final_train": lambda run: end_level(run.curve),
    "peak_over_first": _peak,
    "rises": _rises,
    "metric": lambda run: run.metric,
    "travel": lambda run: float(run.curve.lr.sum()),
}
_AS_ASKED: dict[str, Callable[[Run, Check], float]] = {
    "updates_to": _updates_to,
    "loss": lambda run, check: _at(run, run.curve.loss, check.at),
    "lr": lambda run, check: _at(run, run.curve.lr, check.at),
    "update_ratio": _ratio,
}
