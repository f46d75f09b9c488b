"""Too high: the steps overshoot, or their noise holds the loss up.

What it sees. Where the gain ratio was measured: its median over the second half is below 0.3:
most of what an update promised is lost by going too far (0.5 is the minimum along the step, below
0 the update made the loss of its own batch worse). Without it, from the loss alone: in the live
part of the run the level came back up from its lowest, by at least four times its noise and 10 %
of the loss, and over the last half it does not fall. That the loss is merely flat is not enough:
that has two opposite causes (ED07).

Why it matters. With a rate too high the weights hop about the valley at a height that the rate
sets: more updates gain nothing, a lower rate gains at once.

What to try. Lower the lr to a third; if the loss falls at once, it was the noise floor.

What would refute it. Forked at a third of the lr, the loss goes on as before.
"""

import math

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.rules.slow import LEAST, late_gains
from etude.diagnosis.statistics import block_medians, noise
from etude.diagnosis.view import FEW, View, trend

CODE = "ED06"
NAME = "too-high"
REMEDY = "lower the lr to a third; a fork test at x0.3 decides"
REFUTED_BY = "forked at a third of the lr it falls no faster"

OVERSHOOT = 0.3
DONE = 0.9
NOISES = 4.0
RISE = math.log(1.1)


def look(view: View) -> Sign | None:
    """Ask the gain ratio; else look for a level that came back up."""
    gains = late_gains(view)
    if gains.size >= LEAST:
        return _by_gain(view, gains)
    return _by_level(view)


def _by_gain(view: View, gains: np.ndarray) -> Sign | None:
    middle = float(np.median(gains))
    if middle >= OVERSHOOT or (np.isfinite(view.attained) and view.attained > DONE):
        return None
    return Sign(
        f"the gain ratio is {show(middle)} in the median: updates overshoot and lose most of what"
        " their gradients promised",
        view.span(view.rows // 2, view.rows),
        {"gain_ratio": middle, "measured": gains.size},
    )


def _by_level(view: View) -> Sign | None:
    live = view.alive
    heights = view.heights[live]
    if heights.size < 2 * FEW or view.loss.min() < 0 or view.rises:
        return None
    levels = block_medians(heights)
    half = levels.size // 2
    rise = float(np.median(levels[half:]) - levels[:half].min())
    if rise < max(RISE, NOISES * noise(levels)) or trend(heights[heights.size // 2 :]).falls:
        return None
    low = live.start + round(int(np.argmin(levels[:half])) * heights.size / levels.size)
    return Sign(
        f"the loss had been {show(100 * (1 - math.exp(-rise)))} % lower by {view.unit}"
        f" {view.at[low]:g}, came back up and no longer falls at this lr",
        view.span(low, live.stop),
        {"rise": rise, "noise": noise(levels)},
    )
