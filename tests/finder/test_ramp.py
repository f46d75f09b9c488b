"""`etude.finder.ramp`: the range test, its smoothing and its rules."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.finder.ramp import (
    BLOWN_UP,
    HIGHEST,
    LOWEST,
    SETTLING,
    SMOOTHING,
    UPDATES,
    Ramp,
    falling_subsequence,
    ramp_of,
    read,
    suggestions,
)
from etude.records import Curve, Outcome, Run
from etude.strategies import strategy
from etude.tasks import load_task, prepare
from etude.training import Plan
from etude.training.run import train


def run_of(losses):
    lrs = np.geomspace(LOWEST, HIGHEST, len(losses))
    curve = Curve(update=np.arange(len(losses), dtype=float), lr=lrs, loss=np.array(losses))
    return Run("id", "task", "text", 0, Outcome.STALLED, 100, 100, 1.0, 1.0, 1.0, curve)


def test_the_ramp_is_a_run_whose_rate_rises_by_one_factor_from_lowest_to_highest():
    prepared = prepare(load_task("seed-line"))
    family = strategy("sgd momentum=0.5", lr=1)
    run = train(prepared, Plan(ramp_of(family), 0), updates=UPDATES)
    lrs = run.curve.lr
    assert lrs[0] == pytest.approx(LOWEST)
    factor = (HIGHEST / LOWEST) ** (1 / UPDATES)
    assert np.allclose(lrs[1:] / lrs[:-1], factor)
    assert ramp_of(family).options == family.options


def test_the_smoothed_loss_is_free_of_the_bias_of_its_start():
    # A constant loss stays itself; after two losses a, b it is (SMOOTHING a + b)/(SMOOTHING + 1).
    assert np.allclose(read(run_of([2.5] * 20)).loss, 2.5)
    smooth = read(run_of([1.0, 3.0])).loss
    assert smooth[1] == pytest.approx((SMOOTHING * 1 + 3) / (SMOOTHING + 1))


def test_the_ramp_ends_where_the_loss_blows_up_or_is_not_finite():
    for bad in (BLOWN_UP * 1000, np.nan, np.inf):
        ramp = read(run_of([1.0] * 30 + [bad] + [1.0] * 5))
        assert len(ramp.lr) == 30
        assert ramp.blown_up == pytest.approx(np.geomspace(LOWEST, HIGHEST, 36)[30])
    assert read(run_of([1.0] * 30)).blown_up is None


def test_each_rule_reads_off_what_it_says():
    # A straight fall in log lr from place 40, steepest at its middle, lowest at place 60.
    lrs = np.geomspace(1e-6, 1, 81)
    loss = np.full(81, 2.0)
    loss[40:61] = 2 - np.linspace(0, 1, 21) ** 2 * (3 - 2 * np.linspace(0, 1, 21))
    loss[61:] = 1 + np.linspace(0.1, 3, 20)
    said = suggestions(Ramp(lrs, loss, None))
    assert said["minimum"] == pytest.approx(lrs[60] / 10)
    assert said["steepest"] == pytest.approx(lrs[50])
    assert said["valley"] == pytest.approx(lrs[50])  # the middle of places 40 to 60


def test_of_a_ramp_that_is_too_short_nothing_is_read_off():
    lrs = np.geomspace(1e-6, 1, SETTLING + 4)
    assert suggestions(Ramp(lrs, np.linspace(2, 1, len(lrs)), None)) == {}


@given(st.lists(st.integers(0, 6), max_size=9))
def test_the_falling_subsequence_is_one_of_the_longest(values):
    found = falling_subsequence(np.array(values, dtype=float))
    picked = [values[place] for place in found]
    assert found == sorted(set(found))
    assert all(one > other for one, other in pairwise(picked))
    longest = max(
        (n for n in range(len(values) + 1) for part in combinations(values, n)
         if all(a > b for a, b in pairwise(part))),
        default=0,
    )  # fmt: skip
    assert len(found) == longest


def test_a_batch_size_and_a_clip_go_along():
    family = strategy("adam", lr=1, batch_size=7, clip=0.5)
    made = ramp_of(family)
    assert replace(made, peak_lr=1.0, schedule=family.schedule) == family
