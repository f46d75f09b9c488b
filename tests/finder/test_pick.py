"""`etude.finder.pick`: range, suggestion and failure rate from the losses of short copies."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.finder.pick import (
    PROGRESS,
    Valley,
    failure,
    over_seeds,
    pick,
    safe_below,
    slope,
    valley,
)
from etude.records import Outcome, Trial

LRS = [10 ** (k / 4) for k in range(-16, 1)]
START = 2.0


def trials(loss, lrs=LRS, *, seeds=(0, 1), fails_from=math.inf):
    return [
        Trial(
            lr,
            seed,
            30,
            loss(lr),
            Outcome.COLLAPSED if lr >= fails_from else Outcome.IMPROVING,
        )
        for lr in lrs
        for seed in seeds
    ]


def bowl(centre, *, depth=3.0, width=1.0):
    """A valley whose log loss is a parabola in log10 lr, `depth` below the start at its bottom."""

    def loss(lr):
        away = (math.log10(lr) - math.log10(centre)) / width
        return START * math.exp(-depth * max(0.0, 1 - away**2))

    return loss


STARTS = {0: START, 1: START}


def test_a_parabola_has_its_bottom_and_edges_where_the_formula_says():
    # Progress is 1 - away^2, so it is PROGRESS where away = sqrt(1 - PROGRESS) of the width. That
    # holds but for the smoothing of neighbours 1/4 apart, which adds 1/32, and interpolation.
    seen = valley(trials(bowl(0.01)), STARTS)
    assert seen is not None
    assert seen.best == pytest.approx(math.log(0.01), abs=1e-9)
    away = math.sqrt(1 - PROGRESS) * math.log(10)
    assert seen.low == pytest.approx(math.log(0.01) - away, abs=0.15)
    assert seen.high == pytest.approx(math.log(0.01) + away, abs=0.15)
    assert seen.closed_below
    assert seen.closed_above


def test_a_valley_that_runs_out_of_rates_says_on_which_side():
    falling = valley(trials(lambda lr: START / (1 + 100 * lr)), STARTS)
    rising = valley(trials(lambda lr: 0.1 + lr), STARTS)
    assert falling is not None
    assert rising is not None
    assert (falling.closed_below, falling.closed_above) == (True, False)
    assert (rising.closed_below, rising.closed_above) == (False, True)


def test_without_any_progress_there_is_no_valley():
    assert valley(trials(lambda _: START), STARTS) is None
    assert valley(trials(bowl(0.01), fails_from=0), STARTS) is None


@given(unit=st.floats(1e-3, 1e3), shift=st.floats(0.01, 100))
def test_the_unit_of_the_loss_changes_nothing_and_that_of_the_lr_moves_all(unit, shift):
    loss = bowl(0.01)
    plain = valley(trials(loss), STARTS)
    scaled = valley(
        trials(lambda lr: unit * loss(lr / shift), [lr * shift for lr in LRS]),
        dict.fromkeys(STARTS, unit * START),
    )
    assert plain is not None
    assert scaled is not None
    for name in ("low", "best", "high"):
        moved = getattr(plain, name) + math.log(shift)
        assert getattr(scaled, name) == pytest.approx(moved, abs=1e-6)


def test_losses_that_are_not_positive_are_read_as_they_are():
    seen = valley(trials(lambda lr: math.log(bowl(0.01)(lr)) - 5), dict.fromkeys(STARTS, -4.3))
    assert seen is not None
    assert seen.best == pytest.approx(math.log(0.01), abs=1e-9)


@given(
    left=st.floats(1, 1e4),
    centre=st.floats(1e-3, 0.1),
    fails=st.floats(2e-4, 1),
    fell=st.floats(-1, 0),
)
def test_the_suggestion_lies_in_the_range_and_never_above_what_was_safe(left, centre, fails, fell):
    made = trials(bowl(centre), fails_from=fails)
    seen = valley(made, STARTS)
    if seen is None:
        return
    found = pick(seen, slope=fell, left=left, safe=safe_below(made))
    assert found.low <= found.suggestion <= found.high
    assert found.suggestion <= math.exp(seen.best) * (1 + 1e-9)
    assert found.high <= safe_below(made) * (1 + 1e-9) < fails * (1 + 1e-9)


def test_the_longer_the_run_the_lower_the_suggestion_down_to_the_low_edge():
    seen = Valley(math.log(0.01), math.log(0.1), 0.0, closed_below=True, closed_above=True)
    for fell in (0.0, -0.3, -1.0):
        said = [pick(seen, slope=fell, left=m, safe=1.0).suggestion for m in (1, 2, 4, 10, 1e6)]
        assert said == sorted(said, reverse=True)
        assert said[0] == pytest.approx(0.1)  # the copies were the run itself
        assert said[-1] == pytest.approx(0.01, rel=1e-3)
    # With m = 4, w = 1/2: the middle of edge and best; with m = 4 and slope -1, 0.1 / 4.
    assert pick(seen, slope=0.0, left=4, safe=1.0).suggestion == pytest.approx(math.sqrt(0.001))
    assert pick(seen, slope=-1.0, left=4, safe=1.0).suggestion == pytest.approx(0.025)
    assert pick(seen, slope=0.0, left=1, safe=0.05).suggestion == pytest.approx(0.05)


def test_the_slope_is_that_of_log_lr_over_log_updates_and_never_rises():
    at = {
        lr: Valley(0.0, math.log(lr), 0.0, closed_below=True, closed_above=True)
        for lr in (0.01, 0.05, 0.1)
    }
    assert slope(at[0.1], at[0.05], 4) == pytest.approx(-0.5)
    assert slope(at[0.1], at[0.01], 4) == -1
    assert slope(at[0.01], at[0.1], 4) == 0
    assert slope(None, at[0.1], 4) == slope(at[0.1], at[0.01], 1) == 0


def test_the_failure_rate_lies_between_what_lives_with_all_seeds_and_what_dies_with_all():
    made = trials(bowl(0.01), [0.01, 0.1, 0.3, 1.0], fails_from=0.3)
    made[4] = Trial(0.3, 0, 30, 0.5, Outcome.IMPROVING)  # one seed of 0.3 lives
    found = failure(made)
    assert found is not None
    assert (found.value, found.low, found.high) == (0.3, 0.1, 1.0)
    assert failure(trials(bowl(0.01))) is None


def test_an_interval_is_student_t_of_the_log_rates_around_the_value():
    # Log rates -1, 0, 1: s = 1, t(0.975, 2) = 4.3027, half = 4.3027 / sqrt(3) = 2.4841.
    found = over_seeds(1.0, [math.exp(-1), 1.0, math.e])
    assert math.log(found.high) == pytest.approx(2.4841, abs=1e-3)
    assert math.log(found.low) == pytest.approx(-2.4841, abs=1e-3)
    assert math.isnan(over_seeds(1.0, [1.0]).low)
