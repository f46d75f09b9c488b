"""Collapsed: the network gives the same answer to every input.

What it sees. Either the predictions differ between validation inputs by less than a twentieth of
what they once did, at a loss no better than that of a constant answer (where both were recorded).
Or a parameter that had gradients now has exact zeros alone. Or, from the loss alone: smoothed
over three rows it first rose above its start by a tenth and by six times the noise of a row, and
over the last half it is within a tenth of the start and does not fall. That is an error where the
gradient norm has come down to a tenth as well, else a warning: a rate that throws the weights
about at that height for ever looks the same.

Why it matters. No nan is ever seen. The loss stands at that of a constant answer, ln 10 = 2.303
for ten classes, just like that of a run that never started, so that "the rate is too low" is the
usual and wrong guess. One large step has killed the units; they do not come back.

What to try. Start again (not from this checkpoint) with a tenth of the peak lr, or a warmup.

What would refute it. From the same start at a tenth of the lr the loss stands at the same place.
"""

import math

import numpy as np

from etude.diagnosis.outcome import judge
from etude.diagnosis.rule import Sign, show
from etude.diagnosis.rules.exploding import norm_levels
from etude.diagnosis.view import FEW, View, smooth, trend
from etude.records import Level, Outcome

CODE = "ED14"
NAME = "collapsed"
REMEDY = "start again, not from this checkpoint, with a tenth of the peak lr or a warmup"
REFUTED_BY = "from the same start at a tenth of the lr it stands at the same loss"

BUMP = math.log(1.1)
NOISES = 6.0
NEAR = math.log(1.1)
QUIET = 0.1
ALL = 0.999
"""Share of exact zeros from which a parameter has no gradient."""


def look(view: View) -> Sign | None:
    """Ask predictions, then zeros, then the shape of loss and norm."""
    if view.rows < 2:  # noqa: PLR2004 - a start and an end
        return None
    if judge(view.curve, chance=view.chance) is Outcome.COLLAPSED:
        spread = view.curve.val_spread
        return _sign(
            view,
            f"predictions differ by {show(spread[-1])} between inputs, where they once did by"
            f" {show(spread.max())}",
            {"spread": spread[-1], "widest": spread.max()},
        )
    return _by_zeros(view) or _by_shape(view)


def _by_zeros(view: View) -> Sign | None:
    share = view.curve.zero_share
    share = share[np.isfinite(share)]
    if share.size < 4 or share[0] >= ALL or np.median(share[share.size // 2 :]) < ALL:  # noqa: PLR2004 - some
        return None
    return _sign(
        view,
        f"a parameter has had gradients of exactly zero alone, where {show(100 * (1 - share[0]))} %"
        " of them were not",
        {"zero_share": float(np.median(share[share.size // 2 :])), "first": share[0]},
    )


def _by_shape(view: View) -> Sign | None:
    if view.rows < 2 * FEW or not view.from_start or view.loss.min() < 0:
        return None
    late = view.heights[view.rows // 2 :]
    bump = float(smooth(view.heights[: view.rows // 2]).max()) - view.home
    home = float(np.median(late)) - view.home
    if bump < max(BUMP, NOISES * view.step_noise) or abs(home) > NEAR or trend(late).falls:
        return None
    norms, _ = norm_levels(view)
    left = float(np.median(norms[-4:]) / norms[0]) if norms.size else math.nan
    quiet = f", with {show(100 * left)} % of the first gradient norm left" if left < QUIET else ""
    return _sign(
        view,
        f"it first rose to {show(math.exp(bump))} times its start and then stayed there{quiet}",
        {"bump": bump, "norm_left": left},
        Level.ERROR if quiet else Level.WARNING,
    )


def _sign(view: View, why: str, evidence: dict[str, float], level: Level = Level.ERROR) -> Sign:
    surely = "gives" if level is Level.ERROR else "seems to give"
    return Sign(
        f"the network {surely} one answer to all inputs, at a loss of {show(view.end)}: {why}",
        view.span(view.rows // 2, view.rows),
        evidence | {"end": view.end},
        level,
    )
