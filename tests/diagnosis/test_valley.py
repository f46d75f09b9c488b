"""`etude.diagnosis.valley`: the bottom of the loss over log lr."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.diagnosis.valley import bottom, extrapolate


@given(st.floats(-3, 3), st.floats(0.1, 10))
def test_a_parabola_has_its_bottom(centre, steep):
    rates = [10 ** (centre + k / 2) for k in (-2, -1, 0, 1, 2)]
    true = 10 ** (centre + 0.2)
    levels = [steep * math.log(lr / true) ** 2 for lr in rates]
    assert bottom(rates, levels) == pytest.approx(true, rel=1e-6)


def test_at_an_end_or_beside_what_diverged_the_lowest_is_the_bottom():
    assert bottom([1e-3, 1e-2, 0.1], [3.0, 2.0, 1.0]) == 0.1
    assert bottom([0.1, 1e-2, 1e-3], [math.inf, 1.0, 2.0]) == 1e-2
    assert bottom([1e-2], [1.0]) == 1e-2


def test_a_best_rate_that_falls_goes_on_falling():
    # From 0.4 after 10 updates to 0.1 after 40: a power of -1, so 0.02 after 200.
    assert extrapolate([(10, 0.4), (40, 0.1)], 200) == pytest.approx(0.02)
    assert extrapolate([(10, 0.2), (40, 0.1)], 160) == pytest.approx(0.05)  # a power of -1/2


def test_a_best_rate_never_rises_and_falls_no_faster_than_the_updates():
    assert extrapolate([(10, 0.1), (40, 0.4)], 200) == 0.4
    assert extrapolate([(10, 1.0), (20, 1e-3)], 200) == pytest.approx(1e-4)
    assert extrapolate([(10, 0.1)], 200) == 0.1
    assert extrapolate([(10, 0.4), (40, 0.1)], 30) == 0.1  # nothing is left to go
