"""Not finite: a loss or a gradient norm is nan or infinite.

What it sees. The first row whose training loss, validation loss or gradient norm is nan or
infinite. Single gradient norms that are not finite, as a loss scaler of mixed precision causes
now and then and skips, are no finding; from one row in twenty on they are.

Why it matters. One update with such a gradient makes every weight nan, and no later update mends
that. Logs hide it: Hugging Face's Trainer writes the running average in its place.

What to try. Go back to the last good checkpoint and lower the lr there, or lengthen the warmup if
it broke early; clip the gradient; in fp16 use bf16 or a loss scaler. If it breaks at the same
batch at any lr, look at that batch: an empty target, a log of 0, a division by a count of 0.

What would refute it. The same run from the same checkpoint at a tenth of the lr breaks at the
same batch: then it is the data or the arithmetic, and not the rate.
"""

import numpy as np

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.view import View
from etude.records import Array, Level

CODE = "ED01"
NAME = "not-finite"
REMEDY = "go back to the last good checkpoint with a lower lr or a longer warmup; clip gradients"
REFUTED_BY = "at a tenth of the lr it breaks at the same batch: then it is the data"

OFTEN = 0.05
"""Share of gradient norms that are not finite, from which it is no loss scaler's search."""


def look(view: View) -> Sign | None:
    """Find the first loss or norm that is not finite."""
    curve = view.curve
    for name, at, values in (
        ("training loss", curve.update, curve.loss),
        ("validation loss", curve.eval_update, curve.val_loss),
    ):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            return _sign(name, at, values, int(bad[0]), view.unit)
    infinite = np.isinf(curve.grad_norm)  # nan is a row without one
    if infinite.mean() > OFTEN if infinite.size else False:
        return _sign(
            "gradient norm", curve.update, curve.grad_norm, int(np.argmax(infinite)), view.unit
        )
    return None


def _sign(name: str, at: Array, values: Array, first: int, unit: str) -> Sign:
    before = f" after {show(values[first - 1])}" if first else " from the start"
    value = "not finite" if name == "gradient norm" else f"{values[first]:g}"
    return Sign(
        f"the {name} is {value} at {unit} {at[first]:g}{before}",
        (int(at[first]), int(at[-1])),
        {"first": at[first], "rows": float((~np.isfinite(values)).sum())},
        Level.ERROR,
    )
