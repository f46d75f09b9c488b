import math

import numpy as np
import pytest
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    PolynomialLR,
)

from etude.errors import ScheduleError
from etude.schedules import (
    constant,
    cosine,
    exponential,
    inverse_sqrt,
    linear,
    one_minus_sqrt,
    polynomial,
)


@pytest.fixture
def assert_equal_to_torch(torch_multipliers):
    def compare(schedule, make, updates):
        # torch accumulates rounding near 0, hence the absolute part of 1e-14 of the peak
        ours = schedule(np.arange(updates))
        np.testing.assert_allclose(ours, torch_multipliers(make, updates), rtol=1e-12, atol=1e-14)

    return compare


def test_linear_equals_torch(assert_equal_to_torch):
    def make(optimizer):
        return LinearLR(optimizer, start_factor=0.1, end_factor=0.7, total_iters=13)

    assert_equal_to_torch(linear(13, start=0.1, end=0.7), make, 20)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.7])
def test_polynomial_equals_torch(assert_equal_to_torch, power):
    def make(optimizer):
        return PolynomialLR(optimizer, total_iters=17, power=power)

    assert_equal_to_torch(polynomial(17, power=power), make, 25)


@pytest.mark.parametrize("end", [0.0, 0.1])
def test_cosine_equals_torch_up_to_its_end(assert_equal_to_torch, end):
    def make(optimizer):
        return CosineAnnealingLR(optimizer, T_max=50, eta_min=end)

    assert_equal_to_torch(cosine(50, end=end), make, 51)


def test_cosine_has_the_values_of_known_angles():
    # (1 + cos(pi t/6)) / 2 at 0, 60, 90, 120 and 180 degrees
    values = cosine(6)(np.array([0, 2, 3, 4, 6]))
    np.testing.assert_allclose(values, [1, 0.75, 0.5, 0.25, 0], rtol=1e-12)


def test_cosine_keeps_its_digits_near_the_end():
    # sin²(x) = x² (1 - x²/3 + 2x⁴/45 …) with x = pi/2 * 1e-6; the cosine form keeps 5 digits
    x = math.pi / 2 * 1e-6
    assert cosine(10**6)(10**6 - 1) == pytest.approx(x * x * (1 - x * x / 3), rel=1e-12, abs=0)


def test_one_minus_sqrt_has_the_values_of_known_roots():
    # sqrt of 0, 1/16, 1/4, 9/16, 1; end = 0.2 leaves 0.8 of the way
    values = one_minus_sqrt(16, end=0.2)(np.array([0, 1, 4, 9, 16]))
    np.testing.assert_allclose(values, [1, 0.8, 0.6, 0.4, 0.2], rtol=1e-12)


def test_exponential_equals_torch(assert_equal_to_torch):
    def make(optimizer):
        return ExponentialLR(optimizer, gamma=0.9)

    assert_equal_to_torch(exponential(0.9, every=1), make, 40)


def test_exponential_over_a_length_ends_at_gamma():
    # 0.01**(1/2) = 0.1 halfway
    values = exponential(0.01, length=10)(np.array([0, 5, 10, 11]))
    np.testing.assert_allclose(values, [1, 0.1, 0.01, 0.01], rtol=1e-12)


def test_exponential_may_grow_over_a_length_only():
    assert exponential(100.0, length=2)(1) == pytest.approx(10.0, rel=1e-12, abs=0)
    with pytest.raises(ScheduleError, match="gamma must be <= 1 when every is given, got 100"):
        exponential(100.0, every=2)


def test_inverse_sqrt_halves_after_three_timescales():
    # sqrt(5 / (15 + 5)) = 1/2, sqrt(5 / (40 + 5)) = 1/3
    values = inverse_sqrt(5)(np.array([0, 15, 40]))
    np.testing.assert_allclose(values, [1, 1 / 2, 1 / 3], rtol=1e-12)


def test_constant_is_the_same_for_ever():
    assert constant(0.5)(0) == constant(0.5)(10**9) == 0.5


@pytest.mark.parametrize("make", [linear, polynomial, cosine, one_minus_sqrt])
def test_a_schedule_with_an_end_reaches_it_exactly_and_holds(make):
    schedule = make(7, end=0.3)
    assert schedule(0) == 1.0
    assert schedule(7) == schedule(8) == schedule(10**6) == pytest.approx(0.3, rel=1e-15)


@pytest.mark.parametrize("make", [linear, polynomial, cosine, one_minus_sqrt])
@pytest.mark.parametrize("end", [-0.1, math.nan, math.inf, "0.1", True])
def test_a_bad_end_is_refused(make, end):
    with pytest.raises(ScheduleError, match="end must be a finite number >= 0, got"):
        make(7, end=end)


@pytest.mark.parametrize("power", [0, -1, math.nan])
def test_a_power_that_is_not_positive_is_refused(power):
    with pytest.raises(ScheduleError, match="polynomial power must be a finite number > 0, got"):
        polynomial(7, power=power)


def test_numpy_numbers_are_numbers():
    ours = cosine(np.int64(7), end=np.float32(0.5))
    assert ours == cosine(7, end=0.5)
    assert type(ours.length) is int
    assert type(ours.end) is float


def test_a_polynomial_may_rise_from_a_start():
    # 1 + (0.2 - 1) (1 - t/4)²: 0.2, 0.55, 0.8, 0.95, 1
    values = polynomial(4, power=2, start=0.2, end=1)(np.arange(6))
    np.testing.assert_allclose(values, [0.2, 0.55, 0.8, 0.95, 1, 1], rtol=1e-12)
