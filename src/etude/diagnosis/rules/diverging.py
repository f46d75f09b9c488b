"""Diverging: the loss rose far above what the run had reached, and stayed there.

What it sees. The level at the end (the median of the last tenth of the rows) lies above the
lowest level that the run had reached, by at least log 2 (it doubled) and by at least six times
the noise of a level. At or above the level of its start this is an error, below it a warning. A
rise that the last restart of the lr explains does not count.

Why it matters. A rate above the limit of stability makes each update larger than the last. The
run has lost what it had learned, and more updates at this rate do not bring it back.

What to try. Lower the lr to a third and go on from the last checkpoint before the rise; lengthen
the warmup if it began at the peak; clip the gradient if single batches started it.

What would refute it. From the checkpoint before the rise, the run at a third of the lr rises just
the same: then data changed there (a new shard, another mixture), or the loss did.
"""

import math

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.view import View
from etude.records import Level

CODE = "ED02"
NAME = "diverging"
REMEDY = "go on from the checkpoint before the rise with a third of the lr"
REFUTED_BY = "with a third of the lr from there it rises just the same"

RISE = math.log(2)
NOISES = 6.0
ENDS = 2
"""Levels at the end of a run that must lie high."""


def look(view: View) -> Sign | None:
    """Compare the end with the lowest level."""
    levels = view.levels
    if levels.size < 2 * ENDS or view.loss.min() < 0:
        return None
    low = int(np.argmin(levels))
    end = float(levels[-ENDS:].min())
    rise = end - float(levels[low])
    if rise < max(RISE, NOISES * view.noise) or _just_restarted(view):
        return None
    lost = end >= float(levels[0]) - view.noise
    first = round(low * view.rows / levels.size)
    times = math.exp(rise)
    return Sign(
        f"the loss rose to {show(times)} times its lowest level and ended at {show(view.end)}"
        + (", no better than at the start" if lost else ""),
        view.span(first, view.rows),
        {"rise": rise, "noise": view.noise, "end": view.end},
        Level.ERROR if lost else Level.WARNING,
    )


def _just_restarted(view: View) -> bool:
    return bool(view.rises) and view.rises[-1] > 0.8 * view.rows
