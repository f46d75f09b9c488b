"""`etude.diagnosis.outcome`: how a run ended."""

import numpy as np
import pytest

from etude.diagnosis import end_level, judge
from etude.records import Curve, Outcome

T = np.arange(200.0)


def curve(loss, *, val=None, spread=None):
    """A run whose training loss is given; evaluations at its start and end."""
    loss = np.asarray(loss, dtype=float)
    val = [loss[0], loss[-1]] if val is None else val
    spread = [1.0, 5.0] if spread is None else spread
    empty = np.zeros_like(loss)
    return Curve(
        update=np.arange(float(len(loss))),
        lr=empty,
        loss=loss,
        grad_norm=empty,
        update_ratio=empty,
        eval_update=np.array([0.0, len(loss)]),
        val_loss=np.array(val),
        val_metric=np.array([np.nan, np.nan]),
        val_spread=np.array(spread),
    )


def noisy(loss, seed=0, size=0.02):
    return loss + size * np.random.default_rng(seed).standard_normal(len(loss))


FALLS_AND_STAYS = noisy(0.1 + 2.2 * np.exp(-T / 10))
CASES = {
    "falls fast and stays": (FALLS_AND_STAYS, Outcome.CONVERGED),
    "falls on to the end": (noisy(2.3 - 1.5 * T / 200), Outcome.IMPROVING),
    "never moves": (noisy(np.full(200, 2.3)), Outcome.STALLED),
    "stops half way": (noisy(1.6 + 0.7 * np.exp(-T / 10)), Outcome.STALLED),
    "rises and stays": (noisy(2.3 + T / 20), Outcome.DIVERGED),
    "becomes nan": (np.where(T < 150, FALLS_AND_STAYS, np.nan), Outcome.DIVERGED),
    "becomes inf": (np.where(T < 199, FALLS_AND_STAYS, np.inf), Outcome.DIVERGED),
    "spikes once and recovers": (
        np.where(T == 100, 50.0, FALLS_AND_STAYS),
        Outcome.CONVERGED,
    ),
}


@pytest.mark.parametrize(("loss", "expected"), CASES.values(), ids=CASES)
def test_outcome_of_a_known_curve(loss, expected):
    assert judge(curve(loss), chance=2.3) is expected


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(("loss", "expected"), CASES.values(), ids=CASES)
def test_outcome_does_not_depend_on_the_unit_of_the_loss(loss, expected, scale):
    assert judge(curve(loss * scale), chance=2.3 * scale) is expected


def test_dead_predictions_at_the_loss_of_a_constant_are_a_collapse():
    loss = noisy(np.full(200, 2.3))
    assert judge(curve(loss, spread=[0.1, 1e-4]), chance=2.3) is Outcome.COLLAPSED


def test_a_run_that_never_started_is_stalled_and_not_collapsed():
    # The same loss curve, but the predictions still differ between inputs as at the start.
    loss = noisy(np.full(200, 2.3))
    assert judge(curve(loss, spread=[0.1, 0.1]), chance=2.3) is Outcome.STALLED


def test_an_explosion_that_settles_far_above_the_start_is_divergence():
    # rmsprop at lr 10 on digits: up to 1e6 at once, wildly down, and 10 where 2.3 was.
    wild = 10 ** (6 - T / 30) * np.exp(2 * np.random.default_rng(1).standard_normal(200))
    loss = np.where(T < 150, wild, noisy(np.full(200, 10.0), size=2))
    loss[0] = 2.3
    assert judge(curve(loss, val=[2.3, 1e3]), chance=2.3) is Outcome.DIVERGED
    assert judge(curve(loss, val=[2.3, 2.4]), chance=2.3) is Outcome.STALLED


def test_a_passing_explosion_does_not_make_a_living_model_dead():
    # BatchNorm and rmsprop at lr 1: accuracy 0.83, though the spread was 2,000 for a moment.
    loss = noisy(np.full(200, 0.6))
    spread = [0.19, 2000.0, 69.0]
    assert judge(curve(loss, val=[0.7, 900.0, 2.8], spread=spread), chance=0.72) != "collapsed"
    # But a model whose rest of a spread has the loss of a constant is dead.
    spread = [0.02, 424.0, 0.38]
    assert judge(curve(loss, val=[2.3, 90.0, 2.4], spread=spread), chance=2.3) == "collapsed"


def test_without_a_constant_predictor_nothing_collapses():
    loss = noisy(np.full(200, 2.3))
    assert judge(curve(loss, spread=[0.1, 0.0]), chance=None) is Outcome.STALLED


def test_overfitting_is_not_divergence():
    found = judge(curve(FALLS_AND_STAYS, val=[2.3, 9.0]), chance=2.3)
    assert found is Outcome.CONVERGED


def test_a_lucky_first_batch_is_not_divergence():
    # All later batches are worse than the first, but the validation loss went down.
    loss = np.concatenate([[1.0], np.full(19, 2.0)])
    assert judge(curve(loss, val=[2.0, 1.99])) is Outcome.STALLED
    assert judge(curve(loss, val=[2.0, 2.1])) is Outcome.DIVERGED


def test_what_others_reached_decides_whether_a_flat_run_converged():
    flat = curve(noisy(1.0 + 1.3 * np.exp(-T / 10)))
    assert judge(flat, best=1.0) is Outcome.CONVERGED
    assert judge(flat, best=0.0) is Outcome.STALLED


@pytest.mark.parametrize("best", [None, -0.6])
def test_a_noise_that_hides_the_fall_leaves_the_judgement_to_the_validation_loss(best):
    # The double well: batches have a noise of 2, and all that there is to fall is 0.6.
    loss = noisy(np.full(200, 0.6), seed=4, size=2.0)
    loss[0] = -0.9
    stays = np.full(21, 0.6)
    crosses = np.where(np.arange(21) < 5, 0.6, 0.001)
    assert judge(curve(loss, val=stays), best=best) is Outcome.STALLED
    assert judge(curve(loss, val=crosses), best=best) is Outcome.CONVERGED


def test_a_negative_loss_can_converge():
    assert judge(curve(noisy(-1.0 + 2.0 * np.exp(-T / 10)))) is Outcome.CONVERGED


def test_the_end_level_is_not_moved_by_one_spike():
    assert end_level(curve(np.where(T == 199, 99.0, 1.0))) == 1.0
    assert np.isnan(end_level(curve(np.where(T == 199, np.nan, 1.0))))


def test_a_healthy_curve_is_hardly_ever_called_diverged_or_collapsed():
    alarms = [
        judge(curve(noisy(0.1 + 2.2 * np.exp(-T / 10), seed, size=0.3)), chance=2.3)
        for seed in range(200)
    ]
    assert not {Outcome.DIVERGED, Outcome.COLLAPSED} & set(alarms)
