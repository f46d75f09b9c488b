"""Drop too early: a cut of the lr ended a fall that was still under way.

**What it sees.** At each abrupt fall of the lr the heights after it are compared with the line
that those before it were on, carried on. A finding needs a significant fall before the cut,
levels after it that lie above that line by four times their noise, and a slope less than a third
of that before. Cuts that lowered the loss below its line, as a cut on a noise floor does, are
told as facts.

**Why it matters.** After a cut by ten every update moves a tenth as far. What was still falling
at the old rate now needs ten times the updates; a cut pays when the old rate had reached its
floor.

**What to try.** Cut later, when the slope at the old rate has gone; or let a cosine do it.

**What would refute it.** The same run without the cut is no better at the end: only a control run
at the old rate shows what a cut did.
"""

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.statistics import block_medians, noise, theil_sen
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
SLOWER = 1 / 3


def look(view: View) -> Sign | None:
    """Compare what followed each cut with the line before it."""
    for row in view.drops:
        seen = effect(view, row)
        if seen is None:
            continue
        jump, before, after, level_noise, falls = seen
        if falls and jump > NOISES * level_noise and after > SLOWER * before:
            lr = view.curve.lr
            return Sign(
                f"the lr was cut from {show(lr[row - 1])} to {show(lr[row])} at {view.unit}"
                f" {view.at[row]:g} while the loss still fell, and it falls"
                f" {_times(before, after)} since",
                view.span(row, view.rows),
                {"slope_before": before, "slope_after": after, "above_line": jump},
                Level.HINT,
            )
    return None


def _times(before: float, after: float) -> str:
    return f"{show(before / after)} times slower" if after < 0 else "no more"


def effect(view: View, row: int) -> tuple[float, float, float, float, bool] | None:
    """Tell what a cut did: the jump from the line, slopes by row, noise, and if it fell before."""
    marks = sorted({0, view.warmup, *view.drops, *view.rises, view.rows})
    place = marks.index(row)
    before = view.heights[marks[place - 1] : row][-(marks[place + 1] - row) * 2 :]
    after = view.heights[row : marks[place + 1]]
    if min(before.size, after.size) < LEAST:
        return None
    before = before[before.size // 3 :]
    line, slope = _line(before)
    levels = block_medians(after, BLOCKS)
    width = after.size / levels.size
    middles = before.size + width * (np.arange(levels.size) + 0.5)
    jump = float(np.median(levels - (line + slope * middles)))
    level_noise = max(noise(levels), noise(block_medians(before, BLOCKS)))
    return jump, slope, theil_sen(levels) / width, level_noise, trend(before).falls


def _line(heights: Array) -> tuple[float, float]:
    """Fit a line by blocks: its height at the first row, and its slope by row."""
    levels = block_medians(heights, BLOCKS)
    width = heights.size / levels.size
    slope = theil_sen(levels) / width
    middles = width * (np.arange(levels.size) + 0.5)
    return float(np.median(levels - slope * middles)), slope
