"""`etude.training.prefix`: starts that runs share are trained once, and nothing changes."""

import numpy as np
import pytest

from etude.records import Curve
from etude.strategies import strategy
from etude.tasks import load_task, prepare
from etude.training import Plan
from etude.training.prefix import cost, groups, loads, worth_sharing
from etude.training.run import train, train_group

UPDATES = 100
SCHEDULES = [
    "constant",
    "step 30%",
    "step 30% gamma=0.5",
    "multistep 30%,60%",
    "warmup 10% -> constant -> linear 20%",
    "warmup 10% -> constant -> 1-sqrt 40%",
    "warmup 10% -> cosine",
    "one-cycle",
]


@pytest.fixture(scope="module")
def digits():
    return prepare(load_task("digits"))


def plans_of(*texts, seeds=(0,)):
    return [Plan(strategy(text), seed) for text in texts for seed in seeds]


def sgd(schedules=SCHEDULES):
    return plans_of(*(f"sgd lr=0.1 momentum=0.9 {schedule}" for schedule in schedules))


def test_rates_decide_where_runs_part(digits):
    (group,) = groups(digits, sgd(SCHEDULES[:4]), UPDATES)
    # Steps at 30 and 60 part from the constant rate at update 30; the multistep has the same
    # gamma and first milestone as the step and parts from it at its own second, which is 60 too,
    # so they are one run to the end but for the last update.
    assert [(branch.source, branch.at) for branch in group] == [
        (None, 0),
        (0, 30),
        (0, 30),
        (1, 90),
    ]


def test_warmup_stable_decay_shares_up_to_its_cooldown(digits):
    (group,) = groups(digits, sgd(SCHEDULES[4:7]), UPDATES)
    # The cooldowns begin at 80 and 60; their first multiplier is 1 still. Warmup ends at 10 and
    # the first multiplier of a cosine is 1.
    assert [(branch.source, branch.at) for branch in group] == [(None, 0), (0, 61), (0, 11)]


@pytest.mark.parametrize(
    "other",
    ["adam lr=0.1", "sgd lr=0.1 wd=0.1", "sgd lr=0.1 clip=1", "sgd lr=0.1 batch=32", "sgd lr=0.2"],
)
def test_what_differs_otherwise_shares_nothing(digits, other):
    assert len(groups(digits, plans_of("sgd lr=0.1", other), UPDATES)) == 2


def test_seeds_share_nothing(digits):
    assert len(groups(digits, plans_of("sgd lr=0.1", seeds=(0, 1)), UPDATES)) == 2


def test_different_peaks_may_use_the_same_rates(digits):
    (group,) = groups(digits, plans_of("sgd lr=0.2 0.5 * constant", "sgd lr=0.1"), UPDATES)
    assert group[1].at == UPDATES - 1


def test_every_plan_is_in_one_group_and_the_cost_is_what_is_left(digits):
    plans = sgd()
    arranged = groups(digits, plans, UPDATES)
    assert sorted(str(b.plan.strategy) for g in arranged for b in g) == sorted(
        str(plan.strategy) for plan in plans
    )
    whole = len(plans) * UPDATES
    assert sum(cost(group, UPDATES) for group in arranged) == whole - 30 - 30 - 90 - 61 - 11


@pytest.mark.parametrize("optimizer", ["sgd lr=0.1 momentum=0.9", "adamw lr=0.01"])
def test_shared_starts_change_no_bit(digits, optimizer):
    plans = plans_of(*(f"{optimizer} {schedule}" for schedule in SCHEDULES))
    for group in groups(digits, plans, UPDATES):
        for branch, run in zip(group, train_group(digits, group, updates=UPDATES), strict=True):
            alone = train(digits, branch.plan, updates=UPDATES)
            assert run.id == alone.id
            for name in Curve.__dataclass_fields__:
                first, second = getattr(run.curve, name), getattr(alone.curve, name)
                assert np.array_equal(first, second, equal_nan=True), name


def test_a_start_that_diverges_ends_all_who_share_it(digits):
    plans = plans_of("sgd lr=1e30 constant", "sgd lr=1e30 step 50%")
    (group,) = groups(digits, plans, UPDATES)
    first, second = train_group(digits, group, updates=UPDATES)
    assert (first.outcome, second.outcome) == ("diverged", "diverged")
    assert first.curve.loss.tolist()[:-1] == second.curve.loss.tolist()[:-1]


def test_progress_adds_up_to_all_updates_of_all_runs(digits):
    told = []
    (group,) = groups(digits, sgd(SCHEDULES[:4]), UPDATES)
    train_group(digits, group, updates=UPDATES, progress=lambda *each: told.append(each))
    done, trained = map(sum, zip(*told, strict=True))
    assert done == 4 * UPDATES
    assert trained == cost(group, UPDATES)


@pytest.mark.parametrize("fast", [False, True])
def test_loads_hold_alike_runs_and_give_every_worker_one(digits, fast):
    texts = ["adamw lr=0.1", "adamw lr=0.2", "sgd lr=0.1", "adamw lr=0.1 constant -> linear 20%"]
    every = groups(digits, [Plan(strategy(t), s) for t in texts for s in (0, 1, 2)], UPDATES)
    for lanes, workers in ((64, 2), (4, 1), (1, 3)):
        found = loads(digits, every, lanes=lanes, workers=workers, fast=fast)
        assert len(found) >= workers
        assert sorted(str(b.plan) for load in found for b in load) == sorted(
            str(b.plan) for group in every for b in group
        )
        for load in found:
            optimizers = {branch.plan.strategy.optimizer for branch in load}
            assert len(optimizers) == 1 or not fast
            assert len(load) <= max(lanes, 2)
            for branch in load:
                if branch.source is not None:
                    source = load[branch.source].plan
                    assert source.seed == branch.plan.seed
                    assert source.strategy.peak_lr == branch.plan.strategy.peak_lr


def test_in_lanes_short_starts_are_not_shared(digits):
    plans = plans_of("sgd lr=0.1 constant", "sgd lr=0.1 step 5%", "sgd lr=0.1 step 50%")
    least = worth_sharing(UPDATES, alone=False)
    found = groups(digits, plans, UPDATES, least=least)
    assert sorted(len(group) for group in found) == [1, 2]
    assert len(groups(digits, plans, UPDATES, least=worth_sharing(UPDATES, alone=True))) == 1
