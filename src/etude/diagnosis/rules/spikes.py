"""Loss spikes: single batches whose loss jumps far above its neighbours.

What it sees. r(t) = log loss(t) - median of the last 50 log losses is larger than log 2 (twice
the usual) and than 8 times the median absolute deviation of all r. Unlike "twice the mean of the
last ten", which fires on 42 % of healthy runs, it leaves noise alone. The rows after a restart of
the lr and the first 20 rows are not looked at.

Why it matters. A spike is an update that went too far, or a batch that is unlike the others. Runs
recover from single ones; several in a row announce divergence.

What to try. Clip the gradient at about twice its usual norm; lower the peak lr; for Adam, lower
beta2 to 0.95 so that the second moment follows faster. Look at the batches of the spikes.

What would refute it. The same batches spike at a tenth of the lr: then it is those examples.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.view import FEW, View
from etude.records import Array, Level

CODE = "ED03"
NAME = "loss-spikes"
REMEDY = "clip the gradient at twice its usual norm, or lower the peak lr"
REFUTED_BY = "at a tenth of the lr the same batches spike: then look at their examples"

Places = NDArray[np.intp]
"""Rows, by their numbers."""

WINDOW = 50
TWICE = math.log(2)
DEVIATIONS = 8.0
AGAIN = 2
"""Spikes from which it is a warning."""
AT_ONCE = 20_000
"""Rows whose windows are in memory together."""
QUIET = 10
"""Rows after a restart that are not looked at."""


def look(view: View) -> Sign | None:
    """Compare each row with the median of those before it."""
    if view.rows < 2 * FEW or view.loss.min() < 0:
        return None
    above = residuals(view.heights)
    spread = float(np.median(np.abs(above - np.median(above))))
    limit = max(TWICE, DEVIATIONS * spread)
    spikes = np.flatnonzero(above > limit)
    spikes = spikes[(spikes >= FEW) & ~_near(spikes, view.rises)]
    if not spikes.size:
        return None
    worst = int(spikes[np.argmax(above[spikes])])
    count = _separate(spikes)
    ratio = float(np.exp(above[worst]))  # infinite where the losses span all that a float can
    return Sign(
        f"the loss jumped {count} {'time' if count == 1 else 'times'} far above its neighbours, at"
        f" {view.unit} {view.at[worst]:g} to {show(ratio)} times their median",
        view.span(int(spikes[0]), int(spikes[-1])),
        {"spikes": count, "highest": float(above[worst]), "limit": limit},
        Level.WARNING if count >= AGAIN else Level.HINT,
    )


def residuals(heights: Array) -> Array:
    """Give each height less the median of the `WINDOW` before it (fewer at the start)."""
    padded = np.concatenate([np.full(WINDOW, np.nan), heights])[:-1]
    windows = sliding_window_view(padded, WINDOW)
    result = np.zeros_like(heights)
    for first in range(1, heights.size, AT_ONCE):
        rows = slice(first, first + AT_ONCE)
        result[rows] = heights[rows] - np.nanmedian(windows[rows], axis=1)
    return result


def _near(spikes: Places, rises: tuple[int, ...]) -> NDArray[np.bool_]:
    near = np.zeros(spikes.size, dtype=bool)
    for rise in rises:
        near |= (spikes >= rise) & (spikes < rise + QUIET)
    return near


def _separate(spikes: Places) -> int:
    """Count spikes; rows in a row are one."""
    return 1 + int((np.diff(spikes) > 1).sum())
