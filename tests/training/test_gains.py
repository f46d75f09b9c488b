"""`etude.training.gains`: closed forms, and nothing of a run changes when its gain is measured."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.strategies import strategy
from etude.tasks import load_task, prepare
from etude.training import Plan, SerialCohort
from etude.training.gains import gain_ratio, zero_share
from etude.training.stacked import StackedCohort

UPDATES = 40
GAIN_COLUMNS = {"gain_update", "gain_ratio", "zero_share"}


@pytest.mark.parametrize(("lr", "ratio"), [(0.1, 0.95), (1.0, 0.5), (2.0, 0.0), (3.0, -0.5)])
def test_on_a_parabola_the_ratio_is_one_less_half_the_step(lr, ratio):
    # L = w^2 / 2: actual [1 - (1 - lr)^2] w^2 / 2, predicted lr w^2, so rho = 1 - lr / 2.
    w = torch.tensor([[3.0]])
    after = (1 - lr) * w
    found = gain_ratio((w**2 / 2)[0], (after**2 / 2)[0], w, after - w)
    assert found.item() == pytest.approx(ratio, abs=1e-6)


def test_a_change_lost_in_rounding_is_nan():
    loss, gradient = torch.tensor([1.0]), torch.ones(1, 4)
    assert gain_ratio(loss, loss, gradient, -1e-8 * gradient).isnan().all()
    assert gain_ratio(loss, loss, gradient, 0 * gradient).isnan().all()
    assert gain_ratio(loss, loss, gradient, -1e-4 * gradient).item() == 0


def test_the_share_of_zeros_is_that_of_the_worst_parameter():
    gradient = torch.tensor([[1.0, 1, 1, 0, 0], [0, 0, 1, 1, 1]])
    assert zero_share(gradient, [3, 2]).tolist() == [1.0, pytest.approx(2 / 3)]


def dropping():
    return nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 1))


def normed():
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 4)),
        nn.Conv2d(1, 4, 2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(12, 1),
    )


EXACT = ("dropping", "digits", "characters")
"""Whose lanes have the bits of ordinary runs; those of batch statistics do not."""


@pytest.fixture(params=[*EXACT, "normed"], scope="module")
def prepared(request, task_of):
    """Tasks of several kinds of layers, with batch statistics and dropout."""
    models = {"dropping": dropping, "normed": normed}
    name = request.param
    return task_of(models[name], name=name) if name in models else prepare(load_task(name))


PLANS = [
    Plan(strategy(text), seed)
    for seed in (0, 1)
    for text in ("sgd lr=0.1 momentum=0.9 clip=0.5", "sgd lr=1e30", "adamw lr=0.01 wd=0.1")
]


def trained(cohort_class, prepared, every, piece=UPDATES, **options):
    plans = [Plan(plan.strategy, plan.seed, gains=every) for plan in PLANS]
    cohort = cohort_class(prepared, plans, updates=UPDATES, **options)
    while cohort.alive:
        cohort.advance(piece)
    return [cohort.curve(run) for run in range(len(plans))]


def test_measuring_changes_no_bit_of_a_run(prepared, differences):
    before = torch.get_rng_state()
    for build in (SerialCohort, StackedCohort):
        plain, measured = (trained(build, prepared, every) for every in (0, 3))
        for first, second in zip(plain, measured, strict=True):
            assert set(differences(first, second)) == GAIN_COLUMNS
            assert first.gain_ratio.size == 0
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("prepared", EXACT, indirect=True)
def test_lanes_give_the_gains_of_ordinary_runs_to_the_bit(prepared, differences):
    serial = trained(SerialCohort, prepared, 3)
    for chunk, piece in ((1, UPDATES), (4, 7)):
        stacked = trained(StackedCohort, prepared, 3, piece=piece, chunk=chunk)
        for first, second in zip(serial, stacked, strict=True):
            assert not differences(first, second)


def test_lanes_give_the_first_gain_of_ordinary_runs(prepared):
    curves = (trained(build, prepared, 3) for build in (SerialCohort, StackedCohort))
    for first, second in zip(*curves, strict=True):
        assert first.gain_ratio[0] == pytest.approx(second.gain_ratio[0], rel=1e-3, nan_ok=True)
        assert first.zero_share[0] == second.zero_share[0]


def test_gains_are_measured_every_nth_update_up_to_a_divergence(prepared):
    healthy, burnt, _ = trained(SerialCohort, prepared, 3)[:3]
    assert healthy.gain_update.tolist() == list(range(0, UPDATES, 3))
    assert np.isfinite(healthy.gain_ratio).any()
    assert burnt.gain_update[-1] <= burnt.update[-1] < UPDATES
    assert ((healthy.zero_share >= 0) & (healthy.zero_share <= 1)).all()


def test_a_mixed_cohort_measures_only_whom_it_should(digits):
    plans = [Plan(strategy("sgd lr=0.1"), 0, gains=every) for every in (0, 2, 5)]
    cohort = StackedCohort(digits, plans, updates=10)
    cohort.advance(10)
    found = [cohort.curve(run).gain_update.tolist() for run in range(3)]
    assert found == [[], [0, 2, 4, 6, 8], [0, 5]]


def test_a_small_step_is_a_straight_line_and_a_long_one_is_not(digits):
    plans = [Plan(strategy(f"sgd lr={lr}"), 0, gains=1) for lr in (0.001, 3.0)]
    cohort = SerialCohort(digits, plans, updates=20)
    cohort.advance(20)
    small, long = (np.nanmedian(cohort.curve(run).gain_ratio) for run in range(2))
    assert small == pytest.approx(1, abs=0.01)
    assert long < 0.5


def test_a_dead_network_has_zero_gradients(task_of):
    def dead():
        model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1))
        nn.init.constant_(model[0].bias, -1e3)
        return model

    cohort = SerialCohort(task_of(dead), [Plan(strategy("sgd lr=0.1"), 0, gains=1)], updates=5)
    cohort.advance(5)
    assert (cohort.curve(0).zero_share == 1).all()


def test_restored_and_forked_runs_keep_their_gains(digits, differences):
    for build in (SerialCohort, StackedCohort):
        plan = Plan(strategy("adamw lr=0.01"), 0, gains=4)
        cohort = build(digits, [plan], updates=UPDATES)
        cohort.advance(10)
        state = cohort.state()
        twin = cohort.fork(0, plan.strategy)
        cohort.advance(UPDATES)
        assert not differences(cohort.curve(0), cohort.curve(twin))
        other = build(digits, [], updates=UPDATES)
        other.restore(state)
        other.advance(UPDATES)
        assert not differences(other.curve(0), cohort.curve(0))
