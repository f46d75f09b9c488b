"""Drop too early: a cut of the lr ended a fall that was still under way.

What it sees. At each abrupt fall of the lr the heights after it are compared with the line over
the logarithm of the update that those before it were on, carried on: losses slow down by
themselves, and over the logarithm most do not. A finding needs a significant fall before the cut,
levels after it above that line by four times their noise and by 2 % of the loss, and a slope of
less than a third of that before. Cuts that put the loss below its line, as a cut on a noise floor
does, are told as facts.

Why it matters. After a cut by ten every update moves a tenth as far. What was still falling at
the old rate now needs ten times the updates; a cut pays when the old rate had reached its floor.

What to try. Cut later, when the slope at the old rate has gone; or let a cosine do it.

What would refute it. The same run without the cut is no better at the end: only a control run at
the old rate shows what a cut did.
"""

import math
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.statistics import block_medians, noise
from etude.diagnosis.view import View, trend
from etude.records import Array, Level

CODE = "ED08"
NAME = "drop-too-early"
REMEDY = "cut the lr later, when the loss no longer falls at the old rate, or use a cosine"
REFUTED_BY = "a control run without the cut ends no better"

LEAST = 16
"""Rows before and after a cut that are needed."""
BLOCKS = 8
NOISES = 4.0
COST = math.log(1.02)
SLOWER = 1 / 3


@dataclass(frozen=True, slots=True)
class Effect:
    """What a cut did."""

    jump: float
    """Levels after it less the line that those before it were on."""
    before: float
    """Slope before it, in heights per e-fold of the update."""
    after: float
    noise: float
    """Of a level."""
    fell: bool
    """Did the loss fall before it?"""


def look(view: View) -> Sign | None:
    """Compare what followed each cut with the line before it."""
    for row in view.drops:
        seen = effect(view, row)
        if seen is None or not seen.fell or seen.after <= SLOWER * seen.before:
            continue
        if seen.jump > max(NOISES * seen.noise, COST):
            lr = view.curve.lr
            slower = (
                f"{show(seen.before / seen.after)} times slower" if seen.after < 0 else "no more"
            )
            return Sign(
                f"the lr was cut from {show(lr[row - 1])} to {show(lr[row])} at {view.unit}"
                f" {view.at[row]:g} while the loss still fell, and it falls {slower} since",
                view.span(row, view.rows),
                {"before": seen.before, "after": seen.after, "above_line": seen.jump},
                Level.HINT,
            )
    return None


def effect(view: View, row: int) -> Effect | None:
    """Tell what a cut did; None where there are too few rows around it."""
    marks = sorted({0, view.warmup, *view.drops, *view.rises, view.rows})
    place = marks.index(row)
    first, past = marks[place - 1], marks[place + 1]
    first += (row - first) // 3  # what comes first is the steepest and on no line
    if min(row - first, past - row) < LEAST:
        return None
    times = np.log1p(view.at)
    at_height, slope = _line(times[first:row], view.heights[first:row])
    after, levels = (
        block_medians(times[row:past], BLOCKS),
        block_medians(view.heights[row:past], BLOCKS),
    )
    jump = float(np.median(levels - (at_height + slope * after)))
    return Effect(
        jump=jump,
        before=slope,
        after=_line(times[row:past], view.heights[row:past])[1],
        noise=max(noise(levels), noise(block_medians(view.heights[first:row], BLOCKS))),
        fell=trend(view.heights[first:row]).falls,
    )


def _line(times: Array, heights: Array) -> tuple[float, float]:
    """Fit a line through block medians: its height at time 0, and its slope (Sen 1968)."""
    x, y = block_medians(times, BLOCKS), block_medians(heights, BLOCKS)
    one, other = np.triu_indices(x.size, k=1)
    slope = float(np.median((y[other] - y[one]) / (x[other] - x[one])))
    return float(np.median(y - slope * x)), slope
