"""The autopilot's decisions, without any model."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.live import law
from etude.schedules import linear, polynomial


def test_rates_are_half_decades():
    assert law.rates_between(1e-3, 0.1) == [1e-3, 0.003162, 1e-2, 0.03162, 0.1]
    assert law.rates_between(2e-3, 2.5e-3) == [2e-3]


def test_the_top_is_the_rate_of_the_lowest_loss():
    assert law.top_of({1e-3: 2.0, 1e-2: 1.0, 0.1: 5.0, 1.0: math.inf}) == 1e-2
    assert law.top_of({1e-3: math.nan, 1e-2: math.inf}) == 1e-3


@given(st.floats(0, 1e6))
def test_rounds_cost_no_more_than_their_budget(budget):
    lengths = law.round_lengths(budget)
    forks = sum((lanes - 1) * n for lanes, n in zip(law.LANES, lengths, strict=False))
    assert forks <= budget
    assert len(lengths) in (0, len(law.LANES))


def test_a_copy_that_is_not_finite_is_last():
    assert law.score([1.0, 1.0, math.nan, 1.0]) == math.inf
    assert law.score([9.0, 9.0, 1.0, 1.0]) == 0.0  # log 1, of the second half
    assert law.score([-1.0, -2.0, -3.0, -5.0]) == -4.0  # losses below 0 have no logarithm


def test_copies_tie_where_paired_losses_show_no_difference():
    draw = np.random.default_rng(0)
    best = np.exp(draw.normal(0, 1, 40))  # the same batches: noise that both share
    noise = np.exp(draw.normal(0, 0.1, 40))
    assert law.ties(best * noise, best)
    assert law.ties(0.9 * best, best)  # a lower loss is no worse
    assert not law.ties(1.2 * best * noise, best)
    assert law.ties(1.2 * best * np.exp(draw.normal(0, 1, 40)), best)
    assert not law.ties([*best[:-1], math.nan], best)


@given(st.floats(1e-6, 1e6))
def test_a_fall_does_not_depend_on_the_unit_of_the_loss(unit):
    draw = np.random.default_rng(0)
    losses = np.exp(draw.normal(0, 0.1, 40) - np.linspace(0, 1, 40))
    assert law.falls(unit * losses) == pytest.approx(law.falls(losses), rel=1e-6)
    assert law.falls(losses) > law.FALLS
    assert law.falls(losses[::-1]) < 0


def test_a_warmup_rises_to_1():
    values = [law.warm(t, 400) for t in range(13)]
    assert values[0] == pytest.approx(1 / 12)
    assert values[-1] == 1.0
    assert law.warm(0, 10) == 1.0


def test_the_horizon_counts_updates_at_the_full_rate():
    # A quarter held, then a line: 100 + (300 + 299 + ... + 1) / 300 = 100 + 150.5
    assert law.horizon(400, linear()) == pytest.approx(250.5)
    assert law.horizon(400, polynomial(power=2)) == pytest.approx(100 + 100.5 + 1 / 1800)
    assert law.horizon(1, law.COOLDOWN) == 1.0
