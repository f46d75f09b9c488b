"""Initial loss far from chance: inputs, targets or initial weights are on the wrong scale.

What it sees. The loss of the untrained model (the first evaluation at update 0, else the first
row) is more than four times that of the best constant answer: ln C for C classes, var(y) for a
mean squared error. Needs that number: étude's own runs have it, for other logs give `--chance`.

Why it matters. An untrained network knows nothing, so it should cost about what a constant answer
costs. When it costs much more it is surely wrong before the first update, and the first updates
undo that instead of learning. Measured: inputs 1,000 times too large begin at 84 times chance,
initial weights of deviation 1.5 at 900 times. It is not the lr, and no lr mends it.

What to try. Standardise inputs (mean 0, deviation 1) and targets of a regression; use the layer's
own initialisation; set the last layer's bias to the mean target or the log frequencies.

What would refute it. The model was pretrained on another target, or the loss sums over terms, so
that its chance is not the number that was given.
"""

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.view import View

CODE = "ED16"
NAME = "initial-loss"
REMEDY = "standardise inputs and targets, and use the layers' own initialisation"
REFUTED_BY = "the chance loss that was given is that of another loss"

TIMES = 4.0


def look(view: View) -> Sign | None:
    """Compare the untrained model with a constant answer."""
    if view.chance is None or view.chance <= 0 or not view.rows:
        return None
    curve = view.curve
    untrained = curve.val_loss.size and curve.eval_update[0] == 0 and np.isfinite(curve.val_loss[0])
    first = float(curve.val_loss[0]) if untrained else float(view.loss[0])
    if first < TIMES * view.chance:
        return None
    return Sign(
        f"the untrained model's loss is {show(first)}, {show(first / view.chance)} times the"
        f" {show(view.chance)} of a constant answer",
        view.span(0, 0),
        {"first": first, "chance": view.chance},
    )
