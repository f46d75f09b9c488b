"""`etude.training.stackable`: what can be trained in lanes, and the sentence for what cannot."""

import random

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

from etude.errors import EtudeError
from etude.strategies import strategy
from etude.tasks import READY, load_task, prepare
from etude.training import Plan
from etude.training.stackable import MOST_LANES, chunk_for, network_for, why_not_stacked
from etude.training.stacked import StackedCohort

SGD = strategy("sgd lr=0.1")


@pytest.mark.parametrize("name", READY)
def test_every_ready_made_task_can_be_stacked(name):
    assert why_not_stacked(prepare(load_task(name)), SGD) is None


class Wrapped(nn.Module):
    """A linear layer, and something that stacking cannot follow."""

    def __init__(self, answer):
        super().__init__()
        self.layer = nn.Linear(8, 1)
        self.answer = answer
        self.calls = 0
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, inputs):
        return self.answer(self, self.layer(inputs))


def looks(_, outputs):
    return outputs * 2 if outputs.sum() > 0 else outputs


def drops(_, outputs):
    return functional.dropout(outputs, 0.5)


def gambles(_, outputs):
    return outputs * random.random()


def counts(self, outputs):
    self.calls += 1
    return outputs / self.calls


def replaces(self, outputs):
    if self.training:
        self.seen = self.seen + 1
    return outputs


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (looks, "its step raised RuntimeError: .*data-dependent control flow"),
        (drops, "its step raised RuntimeError: .*randomness"),
        (gambles, "draws from Python's or numpy's random generator"),
        (counts, "its model changes calls in each step, which is not a tensor"),
        (replaces, "its stacked step differs from an ordinary one"),
    ],
)
def test_what_stacking_cannot_follow_is_named(task_of, answer, reason):
    prepared = task_of(lambda: Wrapped(answer))
    why = why_not_stacked(prepared, SGD)
    assert why is not None
    assert why.startswith("sums cannot be trained in lanes: ")
    with pytest.raises(EtudeError, match=reason):
        StackedCohort(prepared, [Plan(SGD, 0)], updates=5)


def test_a_loss_that_raises_on_nan_is_named(task_of):
    # Lanes are trained in one pass: where one diverges, its loss would end all.
    prepared = task_of(
        lambda: nn.Sequential(nn.Linear(8, 1), nn.Sigmoid()),
        loss=nn.BCELoss(),
        train=(torch.rand(64, 8), torch.ones(64, 1)),
    )
    assert "all elements of input should be between 0 and 1" in str(why_not_stacked(prepared, SGD))


class Noisy(Dataset):
    """Items that are never the same twice, and so cannot be kept in memory."""

    def __len__(self):
        return 32

    def __getitem__(self, place):
        return torch.randn(8), torch.ones(1)


def test_data_that_do_not_lie_in_memory_are_named(task_of):
    prepared = task_of(lambda: nn.Linear(8, 1), train=Noisy())
    assert "its data do not lie in memory" in str(why_not_stacked(prepared, SGD))


def test_parameters_of_several_types_are_named(task_of):
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, 1)
            self.scale = nn.Parameter(torch.ones(1, dtype=torch.float64))

        def forward(self, inputs):
            return self.layer(inputs) * self.scale.float()

    assert "of several types, torch.float32, torch.float64" in str(
        why_not_stacked(task_of(Mixed), SGD)
    )


def test_the_trial_leaves_the_global_generators_alone(task_of):
    prepared = task_of(lambda: nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 1)))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert why_not_stacked(prepared, SGD) is None
    assert torch.equal(before, torch.get_rng_state())


def test_a_chunk_holds_fewer_lanes_of_a_larger_step(task_of):
    small = task_of(lambda: nn.Linear(8, 1))
    # 4 x 4 bytes x 2.1 million weights are 33 MB: more than a cache holds.
    large = task_of(
        lambda: nn.Sequential(nn.Linear(8, 4096), nn.Linear(4096, 512), nn.Linear(512, 1))
    )
    assert chunk_for(small, 16) == MOST_LANES["cpu"]
    assert chunk_for(large, 16) == 1
    assert network_for(small, 16).trained == ["weight", "bias"]
