"""Noise-dominated: the noise of single batches is larger than all that the run learned.

What it sees. The noise of a single row (from second differences, so that no trend counts) is more
than the whole fall of the loss, in a run of 100 rows or more whose blocks fall all the same
(Mann-Kendall, p < 0.01) or that never moved while its noise is above a tenth of the loss.

Why it matters. The gradient of such a batch points nearly anywhere: most updates undo each other.
Its curve cannot be read by eye either, and tests that compare two rows see nothing but noise.

What to try. Larger batches or gradient accumulation, with the lr that `etude.scale_lr` gives; a
longer average of weights; a lower lr averages too, but more slowly. `etude find` measures the
gradient noise scale, below which larger batches are nearly free.

What would refute it. With batches four times as large the loss falls no faster per update.
"""

from etude.diagnosis.rule import Sign, show
from etude.diagnosis.view import View, trend
from etude.records import Level

CODE = "ED15"
NAME = "noise-dominated"
REMEDY = "larger batches or gradient accumulation; `etude find` measures the gradient noise scale"
REFUTED_BY = "with batches four times as large it falls no faster per update"

ROWS = 100
LOUD = 0.1


def look(view: View) -> Sign | None:
    """Compare the noise of a row with the fall of the run."""
    if view.rows < ROWS or view.loss.min() < 0:
        return None
    loud, fall = view.step_noise, view.fall
    if loud < LOUD or loud < abs(fall) or trend(view.heights).rises:
        return None
    return Sign(
        f"a single row is off by {show(100 * loud)} %, more than the {show(100 * max(fall, 0))} %"
        " that the loss fell in the whole run",
        view.span(0, view.rows),
        {"row_noise": loud, "fall": fall},
        Level.HINT,
    )
