"""`etude.training.stacked`: lanes against ordinary runs, and against themselves elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from etude.errors import EtudeError
from etude.records import Curve
from etude.strategies import strategy
from etude.tasks import READY, load_task, prepare
from etude.training import Plan, SerialCohort
from etude.training import steps as steps_module
from etude.training.functional import replayed
from etude.training.stacked import StackedCohort

UPDATES = 40
MIXED = [
    Plan(strategy(text), seed)
    for text in (
        "sgd lr=0.1 momentum=0.9 warmup 10% -> cosine",
        "sgd lr=0.03 momentum=0.8 wd=0.01",
        "adam lr=0.01 clip=0.5",
        "adam lr=0.003 clip=5 betas=0.5,0.9",
        "adamw lr=0.01 batch=32",
        "sgd lr=1e30",
        "rmsprop lr=0.003",
    )
    for seed in (0, 1, 2)
]


def trained(cohort_class, prepared, plans, updates=UPDATES, **options):
    cohort = cohort_class(prepared, plans, updates=updates, **options)
    cohort.advance(updates)
    return [cohort.curve(run) for run in range(len(plans))]


def assert_same(first, second, differences):
    for plan, one, other in zip(MIXED, first, second, strict=False):
        assert not differences(one, other), plan


@pytest.mark.parametrize("chunk", [1, 2, 64])
def test_a_network_of_linear_layers_gives_the_serial_curves_to_the_bit(digits, differences, chunk):
    ours = trained(StackedCohort, digits, MIXED, chunk=chunk)
    assert_same(ours, trained(SerialCohort, digits, MIXED), differences)


@pytest.mark.parametrize("name", ["diabetes", "characters", "seed-line", "double-well"])
def test_ready_made_tasks_give_the_serial_curves_to_the_bit(name, differences):
    prepared = prepare(load_task(name))
    plans = [plan for plan in MIXED[::2] if plan.strategy.batch_size is None]
    ours = trained(StackedCohort, prepared, plans)
    assert_same(ours, trained(SerialCohort, prepared, plans), differences)


class Residual(nn.Module):
    """One dropout layer used twice, tied weights, a frozen and an unused parameter."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(8, 8)
        self.second.weight = self.first.weight
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(8, 1)
        self.scale = nn.Parameter(torch.rand(8), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(3))

    def forward(self, inputs):
        hidden = inputs + self.drop(torch.relu(self.first(inputs)))
        return self.last(self.drop(self.second(hidden).T).T * self.scale)


def test_dropout_tied_frozen_and_unused_weights_are_as_in_ordinary_runs(task_of, differences):
    prepared = task_of(Residual)
    plans = [Plan(strategy(f"adamw lr={lr} wd=0.1"), seed) for lr in (0.01, 0.1) for seed in (0, 1)]
    ours = trained(StackedCohort, prepared, plans)
    assert_same(ours, trained(SerialCohort, prepared, plans), differences)


def test_inputs_may_be_trees(differences, task_of):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, 1)

        def forward(self, batch):
            return self.layer(batch["left"]) * batch["right"]

    inputs = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    data = {"left": inputs, "right": inputs[:, :1]}, inputs[:, 1:2]
    prepared = task_of(Two, train=data)
    plans = MIXED[:2]
    ours = trained(StackedCohort, prepared, plans)
    assert_same(ours, trained(SerialCohort, prepared, plans), differences)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(1, 6)
        self.attend = nn.MultiheadAttention(6, 2, batch_first=True)
        self.last = nn.Linear(6, 1)

    def forward(self, inputs):
        tokens = self.embed(inputs.unsqueeze(-1))
        return self.last(self.attend(tokens, tokens, tokens)[0].mean(1))


def convolutional(channels, norm):
    return lambda: nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, channels, 3, padding=1),
        norm(channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(channels, 5, 3),
        nn.Flatten(),
        nn.Linear(20, 10),
    )


MODELS = {
    "odd": lambda: nn.Sequential(nn.Linear(8, 13), nn.Tanh(), nn.Linear(13, 7), nn.Linear(7, 1)),
    "normed": lambda: nn.Sequential(nn.Linear(8, 9), nn.LayerNorm(9), nn.GELU(), nn.Linear(9, 1)),
    "batch": lambda: nn.Sequential(nn.Linear(8, 9), nn.BatchNorm1d(9), nn.Linear(9, 1)),
    "attention": Attention,
}
IMAGES = {
    "batch-images": convolutional(3, nn.BatchNorm2d),
    "group-images": convolutional(4, lambda channels: nn.GroupNorm(2, channels)),
    "plain-images": convolutional(7, lambda _: nn.Identity()),
}


@pytest.mark.parametrize("name", [*MODELS, *IMAGES])
def test_a_lanes_bits_do_not_depend_on_neighbours_place_or_count(
    name, task_of, digits, differences
):
    if name in MODELS:
        prepared = task_of(MODELS[name])
    else:
        task = replace(digits.task, model=IMAGES[name], batch_size=16, name=name)
        prepared = prepare(task)
    own = Plan(strategy("sgd lr=0.05 momentum=0.9"), 0)
    others = [
        Plan(strategy(f"sgd lr={lr} momentum=0.9"), seed)
        for lr, seed in ((0.01, 1), (1e30, 0), (0.02, 0), (0.1, 2))
    ]
    (alone,) = trained(StackedCohort, prepared, [own], updates=12)
    for count, place in ((1, 1), (2, 0), (4, 4)):
        plans = others[:count]
        plans.insert(place, own)
        curve = trained(StackedCohort, prepared, plans, updates=12, chunk=8)[place]
        assert not differences(curve, alone), (count, place)


def doubled(name):
    task = load_task(name)

    def to_double(tensor):
        return tensor.double() if tensor.is_floating_point() else tensor

    train, val = (None if d is None else tuple(map(to_double, d)) for d in (task.train, task.val))
    return prepare(replace(task, model=lambda: task.model().double(), train=train, val=val))


def weights_apart(prepared, plans, updates):
    """Relative L2 distance of the stacked weights from the serial ones after so many updates."""
    serial = SerialCohort(prepared, plans, updates=1000)
    stacked = StackedCohort(prepared, plans, updates=1000)
    serial.advance(updates)
    stacked.advance(updates)
    distances = []
    for (_, theirs), ours in zip(serial.state()["runs"], stacked.state()["runs"], strict=True):
        names = [name for name, _ in prepared.task.model().named_parameters()]
        row = torch.cat([theirs["model"][name].flatten() for name in names])
        distances.append(float((ours["row"]["weights"] - row).norm() / row.norm()))
    return distances


@pytest.mark.parametrize("name", READY)
def test_in_double_precision_a_lane_stays_with_its_ordinary_run(name):
    plans = [Plan(strategy(text), 1) for text in ("sgd lr=0.01 momentum=0.9", "adam lr=0.001")]
    assert max(weights_apart(doubled(name), plans, 50)) < 1e-12


@pytest.mark.parametrize("name", ["digits-cnn", "characters"])
def test_one_update_in_single_precision_differs_by_rounding_at_most(name):
    plans = [Plan(strategy(text), 0) for text in ("sgd lr=0.1", "adamw lr=0.001")]
    assert max(weights_apart(prepare(load_task(name)), plans, 1)) < 1e-6


def test_a_metric_of_any_python_is_measured(digits, monkeypatch):
    def share(outputs, targets):
        return sum(int(a) == int(b) for a, b in zip(outputs.argmax(1), targets, strict=True)) / len(
            targets
        )

    prepared = prepare(replace(digits.task, metric=share))
    plans = [Plan(strategy("sgd lr=0.1"), seed) for seed in (0, 1)]
    plain = trained(StackedCohort, digits, plans)
    monkeypatch.setattr(steps_module, "compile_step", replayed)
    for mode in ("exact", "fast"):
        curve = trained(StackedCohort, prepared, plans, mode=mode)[1]
        assert np.allclose(curve.val_metric, plain[1].val_metric)


def test_seeds_draw_their_own_batches_and_weights(digits):
    first, second, third = trained(StackedCohort, digits, MIXED[:3])
    assert len({curve.loss[0] for curve in (first, second, third)}) == 3


def test_a_chunk_must_hold_a_lane(digits):
    with pytest.raises(EtudeError, match="a chunk must hold at least 1 lane, got chunk=0"):
        StackedCohort(digits, [], updates=5, chunk=0)


def closeness(first: Curve, second: Curve) -> float:
    return float(np.max(np.abs(first.loss - second.loss) / np.abs(second.loss)))


def test_fast_lanes_stay_close_to_exact_ones(task_of):
    prepared = task_of(lambda: nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.1), nn.Linear(16, 1)))
    plans = [Plan(strategy(f"sgd lr={lr} momentum=0.9 clip=1"), 0) for lr in (0.01, 0.02, 0.03)]
    fast = StackedCohort(prepared, plans, updates=20, mode="fast", chunk=2)
    fast.advance(10)
    fast.drop([0])
    twin = fast.fork(1, plans[1].strategy)
    fast.advance(10)
    exact = trained(StackedCohort, prepared, plans, updates=20)
    for run in (1, 2):
        assert closeness(fast.curve(run), exact[run]) < 1e-4
    assert fast.curve(twin).loss.tolist() == fast.curve(1).loss.tolist()


def test_without_a_compiler_fast_steps_are_replayed(digits, monkeypatch):
    def broken(*_):
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(steps_module, "compile_step", broken)
    cohort = StackedCohort(digits, MIXED[:4], updates=10, mode="fast", chunk=2)
    assert cohort.trouble is None
    cohort.advance(10)
    assert cohort.trouble == "RuntimeError: no C++ compiler"
    exact = trained(StackedCohort, digits, MIXED[:4], updates=10)
    assert max(closeness(cohort.curve(run), exact[run]) for run in range(4)) < 1e-4


def part_frozen():
    """Sums over many numbers, whose order shows in the last bits, beside a bias that is frozen."""
    model = nn.Sequential(nn.Linear(8, 900), nn.Tanh(), nn.Linear(900, 40), nn.Linear(40, 1))
    model[2].bias.requires_grad = False
    return model


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_a_frozen_bias_leaves_the_bits_of_ordinary_runs(task_of, differences, chunk):
    prepared = task_of(part_frozen)
    plans = [Plan(strategy("adam lr=0.01"), seed) for seed in range(3)]
    stacked = StackedCohort(prepared, plans, updates=20, chunk=chunk)
    stacked.advance(20)
    plain = SerialCohort(prepared, plans, updates=20)
    plain.advance(20)
    for run in range(len(plans)):
        assert not differences(stacked.curve(run), plain.curve(run))


def test_bfloat16_can_be_trained_in_lanes(task_of):
    inputs = torch.randn(64, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    prepared = task_of(
        lambda: nn.Linear(8, 1).bfloat16(), train=(inputs, inputs.sum(1, keepdim=True))
    )
    plans = [Plan(strategy("sgd lr=0.01"), seed) for seed in range(3)]
    cohort = StackedCohort(prepared, plans, updates=20)
    cohort.advance(20)
    assert all(cohort.curve(run).loss[-1] < cohort.curve(run).loss[0] for run in range(3))
