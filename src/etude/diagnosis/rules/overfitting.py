"""Overfitting: the validation loss rises while the training loss still falls.

What it sees. The validation loss at the end (median of the last fifth of its evaluations) has
given back at least a tenth of what it had gained from its start to its best, the best is not
among the last quarter, the evaluations since the best rise (Mann-Kendall, p < 0.01, or more than
four times their noise), and the training loss has not risen in that time. One epoch in which the
one rises and the other falls is no finding: that happens in most runs.

Why it matters. From the best evaluation on, updates fit the training examples alone. The weights
at the end are worse than those that were passed by.

What to try. Keep the weights of the best evaluation; train that much shorter, with the schedule
fitted to it; more weight decay, dropout or data. A lower lr only comes there later.

What would refute it. On a larger validation set the rise is gone; or only the loss rises and the
metric goes on improving, as with a classifier that grows too sure: then judge by the metric.
"""

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.statistics import falling_p_value, noise
from etude.diagnosis.view import SIGNIFICANT, View

CODE = "ED11"
NAME = "overfitting"
REMEDY = "keep the weights of the best evaluation, train shorter, or regularise"
REFUTED_BY = "on a larger validation set, or by the metric, the rise is gone"

LEAST = 8
"""Evaluations that are needed."""
GIVEN_BACK = 0.1
LATE = 0.75
NOISES = 4.0


def look(view: View) -> Sign | None:
    """Compare the end of the validation loss with its best."""
    curve = view.curve
    val = curve.val_loss
    if val.size < LEAST or not np.isfinite(val).all():
        return None
    best = int(np.argmin(val))
    end = float(np.median(val[-max(1, val.size // 5) :]))
    rise, gained = end - float(val[best]), float(val[0] - val[best])
    if best == 0 or best >= LATE * (val.size - 1) or rise < GIVEN_BACK * gained or gained <= 0:
        return None
    since = val[best:]
    clear = falling_p_value(-since) < SIGNIFICANT or rise > NOISES * noise(val[val.size // 2 :])
    if not clear or _training_rose(view, float(curve.eval_update[best])):
        return None
    return Sign(
        f"the validation loss was best at {view.unit} {curve.eval_update[best]:g} with"
        f" {show(val[best])} and rose to {show(end)}, {show(100 * rise / gained)} % of what was"
        " gained before, while the training loss did not rise",
        (int(curve.eval_update[best]), int(curve.eval_update[-1])),
        {"best": float(val[best]), "end": end, "given_back": rise / gained},
    )


def _training_rose(view: View, since: float) -> bool:
    after = view.heights[view.at >= since]
    if after.size < 4:  # noqa: PLR2004 - a start and an end
        return False
    part = max(1, after.size // 4)
    return float(np.median(after[-part:]) - np.median(after[:part])) > 3 * view.noise
