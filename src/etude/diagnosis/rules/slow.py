"""Too slow: the lr can grow.

What it sees. Where the gain ratio was measured (`etude.watch` does): its median is above 0.95,
over the second half of the measurements at half the peak lr or more. Actual and predicted gain
then agree, the loss is a line along the step, and a longer step would have gained more. Without
it, from the loss alone: since the end of the warmup the loss falls at an even pace (a quarter to
two fifths of the fall in the first third), it falls significantly to the last, made less than
half of the way to zero, and never rose.

Why it matters. At a tenth of the right rate a run needs about ten times the updates; it looks
healthy, only dull.

What to try. Triple the lr until the gain ratio comes below 0.9 or the early loss rises; or `etude
find`.

What would refute it. Forked from the same checkpoint with three times the lr, it falls no faster.
"""

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.statistics import block_medians
from etude.diagnosis.view import View, trend

CODE = "ED05"
NAME = "too-slow"
REMEDY = "triple the lr, or ask `etude find`; a fork test at x3 decides"
REFUTED_BY = "forked at three times the lr it falls no faster"

LINE = 0.95
"""Gain ratio above which a step is short."""
LEAST = 5
"""Gain ratios that are needed."""
DONE = 0.9
"""A run that came this share of the way to zero is not slow."""
EVEN = (0.25, 0.42)
"""Share of the fall that an even pace makes in the first third."""
HALFWAY = 0.5
ROWS = 40


def look(view: View) -> Sign | None:
    """Ask the gain ratio; else the shape of the loss."""
    gains = late_gains(view)
    if gains.size >= LEAST:
        return _by_gain(view, gains)
    return _by_shape(view)


def late_gains(view: View) -> np.ndarray:
    """Give the gain ratios of the second half of the measurements at half the peak lr or more.

    Under a lower lr every ratio goes to 1: there the schedule speaks, and not the peak.
    """
    curve = view.curve
    if not curve.gain_update.size or not view.rows:
        return np.empty(0)
    if np.isfinite(curve.lr).any():
        rates = np.interp(curve.gain_update, curve.update, np.nan_to_num(curve.lr, nan=0.0))
        ratios = curve.gain_ratio[rates >= view.peak / 2]
    else:
        ratios = curve.gain_ratio
    ratios = ratios[ratios.size // 2 :]
    return ratios[np.isfinite(ratios)]


def _by_gain(view: View, gains: np.ndarray) -> Sign | None:
    middle = float(np.median(gains))
    if middle <= LINE or (np.isfinite(view.attained) and view.attained > DONE):
        return None
    return Sign(
        f"the gain ratio is {show(middle)} in the median: each update gains what its gradient"
        " promised, so a longer step would have gained more",
        view.span(view.rows // 2, view.rows),
        {"gain_ratio": middle, "measured": gains.size},
    )


def _by_shape(view: View) -> Sign | None:
    live = view.alive
    loss = view.loss[live]
    if loss.size < ROWS or not view.attained < HALFWAY:
        return None
    levels = block_medians(loss)
    fall = float(levels[0] - levels[-1])
    if fall <= 0 or not trend(view.heights[live][loss.size // 2 :]).falls:
        return None
    third = float(levels[0] - levels[levels.size // 3]) / fall
    rose = float((levels - np.minimum.accumulate(levels)).max())
    if not EVEN[0] <= third <= EVEN[1] or rose > fall / 10:
        return None
    return Sign(
        f"the loss falls at an even pace to the last, {show(100 * third)} % of its fall in the"
        f" first third, and came {show(100 * view.attained)} % of the way to zero",
        view.span(live.start, live.stop),
        {"first_third": third, "attained": view.attained},
    )
