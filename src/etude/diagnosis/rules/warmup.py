"""Warmup missing or too short: the loss first rises above its start.

What it sees. Within the first sixth of the run, smoothed over three rows, the loss rises above
its start by at least a quarter and by six times the noise of a row, and later comes below its
start by as much. The start is the validation loss of the untrained model where that is known, so
that a lucky first batch is no start. Where the lr was logged, the rise must come at half the peak
lr or more.

Why it matters. Curvature is often largest at the start, and Adam's second moment is not yet
known: the peak rate is then above the limit of stability for a while. A run that survives has
thrown away its initial weights; another seed may not survive.

What to try. `warmup 5%` before the peak, or double the warmup there is; or a lower peak.

What would refute it. The rise comes with another seed's warmup too, at the same examples.
"""

import math

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.view import FEW, View, smooth

CODE = "ED09"
NAME = "short-warmup"
REMEDY = "put `warmup 5%` before the peak lr, or double the warmup that there is"
REFUTED_BY = "with a warmup ten times as long the early rise is the same"

EARLY = 1 / 6
RISE = math.log(1.25)
NOISES = 6.0
SMOOTH = 3


def look(view: View) -> Sign | None:
    """Look for an early rise that the run came back from."""
    if view.rows < 2 * FEW or view.loss.min() < 0:
        return None
    early = max(SMOOTH, round(view.rows * EARLY))
    smoothed = smooth(view.heights[: early + SMOOTH - 1])
    top, start = int(np.argmax(smoothed)), max(view.home, float(view.heights[0]))
    rise = float(smoothed[top]) - start
    if rise < max(RISE, NOISES * view.step_noise) or float(view.levels[-1]) > start - RISE:
        return None
    row = top + SMOOTH // 2
    lr = float(view.curve.lr[row])
    if np.isfinite(lr) and lr < view.peak / 2:
        return None
    warmup = view.warmup
    there = f"the warmup of {view.at[warmup]:g} {view.unit}s" if warmup else "no warmup"
    return Sign(
        f"the loss first rose to {show(math.exp(rise))} times its start by {view.unit}"
        f" {view.at[row]:g}, with {there if np.isfinite(lr) else 'an lr that was not logged'}",
        view.span(0, early),
        {"rise": rise, "noise": view.step_noise, "warmup": float(view.at[warmup])},
    )
