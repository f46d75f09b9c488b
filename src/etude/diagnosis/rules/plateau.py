"""Plateau: the loss is flat, far from where it could be.

What it sees. Over the last half of the live part of the run the slope of the loss, with its
interval over blocks, lies within 5 % of the fall so far, and the run made less than half of the
way from its start to zero: a hint. Where it does not fall and its level is not even 2 % below
that of the untrained model, it has learned nothing: a warning. Rows at which the schedule has
ended (lr below a tenth of its peak) are left out, and so are a few equal losses in a row: a
plateau is a matter of slope and not of patience.

Why it matters. The same flat line has opposite causes. A rate too high holds the loss on its
noise floor; a rate too low has not begun to move it; a dead network sits at the loss of a
constant answer; and a converged one is done. No look at the curve can tell these apart.

What to try. A fork test: the same checkpoint at x0.1, x0.3, x1, x3 for 60 updates. What falls
decides.

What would refute it. With twice the updates the loss falls by more than a twentieth of its fall.
"""

import math

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.statistics import block_medians
from etude.diagnosis.view import View, trend
from etude.records import Level

CODE = "ED07"
NAME = "plateau"
REMEDY = "a fork test at x0.1, x0.3 and x3: flat at a rate too high and too low looks the same"
REFUTED_BY = "with twice the updates it falls by more than a twentieth of its fall so far"

FLAT = 0.05
HALFWAY = 0.5
UNMOVED = 0.02
ROWS = 40


def look(view: View) -> Sign | None:
    """Look for a flat second half at a high level."""
    live = view.alive
    heights = view.heights[live]
    if heights.size < ROWS or not view.attained < HALFWAY:
        return None
    late = heights[heights.size // 2 :]
    going = trend(late)
    error = 2 * going.noise * math.sqrt(12 / max(block_medians(late).size, 1))
    fall = view.home - float(np.median(late))
    nothing = fall < UNMOVED and view.from_start
    flat = abs(going.slope) + error <= FLAT * fall
    if not (flat or nothing) or going.falls:
        return None
    first = live.start + heights.size // 2
    if nothing:
        message = (
            f"nothing was learned: the loss went from {show(view.loss[0])} to {show(view.end)}"
        )
    else:
        at = f"{view.unit} {view.at[first]:g}"
        message = f"the loss is flat from {at} on at {show(view.end)}"
    return Sign(
        message,
        view.span(live.start if nothing else first, live.stop),
        {"slope": going.slope, "error": error, "fall": fall},
        Level.WARNING if nothing else Level.HINT,
    )
