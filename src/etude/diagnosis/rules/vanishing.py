"""Vanishing gradient: hardly any gradient is left, and the loss is still high.

What it sees. The gradient norm has fallen to less than a thousandth of its first level, or is
exactly zero, while the run made less than half of the way from its start to zero loss and no
longer falls. A small gradient at a small loss is what training is for.

Why it matters. The network has moved to where its units are saturated or dead: the gradient says
that nothing helps, and no lr brings back what is zero.

What to try. Start again with a lower peak lr or a warmup, since a single large step often does
this; other activations (GELU, leaky ReLU), normalisation, residual connections.

What would refute it. At ten times the lr the loss falls: then it was a flat stretch.
"""

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.rules.exploding import norm_levels
from etude.diagnosis.view import View, trend

CODE = "ED13"
NAME = "vanishing-gradient"
REMEDY = "start again with a lower peak lr or a warmup, or with activations that do not saturate"
REFUTED_BY = "at ten times the lr the loss falls: then it was a flat stretch"

LEFT = 1e-3
HALFWAY = 0.5


def look(view: View) -> Sign | None:
    """Compare the last norms with the first, where the loss is still high."""
    norms = view.curve.grad_norm[: view.rows]
    late = norms[norms.size // 2 :]
    if not view.attained < HALFWAY or late.size < 4 or not np.isfinite(norms).all():  # noqa: PLR2004 - some norms
        return None
    if trend(view.heights[view.rows // 2 :]).falls:
        return None
    levels, _ = norm_levels(view)
    first = float(levels[0]) if levels.size else 0.0
    last = float(np.median(late))
    if last > LEFT * first:
        return None
    return Sign(
        f"the gradient norm fell from {show(first)} to {show(last)} while the loss stands at"
        f" {show(view.end)}",
        view.span(view.rows // 2, view.rows),
        {"first": first, "last": last, "attained": view.attained},
    )
