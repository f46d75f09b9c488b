"""Restart that cost more than it gave: after the lr went back up, the loss did not come back.

What it sees. At each rise of the lr by three or more, back to where it once was: the level at the
end of the cycle that it begins (before the next rise, or at the end of the run) lies above the
level before the rise by four times the noise and 5 % of the loss. A restart whose loss came below
what it was before is told as a fact.

Why it matters. Warm restarts throw the weights out of the place that the low rate had found. They
pay only where the next cycle is long enough to find a better one; a last cycle that is cut off
ends the run at its worst.

What to try. End the run at the end of a cycle, make cycles longer, or use one cosine.

What would refute it. Some more updates, to the end of the cycle, bring the loss below what it
was.
"""

import math

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.view import View

CODE = "ED10"
NAME = "costly-restart"
REMEDY = "end the run at the end of a cycle, make cycles longer, or use one cosine"
REFUTED_BY = "trained to the end of the cycle it comes below what it was"

NEAR = 10
"""Rows whose median is a level here."""
COST = math.log(1.05)
NOISES = 4.0


def look(view: View) -> Sign | None:
    """Compare the level before each restart with that at the end of its cycle."""
    if view.loss.size and view.loss.min() < 0:
        return None
    for row in view.rises:
        seen = came_back(view, row)
        if seen is None or seen < max(COST, NOISES * _level_noise(view)):
            continue
        lr = view.curve.lr
        return Sign(
            f"the lr went back up from {show(lr[row - 1])} to {show(lr[row])} at {view.unit}"
            f" {view.at[row]:g}, and at the end of that cycle the loss is"
            f" {show(100 * math.expm1(seen))} % higher than it was",
            view.span(row, view.rows),
            {"cost": seen, "noise": _level_noise(view)},
        )
    return None


def came_back(view: View, row: int) -> float | None:
    """Give the level at the end of the cycle that a restart begins, less that before it."""
    past = min((rise for rise in view.rises if rise > row), default=view.rows)
    before, after = view.heights[max(0, row - NEAR) : row], view.heights[row:past]
    if min(before.size, after.size) < NEAR:
        return None
    end = after[-max(NEAR, after.size // 5) :]
    return float(np.median(end) - np.median(before))


def _level_noise(view: View) -> float:
    return 1.25 * view.step_noise / math.sqrt(NEAR)
