"""Zero gradients: a whole parameter gets no gradient at all, from the start.

What it sees. From the first measurement on, the largest share of exact zeros in the gradient of
one parameter is 1, in more than half of the measurements. Needs the share of zeros, which
`etude.watch` records.

Why it matters. Weights that begin at zero, or ReLUs that all are off, pass nothing on: that layer
never learns, at any lr. The gain ratio is near 1 there (a line that is flat), so that every rule
about the rate would say "raise it" for ever. Ask this before the rate.

What to try. Use the layer's own random initialisation (zeros are for biases and for the last
layer of a residual branch); check the scale of inputs and the sign of biases before ReLUs; look
for a `detach`, a `no_grad` or a parameter that the loss does not depend on.

What would refute it. The parameter is frozen on purpose, or belongs to an input that is always
zero.
"""

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.rules.collapsed import ALL
from etude.diagnosis.view import View
from etude.records import Level

CODE = "ED17"
NAME = "zero-gradients"
REMEDY = "initialise that layer with random weights, and look for units that are all off"
REFUTED_BY = "the parameter is frozen on purpose"

HALF = 0.5


def look(view: View) -> Sign | None:
    """Look for exact zeros from the start."""
    curve = view.curve
    known = np.isfinite(curve.zero_share)
    share, at = curve.zero_share[known], curve.gain_update[known]
    if not share.size or share[0] < ALL or (share >= ALL).mean() <= HALF:
        return None
    return Sign(
        f"from the start a parameter gets gradients of exactly zero alone, in"
        f" {show(100 * (share >= ALL).mean())} % of {share.size} measurements",
        (int(at[0]), int(at[-1])),
        {"zero_share": share[0], "measured": share.size},
        Level.ERROR,
    )
