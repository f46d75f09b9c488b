"""What rules look at: log losses, changes of the lr, the live part of a run."""

import math

import numpy as np
import pytest

from etude.diagnosis.view import FLOOR, changes, heights_of, trend, view
from etude.records import Curve

T = np.arange(200, dtype=float)


def seen(loss, lr=0.1, update=None):
    loss = np.asarray(loss, dtype=float)
    update = np.arange(loss.size, dtype=float) if update is None else update
    return view(Curve(update=update, lr=np.broadcast_to(lr, loss.size).astype(float), loss=loss))


def test_heights_are_log_losses_down_to_a_floor():
    heights = heights_of(np.array([2.0, 1.0, 0.0]))
    np.testing.assert_allclose(heights, [math.log(2), 0, math.log(FLOOR * 2)])


def test_losses_that_can_be_negative_are_placed_in_their_own_range():
    loss = np.linspace(5, -5, 101)
    heights = heights_of(loss)
    np.testing.assert_allclose(heights, heights_of(1000 * loss))
    assert heights[0] > 1
    assert heights[-1] < 0


def test_rows_end_before_the_first_loss_that_is_not_finite():
    assert seen([3, 2, np.nan, 1]).rows == 2
    assert seen([]).rows == 0


def test_the_noise_of_a_row_is_that_of_white_noise_and_no_slope_counts():
    white = np.random.default_rng(0).normal(0, 0.1, 2000)
    for slope in (0, -0.01):
        loss = np.exp(white + slope * np.arange(2000) / 10)
        assert seen(loss).step_noise == pytest.approx(0.1, rel=0.1)


def test_abrupt_changes_are_told_from_the_slope_of_a_schedule():
    steps = np.where(T < 100, 0.1, np.where(T < 150, 0.01, 0.001))
    assert changes(steps) == ((100, 150), ())
    cosine = 0.05 * (1 + np.cos(np.pi * T / 200))
    assert changes(cosine) == ((), ())
    warmup = np.minimum(T / 20, 1) * cosine
    assert changes(warmup) == ((), ())
    restarts = 0.05 * (1 + np.cos(np.pi * (T % 50) / 50))
    assert changes(restarts) == ((), (50, 100, 150))
    assert changes(np.full(200, np.nan)) == ((), ())


def test_the_live_part_leaves_out_a_warmup_and_a_schedule_that_has_ended():
    lr = np.where(T < 20, T / 20, np.where(T < 150, 1.0, 0.001))
    live = seen(np.exp(-T / 50), lr).alive
    assert (live.start, live.stop) == (2, 150)
    assert seen(np.exp(-T / 50), lr).warmup == 20
    assert seen(np.exp(-T / 50), np.nan).alive == slice(0, 200)


def test_a_start_that_is_not_in_the_log_gives_no_share_of_the_way():
    loss = np.exp(-T / 50)
    assert seen(loss).attained > 0.9
    assert math.isnan(seen(loss, update=T + 1000).attained)


def test_a_trend_is_judged_by_blocks():
    falling = trend(np.linspace(1, 0, 100))
    assert falling.falls
    assert not falling.rises
    assert falling.slope == pytest.approx(-1, rel=0.06)
    assert not trend(np.zeros(100)).falls
