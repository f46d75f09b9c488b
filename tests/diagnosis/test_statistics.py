"""`etude.diagnosis.statistics` against closed forms and scipy."""

import numpy as np
import pytest
from scipy import stats

from etude.diagnosis.statistics import block_medians, falling_p_value, noise, theil_sen


def test_block_medians_ignore_a_spike():
    values = np.ones(200)
    values[57] = 1e9
    assert (block_medians(values) == 1.0).all()
    assert block_medians(values).shape == (20,)
    assert block_medians(values[:3]).shape == (3,)


def test_noise_is_the_standard_deviation_of_normal_levels():
    levels = np.random.default_rng(0).normal(5.0, 2.0, 20_000)
    # The MAD has a relative standard error of about 1.2 / sqrt(n) = 0.8 %.
    assert noise(levels) == pytest.approx(2.0, rel=0.04)


def test_noise_of_a_line_is_zero():
    assert noise(np.arange(20.0)) == 0.0


def test_theil_sen_agrees_with_scipy():
    levels = np.random.default_rng(1).normal(size=20) + 0.3 * np.arange(20)
    assert theil_sen(levels) == pytest.approx(stats.theilslopes(levels)[0])


def test_falling_p_value_is_near_the_exact_one_of_kendalls_tau():
    rng = np.random.default_rng(2)
    for _ in range(20):
        levels = rng.normal(size=10) - 0.2 * np.arange(10)
        exact = stats.kendalltau(np.arange(10), levels, alternative="less", method="exact").pvalue
        assert falling_p_value(levels) == pytest.approx(exact, abs=0.02)
