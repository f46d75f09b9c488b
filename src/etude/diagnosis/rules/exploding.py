"""Exploding gradient: the gradient norm grew beyond all measure.

What it sees. The block medians of the gradient norm rise to 100 times their lowest, or end at 10
times their start, while the loss has not come down to a hundredth of its start (a norm relative
to a loss of nearly nothing may do what it likes), and the norms before it are not zero.

Why it matters. An update of SGD is the lr times the gradient: with the gradient it explodes. Adam
divides the size away, but its second moment then remembers the explosion for 1 / (1 - beta2)
updates, in which it hardly moves.

What to try. Clip the gradient at its usual norm; a lower lr, a longer warmup; in deep networks
normalisation or residual connections.

What would refute it. The loss is summed over more and more terms (longer sequences): then the
norm per term has not grown.
"""

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.statistics import block_medians
from etude.diagnosis.view import FEW, View
from etude.records import Array

CODE = "ED12"
NAME = "exploding-gradient"
REMEDY = "clip the gradient at its usual norm, lower the lr or lengthen the warmup"
REFUTED_BY = "the norm per term of the loss has not grown"

GREW = 100.0
ENDED = 10.0
DONE = 0.99


def look(view: View) -> Sign | None:
    """Compare levels of the norm."""
    levels, rows = norm_levels(view)
    if levels.size < 4 or (np.isfinite(view.attained) and view.attained > DONE):  # noqa: PLR2004 - some levels
        return None
    lowest = np.minimum.accumulate(levels)
    grew = levels / lowest
    worst = int(np.argmax(grew))
    ended = float(np.median(levels[-2:]) / levels[0])
    if grew[worst] < GREW and ended < ENDED:
        return None
    low = int(np.argmin(levels[: worst + 1]))
    return Sign(
        f"the gradient norm grew from {show(lowest[worst])} to {show(levels[worst])}",
        view.span(round(low * rows / levels.size), round((worst + 1) * rows / levels.size)),
        {"grew": float(grew[worst]), "end_over_start": ended},
    )


def norm_levels(view: View) -> tuple[Array, int]:
    """Give the block medians of the positive gradient norms, and how many rows they are of."""
    norms = view.curve.grad_norm[: view.rows]
    norms = norms[np.isfinite(norms) & (norms > 0)]
    if norms.size < FEW:
        return np.empty(0), 0
    return np.exp(block_medians(np.log(norms))), norms.size
