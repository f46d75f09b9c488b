"""`etude.finder.batches`: how a rate moves with the batch size, beside the rules."""

import math

import pytest

from etude.finder.batches import compare_batches, fitted_power
from etude.records import LrRange, Measured
from etude.tasks import prepare, quadratic


def range_at(size, lr):
    text = "sgd momentum=0.9" if size == 1 else f"sgd momentum=0.9 batch={size}"
    suggestion = None if lr is None else Measured(lr, lr / 2, lr * 2)
    of_seeds = () if lr is None else (lr, lr)
    return LrRange(
        text, "constant", size, 100, suggestion, None, None, None, "", "", 1.0, (), (), 0, of_seeds
    )


@pytest.mark.parametrize("power", [1.0, 0.5, 0.0, -0.3])
def test_a_power_law_is_fitted_exactly(power):
    sizes = [16, 64, 256, 1024]
    found = fitted_power(sizes, [0.01 * size**power for size in sizes])
    assert found is not None
    assert found.value == pytest.approx(power, abs=1e-9)
    assert found.low == pytest.approx(power, abs=1e-6)


def test_the_interval_is_that_of_a_regression():
    # x = -1, 0, 1 and y = 0, 1, 0.5 in units of log 2: slope 0.25, residuals -1/4, 1/2, -1/4,
    # s^2 = 3/8, error = sqrt(3/8 / 2) = 0.4330, t(0.975, 1) = 12.706.
    found = fitted_power([1, 2, 4], [1, 2, math.sqrt(2)])
    assert found is not None
    assert found.value == pytest.approx(0.25)
    assert found.high - found.value == pytest.approx(12.706 * 0.4330, rel=1e-3)


def test_two_sizes_have_no_interval_and_one_no_power():
    two = fitted_power([1, 2], [1, 2])
    assert two is not None
    assert two.value == pytest.approx(1)
    assert math.isnan(two.low)
    assert fitted_power([8, 8], [1, 2]) is None


def test_rules_start_from_the_tasks_own_batch_size():
    ranges = [range_at(size, lr) for size, lr in [(1, 0.1), (4, 0.4), (16, 1.6)]]
    (found,) = compare_batches(ranges, prepare(quadratic()))
    assert found.optimizer == "sgd momentum=0.9"
    assert found.linear == pytest.approx((0.1, 0.4, 1.6))
    assert found.sqrt == pytest.approx((0.1, 0.2, 0.4))
    assert "linear rule fits" in found.sentence
    assert "square-root" not in found.sentence


def test_a_size_at_which_nothing_trained_is_left_out_of_the_fit():
    ranges = [range_at(1, 0.1), range_at(4, None), range_at(16, 0.4)]
    (found,) = compare_batches(ranges, prepare(quadratic()))
    assert found.measured[1] is None
    assert found.power is not None
    assert found.power.value == pytest.approx(0.5)
    assert not list(compare_batches([range_at(1, None)], prepare(quadratic())))
