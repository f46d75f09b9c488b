"""Oscillation: the level swings far more than the noise of single batches explains.

What it sees. The rows are cut into 40 blocks. White noise moves a block's median by 1.25 s /
sqrt(n), s the noise of a row and n the rows of a block. A finding needs swings of the median
around its trend of more than four times that, of at least 10 % of the loss, at least eight
changes of direction, and no fall of the loss over the last half. A negative autocorrelation of
successive losses is not used: that of a noisy loss is -0.5 at any lr.

Why it matters. A rate near the limit of stability throws the weights from side to side of the
valley. As long as the loss falls on the whole that is harmless, and is not reported.

What to try. Lower the lr to a third, or let a schedule lower it; with momentum 0.99 try 0.9.

What would refute it. The swings keep their period in examples when the batch size changes: then
the order of the data makes them, and shuffling ends them.
"""

import math

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.statistics import block_medians, noise
from etude.diagnosis.view import FEW, View, trend

CODE = "ED04"
NAME = "oscillation"
REMEDY = "lower the lr to a third, or let a schedule lower it"
REFUTED_BY = "the swings follow the order of the data: shuffling ends them"

BLOCKS = 40
TIMES = 4.0
SWING = 0.1
TURNS = 8


def look(view: View) -> Sign | None:
    """Compare the swings of block medians with what noise would do to them."""
    if view.rows < 4 * BLOCKS or view.few or view.step_noise <= 0:
        return None
    heights = view.heights[view.alive]
    if heights.size < 2 * FEW:
        return None
    late = heights[heights.size // 2 :]
    if trend(late).falls:
        return None
    levels = block_medians(late, BLOCKS // 2)
    expected = 1.25 * view.step_noise / math.sqrt(late.size / levels.size)
    swing = noise(levels)
    turns = _turns(levels)
    if swing < max(TIMES * expected, SWING) or turns < TURNS:
        return None
    return Sign(
        f"over its last half the loss swings by {show(100 * swing)} %,"
        f" {show(swing / expected)} times what the noise of its batches explains, without falling",
        view.span(view.rows // 2, view.rows),
        {"swing": swing, "expected": expected, "turns": turns},
    )


def _turns(levels: np.ndarray) -> int:
    return int((np.diff(np.sign(np.diff(levels))) != 0).sum())
