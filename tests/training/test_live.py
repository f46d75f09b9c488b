"""`etude.training.live`: what is told piece by piece is the run that a pool trains."""

from dataclasses import fields

import numpy as np
import pytest

from etude.records import Curve, Outcome
from etude.strategies import strategy
from etude.tasks import load_task, prepare
from etude.training import Plan, Pool
from etude.training.live import Live, Told

UPDATES = 60
PLANS = [Plan(strategy(f"sgd lr={lr}"), seed) for lr in (0.1, 0.17, 1e30) for seed in (0, 1)]
COUNTED = {"rows": "update", "evaluations": "eval_update", "gains": "gain_update"}
MEASURED = ("gain_update", "gain_ratio", "zero_share")
"""Columns of what is measured besides, where somebody watches."""


@pytest.fixture(scope="module")
def line():
    return prepare(load_task("seed-line"))


@pytest.fixture(scope="module")
def heard(line):
    """What was told, and the runs that it ended with."""
    pieces = {plan: [] for plan in PLANS}

    def tell(plan, curve, told):
        pieces[plan].append((curve, told))

    pool = Live(line, tell=tell)
    runs = list(pool.train(PLANS, updates=UPDATES))
    return pieces, {(run.strategy, run.seed): run for run in runs}, pool


def test_the_runs_are_those_of_a_pool(line, heard):
    with Pool(line, workers=0) as pool:
        for run in pool.train(PLANS, updates=UPDATES):
            mine = heard[1][run.strategy, run.seed]
            assert (mine.outcome, mine.updates) == (run.outcome, run.updates)
            assert mine.curve.gain_ratio.size
            for field in fields(Curve):
                if field.name in MEASURED:
                    continue
                np.testing.assert_array_equal(
                    getattr(mine.curve, field.name), getattr(run.curve, field.name)
                )


def test_no_row_is_told_twice_and_none_is_left_out(heard):
    pieces, runs, _ = heard
    for plan, told in pieces.items():
        curve = runs[str(plan.strategy), plan.seed].curve
        for count, column in COUNTED.items():
            joined = [
                value
                for piece, before in told
                for value in getattr(piece, column)[getattr(before, count) :]
            ]
            np.testing.assert_array_equal(joined, getattr(curve, column))


def test_a_run_that_is_not_finite_ends_alone(heard):
    outcomes = {key[0]: run.outcome for key, run in heard[1].items()}
    assert outcomes[str(strategy("sgd lr=1e30"))] is Outcome.DIVERGED
    assert outcomes[str(strategy("sgd lr=0.1"))] is not Outcome.DIVERGED


def test_it_counts_what_it_trained(heard):
    assert 4 * UPDATES < heard[2].trained <= 6 * UPDATES


def test_a_fork_shares_its_start_and_then_goes_its_own_way(line):
    plan = PLANS[0]
    branches = [plan.strategy.with_lr(0.1 * factor) for factor in (0.1, 1.0)]
    pool = Live(line, tell=lambda *_: None)
    slow, same = pool.fork(plan, 20, branches, updates=UPDATES, stop=40)
    np.testing.assert_array_equal(slow.curve.loss[:20], same.curve.loss[:20])
    np.testing.assert_array_equal(slow.curve.lr[20:], 0.1 * 0.1)
    whole = next(iter(Live(line, tell=lambda *_: None).train([plan], updates=UPDATES)))
    np.testing.assert_array_equal(same.curve.loss, whole.curve.loss[:40])


def test_nothing_was_told_of_a_run_that_has_not_begun():
    assert Told() == Told(0, 0, 0)


def test_no_plans_are_no_work(line):
    assert list(Live(line, tell=print).train([], updates=UPDATES)) == []
