"""`etude.scale_lr`: the arithmetic of batch sizes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude import scale_lr
from etude.errors import StrategyError

SIZES = st.integers(1, 10**6)


def test_the_rules_and_their_defaults():
    assert scale_lr(0.1, 256, 8192) == pytest.approx(3.2)  # Goyal et al.: 0.1 at 256
    assert scale_lr(1e-3, 64, 256, optimizer="adamw") == pytest.approx(2e-3)
    assert scale_lr(1e-3, 64, 256, optimizer="adamw wd=0.1", rule="linear") == pytest.approx(4e-3)
    assert scale_lr(0.1, 64, 16, optimizer="sgd momentum=0.9", rule="sqrt") == pytest.approx(0.05)


@given(lr=st.floats(1e-6, 10), a=SIZES, b=SIZES, c=SIZES, rule=st.sampled_from(["linear", "sqrt"]))
def test_there_and_on_is_there_at_once_and_back_is_back(lr, a, b, c, rule):
    def by(rate, one, other):
        return scale_lr(rate, one, other, rule=rule)

    assert by(by(lr, a, b), b, c) == pytest.approx(by(lr, a, c))
    assert by(by(lr, a, b), b, a) == pytest.approx(lr)


@given(a=SIZES, b=SIZES, noise=st.floats(1e-2, 1e9))
def test_a_noise_scale_holds_the_rule_back_and_at_last_stops_it(a, b, noise):
    scaled = scale_lr(1.0, a, b, noise_scale=noise)
    plain = b / a
    assert min(1.0, plain) * (1 - 1e-9) <= scaled <= max(1.0, plain) * (1 + 1e-9)
    assert scaled <= 1 + noise / a + 1e-9


def test_far_below_the_noise_scale_the_rule_is_whole():
    assert scale_lr(0.1, 1, 4, noise_scale=1e9) == pytest.approx(0.4)
    assert scale_lr(0.1, 1, 4, noise_scale=math.inf) == pytest.approx(0.4)
    # McCandlish et al., eq. 2.10 with noise scale 8: (1 + 8/8) / (1 + 8/24) = 1.5.
    assert scale_lr(0.1, 8, 24, noise_scale=8) == pytest.approx(0.15)


def test_a_limit_is_not_passed():
    assert scale_lr(0.1, 64, 1024, limit=0.5) == 0.5
    assert scale_lr(0.1, 64, 128, limit=0.5) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lr": 0}, "lr must be a finite number above 0"),
        ({"batch_size": 0}, "batch_size must be a whole number"),
        ({"new_batch_size": 1.5}, "new_batch_size must be a whole number"),
        ({"rule": "cubic"}, "linear or sqrt"),
        ({"optimizer": "sdg"}, "did you mean sgd"),
        ({"noise_scale": -1}, "noise_scale must be above 0"),
        ({"limit": math.nan}, "limit must be above 0"),
    ],
)
def test_bad_values_are_refused(settings, words):
    with pytest.raises(StrategyError, match=words):
        scale_lr(**{"lr": 0.1, "batch_size": 64, "new_batch_size": 128, **settings})
