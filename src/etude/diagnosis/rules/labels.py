"""Nothing to generalise: the training loss falls, the validation loss rises from the start.

What it sees. No evaluation is better by more than 5 % than a constant answer (where its loss is
known, else than the untrained model), the last quarter of them is worse than that by 2 % and four
times their noise, and the training loss falls (Mann-Kendall, p < 0.01) by 2 % or more.

Why it matters. The network learns the training examples by heart and nothing about others. That
is what shuffled or wrong labels look like, a validation set of another kind, or one that is
prepared in another way. It is not the lr: a lower one only takes longer to learn by heart.

What to try. Look at ten training examples with their labels, as the model gets them; compare how
training and validation data are prepared; shuffle inputs and labels together; compute the
validation loss on training data.

What would refute it. The validation loss computed on training examples rises too: then evaluation
differs from training (dropout, batch norm in training mode).
"""

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.statistics import noise
from etude.diagnosis.view import View, trend

CODE = "ED18"
NAME = "labels"
REMEDY = "look at ten examples with their labels as the model gets them, and at the validation data"
REFUTED_BY = "the validation loss computed on training examples rises too"

LEAST = 6
BETTER = 0.05
WORSE = 0.02
FELL = 0.02
NOISES = 4.0


def look(view: View) -> Sign | None:
    """Compare all evaluations with the first."""
    curve = view.curve
    val = curve.val_loss
    if (
        val.size < LEAST
        or not np.isfinite(val).all()
        or val[0] <= 0
        or (view.chance or 1) <= 0
        or view.rows < LEAST
    ):
        return None
    last = float(np.median(val[-max(1, val.size // 4) :]))
    home = min(float(val[0]), view.chance or float(val[0]))
    better, worse = (home - val.min()) / home, last - home
    if better > BETTER or worse < max(WORSE * home, NOISES * noise(val)):
        return None
    if not trend(view.heights).falls or view.fall < FELL:
        return None
    return Sign(
        f"the training loss fell to {show(view.end)}, but the validation loss never came below"
        f" {show(val.min())}, no better than knowing nothing, and rose to {show(last)}",
        (int(curve.eval_update[0]), int(curve.eval_update[-1])),
        {"better": float(better), "last": last, "train_fall": view.fall},
    )
