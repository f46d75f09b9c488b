"""Lists of operations that are replayed, by Python or by TorchScript."""

import pytest
import torch
from torch import nn

from etude.strategies import strategy
from etude.training import Plan
from etude.training.recording import interpreted, record
from etude.training.stacked import StackedCohort

TEXTS = ["sgd lr=0.1 momentum=0.9 cosine", "sgd lr=0.3 momentum=0.9", "sgd lr=1e30 momentum=0.9"]


def square(x, y):
    return x * y, (x - y).exp().sum(0)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 5, generator=generator), torch.randn(3, 5, generator=generator)


def test_a_list_that_is_replayed_leaves_python_and_keeps_its_bits(pair):
    python_calls = []
    replay = record(square, *pair)

    def counted(*tensors):
        python_calls.append(1)
        return replay(*tensors)

    step = interpreted(counted, *pair)
    made = len(python_calls)
    for _ in range(10):
        answers = step(*pair)
    assert len(python_calls) == made
    assert all(torch.equal(*both) for both in zip(answers, square(*pair), strict=True))
    other = pair[1] * 3, pair[0] + torch.nan  # nothing of the example is left in it
    for got, meant in zip(step(*other), square(*other), strict=True):
        assert got.numpy().tobytes() == meant.numpy().tobytes()


def test_what_torchscript_does_not_take_stays_in_python(pair):
    def refusing(x, y):
        if torch.jit.is_tracing():
            raise RuntimeError("unsupported")
        return (x + y,)

    step = interpreted(refusing, *pair)
    assert step is refusing
    assert torch.equal(*step(*pair), sum(pair))


def test_other_bits_are_not_taken(pair):
    def shifty(x, y):
        return (x + y + 1e-7 if torch.jit.is_tracing() else x + y,)

    assert interpreted(shifty, *pair) is shifty


def test_views_that_change_nothing_are_left_out(pair):
    def viewed(x, y):
        return (x.view(3, 5).expand(3, 5) + y.view(5, 3).view(3, 5).t().t(),)

    replay = record(viewed, *pair)
    code = replay.__self__.code
    assert "expand" not in code
    assert code.count("aten.view") == 2  # to another shape, and back
    assert torch.equal(*replay(*pair), sum(pair))


@pytest.mark.parametrize("name", ["mlp", "cnn", "norm"])
def test_a_run_is_the_same_whoever_replays_it(task_of, differences, monkeypatch, name):
    models = {
        "mlp": lambda: nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1)),
        "cnn": lambda: nn.Sequential(
            nn.Unflatten(1, (1, 8)), nn.Conv1d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 1)
        ),
        "norm": lambda: nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 1)),
    }
    prepared = task_of(models[name])
    plans = [Plan(strategy(text), 0) for text in TEXTS]

    def curves():
        cohort = StackedCohort(prepared, plans, updates=60, chunk=3)
        cohort.advance(60)
        return [cohort.curve(run) for run in range(len(plans))]

    torchscript = curves()
    monkeypatch.setattr("etude.training.steps.interpreted", lambda replay, *_: replay)
    for python, other in zip(curves(), torchscript, strict=True):
        assert not differences(python, other)
