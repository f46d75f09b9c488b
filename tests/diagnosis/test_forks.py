"""`etude.diagnosis.forks`: the verdict of forks whose losses are known."""

import math

import numpy as np
import pytest

from etude.diagnosis.forks import Forks, agreed, judge_forks, lead, levels
from etude.records import Action, Reading

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
BATCHES = 60
NOISE = np.exp(0.3 * np.random.default_rng(0).standard_normal(BATCHES))
"""A batch's noise, the same for all forks."""


def forks(*ends, zeros=0.0):
    """Forks whose loss goes in a straight line of logs from 1 to these ends."""
    share = np.linspace(0, 1, BATCHES)
    losses = np.array([NOISE * end**share for end in ends])
    return Forks(FACTORS, losses, NOISE, np.full(losses.shape, zeros))


@pytest.mark.parametrize(
    ("ends", "start", "action", "factor"),
    [
        ((0.999, 0.99, 0.97, 0.9, 0.7), None, Action.RAISE, 10),
        ((0.9, 0.7, 0.5, 0.49, math.nan), None, Action.KEEP, 1),
        ((0.5, 0.6, 1.0, 2.0, math.nan), None, Action.LOWER, 0.1),
        # the same at the end of a run that came down from 100: it has arrived
        ((0.5, 0.6, 1.0, 2.0, math.nan), 1e9, Action.KEEP, 1),
        ((0.9, 0.8, math.nan, math.nan, math.nan), None, Action.LOWER, 0.3),
        ((math.nan,) * 5, None, Action.LOWER, math.nan),
        # between little and enough
        ((0.75, 0.75, 0.8, 0.76, math.nan), None, Action.UNDECIDED, 0.1),
        ((0.7, 0.75, 0.9, 0.9, math.nan), None, Action.LOWER, 0.1),
        ((1.0, 1.0, 1.0, 1.0, 1.0), None, Action.UNDECIDED, math.nan),
        ((1.1, 1.1, 1.2, 1.3, 1.4), None, Action.UNDECIDED, math.nan),
    ],
)
def test_verdicts(ends, start, action, factor):
    verdict = judge_forks(forks(*ends), start=start)
    assert verdict.action is action, verdict
    assert verdict.factor == pytest.approx(factor, nan_ok=True)


def test_a_unit_does_not_matter():
    ends = (0.9, 0.7, 0.5, 0.49, 2.0)
    known = forks(*ends)
    scaled = Forks(FACTORS, 1e6 * known.losses, 1e6 * known.rest, known.zeros)
    assert judge_forks(scaled).evidence == pytest.approx(judge_forks(known).evidence)


def test_no_gradient_is_not_the_rate_unless_it_died():
    still = forks(1.0, 1.0, 1.0, 1.0, 1.0, zeros=1.0)
    assert judge_forks(still).action is Action.NOT_RATE
    assert judge_forks(still, alive=True).action is Action.LOWER
    moving = forks(0.9, 0.7, 0.5, 0.49, 0.6, zeros=1.0)
    assert judge_forks(moving).action is Action.KEEP


def test_a_run_that_was_not_finite_is_too_high():
    assert judge_forks(None).action is Action.LOWER


def test_the_noise_of_batches_cancels():
    # Both levels carry a noise of 30 % of a batch; their difference is exact.
    first, second = forks(0.5, 0.5, 0.5, 0.49, 0.49).losses[2:4]
    found = lead(levels(first), levels(second))
    assert 0 < found.low < found.value < found.high < 0.03


def test_a_reading_that_contradicts_withdraws_a_verdict():
    verdict = judge_forks(forks(0.9, 0.7, 0.5, 0.49, math.nan))
    for action, left in (
        (Action.KEEP, Action.KEEP),
        (Action.UNDECIDED, Action.KEEP),
        (Action.RAISE, Action.UNDECIDED),
    ):
        reading = Reading(action, 0.9, "loss and gain", "said", {})
        assert agreed(verdict, reading).action is left
    assert agreed(verdict, None) is verdict
