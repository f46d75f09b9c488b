"""Training on a GPU: the same promises, where bits are the GPU's own."""

import numpy as np
import pytest
import torch

from etude.race import compare
from etude.strategies import strategy
from etude.tasks import load_task, plain_arithmetic, prepare
from etude.training import Plan, SerialCohort
from etude.training.engine import choose
from etude.training.stacked import StackedCohort

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

UPDATES = 30
TEXTS = (
    "sgd lr=0.1 momentum=0.9 warmup 10% -> cosine",
    "sgd lr=0.1 momentum=0.9 nesterov=true",
    "adam lr=0.003 clip=0.5",
    "adamw lr=0.003 amsgrad=true",
    "rmsprop lr=0.001",
    "adagrad lr=0.01",
)
PLANS = [Plan(strategy(text), seed) for text in TEXTS for seed in (0, 1)]


@pytest.fixture(scope="module", params=["digits", "digits-cnn"])
def prepared(request):
    return prepare(load_task(request.param), "cuda")


@pytest.fixture(autouse=True)
def as_the_engines_do():
    with plain_arithmetic():
        yield


def trained(cohort_class, prepared, plans, **options):
    cohort = cohort_class(prepared, plans, updates=UPDATES, **options)
    cohort.advance(UPDATES)
    return [cohort.curve(run) for run in range(len(plans))]


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_lanes_are_ordinary_runs_up_to_rounding(prepared, mode):
    ours = trained(StackedCohort, prepared, PLANS, mode=mode)
    for plan, one, other in zip(PLANS, ours, trained(SerialCohort, prepared, PLANS), strict=True):
        assert one.loss[0] == pytest.approx(other.loss[0], rel=1e-5), plan
        assert one.loss == pytest.approx(other.loss, rel=2e-2), plan
        assert one.val_loss[-1] == pytest.approx(other.val_loss[-1], rel=2e-2), plan


def test_a_lane_of_nan_leaves_the_others_alone(prepared):
    others = [Plan(strategy(f"sgd lr={lr}"), 0) for lr in (0.01, 0.03, 0.1)]
    healthy = trained(StackedCohort, prepared, [*others, Plan(strategy("sgd lr=0.2"), 0)])
    broken = trained(StackedCohort, prepared, [*others, Plan(strategy("sgd lr=1e30"), 0)])
    assert not np.isfinite(broken[-1].loss[-1])
    for one, other in zip(healthy[:-1], broken[:-1], strict=True):
        assert np.array_equal(one.loss, other.loss)


def test_a_run_repeats_its_bits(prepared):
    first, again = (trained(StackedCohort, prepared, PLANS) for _ in range(2))
    assert all(np.array_equal(a.loss, b.loss) for a, b in zip(first, again, strict=True))


def test_steps_are_captured_and_chosen_by_time(prepared):
    chosen = choose(prepared, [plan.strategy for plan in PLANS], runs=64, work=12_800)
    assert chosen.name == "stacked"
    assert chosen.lanes > 1


def test_a_race_runs_on_the_gpu():
    answer = compare("digits", [f"adamw lr={lr}" for lr in (1e-4, 1e-2)], device="cuda")
    assert answer.settings["device"] == "cuda"
    assert answer.ranking[0].peak_lr == 1e-2
    assert answer.ranking[0].metric > 0.9
