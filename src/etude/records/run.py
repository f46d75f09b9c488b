"""One run: how it ended, and what it recorded on the way."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.records.plain import finite

Array = NDArray[np.float64]


class Outcome(StrEnum):
    """How a run ended, best first. `etude.diagnosis.outcome` has the definitions."""

    CONVERGED = "converged"
    IMPROVING = "still improving"
    STALLED = "stalled"
    COLLAPSED = "collapsed"
    DIVERGED = "diverged"


def _nothing() -> Array:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What one run recorded.

    The first five columns have one row per recorded update, [rows]; the next four one row per
    evaluation, [evaluations]; the last three one row per update whose gain was measured, [gains].
    An evaluation at `t` sees the weights before update `t`.
    """

    update: Array = field(default_factory=_nothing)
    """Index t of the update, from 0."""
    lr: Array = field(default_factory=_nothing)
    """Absolute lr that update t used (first param group)."""
    loss: Array = field(default_factory=_nothing)
    """Training loss of update t's batch, before the update changed the weights."""
    grad_norm: Array = field(default_factory=_nothing)
    """2-norm of the whole gradient of update t, before clipping; nan where it was not recorded,
    infinite where it was and is not finite."""
    update_ratio: Array = field(default_factory=_nothing)
    """2-norm of the change of the weights over 2-norm of the weights, at update t."""
    eval_update: Array = field(default_factory=_nothing)
    """Number of updates done at each evaluation."""
    val_loss: Array = field(default_factory=_nothing)
    """Validation loss."""
    val_metric: Array = field(default_factory=_nothing)
    """Validation metric; nan where the task has none."""
    val_spread: Array = field(default_factory=_nothing)
    """How much the predictions differ between validation inputs: the standard deviation over
    inputs, averaged over outputs (output units). 0 means the same answer for every input; nan
    where outputs are not predictions."""
    gain_update: Array = field(default_factory=_nothing)
    """Index t of each update whose gain was measured; empty where none was."""
    gain_ratio: Array = field(default_factory=_nothing)
    """Actual over predicted decrease of the loss of update t's batch,
    [L(w) - L(w + dw)] / (-g . dw): near 1 where the loss is a line along the step, 0.5 at its
    minimum, negative where the step overshot."""
    zero_share: Array = field(default_factory=_nothing)
    """Largest share of gradient entries that are exactly 0 in any one parameter, at update t."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One strategy with one seed on one task, as it ended."""

    id: str
    task: str
    strategy: str
    """The strategy's text form."""
    seed: int
    outcome: Outcome
    planned: int
    """Length of the run in updates."""
    updates: int
    """Updates done; fewer than planned when the run diverged."""
    loss: float
    """Final validation loss; nan when the run diverged to a value that is not finite."""
    metric: float
    """Final validation metric; nan where the task has none."""
    seconds: float
    """Wall time that training took."""
    curve: Curve


def run_json(run: Run) -> dict[str, Any]:
    """Give a run without its curve, ready for JSON."""
    return {
        "id": run.id,
        "strategy": run.strategy,
        "seed": run.seed,
        "outcome": str(run.outcome),
        "planned": run.planned,
        "updates": run.updates,
        "loss": finite(run.loss),
        "metric": finite(run.metric),
        "seconds": run.seconds,
    }


_COUNTS = ("update", "eval_update", "gain_update")


def curve_json(curve: Curve) -> dict[str, list[float | None]]:
    """Give a curve's columns as lists; what is not finite becomes null, and updates are whole."""
    values = {name: getattr(curve, name).tolist() for name in Curve.__dataclass_fields__}
    return {
        name: [int(value) if name in _COUNTS else finite(value) for value in column]
        for name, column in values.items()
    }
