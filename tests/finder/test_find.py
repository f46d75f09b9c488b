"""`etude.find`: the answer on tasks with closed forms, and the traces that it does not leave."""

import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from etude import Task, find
from etude.errors import CompareError, EtudeError, StrategyError
from etude.finder import ladder
from etude.records import Outcome, found_json
from etude.store import Store
from etude.tasks import load_task


@pytest.fixture(scope="module")
def quadratic():
    return find("quadratic", "sgd", schedule="constant", updates=300, seeds=2, workers=0)


def test_gradient_descent_on_the_quadratic_fails_at_its_limit(quadratic):
    # Curvature 1: stable below 2. The grid has 1.8 and 3.2 beside it.
    (found,) = quadratic.ranges
    assert found.failure is not None
    assert (found.failure.low, found.failure.value) == (1.8, 3.2)
    assert found.stability is not None
    assert found.stability.limit == pytest.approx((2.0,) * len(found.stability.limit), rel=0.01)
    assert found.suggestion is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low.value <= found.suggestion.value <= found.high.value <= 2


def test_the_answer_is_ready_for_json(quadratic):
    data = json.loads(json.dumps(found_json(quadratic), allow_nan=False))
    (found,) = data["ranges"]
    assert found["suggestion"]["value"] == quadratic.ranges[0].suggestion.value
    assert {trial["outcome"] for trial in found["trials"]} <= {str(each) for each in Outcome}
    assert data["cost"]["updates"] == sum(trial["updates"] for trial in found["trials"])


def test_its_code_trains_the_suggestion(quadratic):
    (found,) = quadratic.ranges
    assert f"lr={found.suggestion.value}" in found.code
    compile(found.code, "code", "exec")


def test_the_same_search_takes_its_runs_from_the_store(tmp_path):
    with Store.open(str(tmp_path / "runs.db")) as store:
        first, again = (
            find("seed-line", "adam", updates=60, seeds=1, workers=0, store=store, diagnose=False)
            for _ in range(2)
        )
    assert again.cost["trained"] == 0
    assert again.cost["reused"] == first.cost["runs"]
    assert found_json(again)["ranges"] == found_json(first)["ranges"]


class Drawing(nn.Module):
    """A model that draws from all global generators."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)
        self.drop = nn.Dropout(0.2)

    def forward(self, inputs):
        return self.drop(self.layer(inputs)) + random.random() * 0 + np.random.rand() * 0  # noqa: NPY002


@pytest.mark.parametrize("method", ["ladder", "ramp"])
def test_the_users_model_optimizer_loader_and_random_state_are_untouched(method):
    own = Drawing()
    optimizer = torch.optim.SGD(own.parameters(), lr=0.1, momentum=0.9)
    own(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    inputs = torch.randn(64, 3)
    draws = torch.Generator().manual_seed(5)
    loader = DataLoader(TensorDataset(inputs, inputs[:, :1]), 8, shuffle=True, generator=draws)

    def model():  # a copy of the user's model, as one who continues training would give it
        made = Drawing()
        made.load_state_dict(own.state_dict())
        return made

    def traces():
        return [
            *(w.clone() for w in (*own.state_dict().values(), *(p.grad for p in own.parameters()))),
            *(state["momentum_buffer"].clone() for state in optimizer.state.values()),
            inputs.clone(),
            torch.tensor([group["lr"] for group in optimizer.param_groups]),
            torch.get_rng_state(),
            draws.get_state(),
            torch.tensor(np.random.get_state()[1].astype(np.int64)),  # noqa: NPY002
            torch.tensor(random.getstate()[1], dtype=torch.int64),
            torch.tensor([own.training, torch.is_grad_enabled(), torch.get_num_threads()]),
        ]

    before = traces()
    find(
        Task(model, functional.mse_loss, loader), "adam", updates=40, seeds=1, workers=0,
        method=method,
    )  # fmt: skip
    assert all(torch.equal(one, other) for one, other in zip(before, traces(), strict=True))


def test_the_range_test_gives_its_rules():
    found = find("diabetes", ["sgd", "adam"], method="ramp", seeds=2, workers=0)
    assert found.cost["runs"] == 4
    assert found.cost["updates"] == 400
    for each in found.ranges:
        assert set(each.rules) == {"minimum", "steepest", "valley"}
        assert each.suggestion is not None
        assert each.suggestion.value == pytest.approx(each.rules["minimum"].value, rel=0.05)
        assert each.low is None
        assert each.updates == 400  # the code is for the run, not for the ramp


def test_batch_sizes_see_as_many_examples_and_are_fitted():
    found = find(
        "noisy-bowl", "sgd", batch_sizes=[4, 8, 32], updates=80, seeds=1, workers=0, diagnose=False
    )
    assert [(each.batch_size, each.updates) for each in found.ranges] == [
        (4, 160),
        (8, 80),
        (32, 20),
    ]
    assert ["batch=4" in each.strategy for each in found.ranges] == [True, False, False]
    (scaling,) = found.scaling
    assert scaling.batch_sizes == (4, 8, 32)
    assert scaling.power is not None
    assert "batch size ^" in scaling.sentence


def test_where_nothing_can_be_learned_there_is_no_suggestion():
    inputs = torch.zeros(40, 2)
    noise = torch.randn(40, 1, generator=torch.Generator().manual_seed(0))

    def model():
        layer = nn.Linear(2, 1)
        nn.init.zeros_(layer.bias)
        layer.bias.requires_grad_(requires_grad=False)
        return layer

    task = Task(model, functional.mse_loss, (inputs, noise), batch_size=8)
    found = find(task, "sgd", updates=40, seeds=1, workers=0)
    (only,) = found.ranges
    assert only.suggestion is None
    assert only.strategy == only.code == ""
    assert "no rate from" in only.notes[0]


def test_a_model_without_second_derivative_is_searched_all_the_same():
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, given):
            return given * 2

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, gradient):
            return gradient * 2

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(self, inputs):
            return Once.apply(self.layer(inputs))

    inputs = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    task = Task(Model, functional.mse_loss, (inputs, inputs[:, :1]), batch_size=8)
    (found,) = find(task, "sgd", updates=40, seeds=1, workers=0).ranges
    assert found.suggestion is not None
    assert found.stability is None
    assert any("could not be measured" in note for note in found.notes)


def test_ctrl_c_ends_the_search_with_what_is_done(monkeypatch):
    train, calls = ladder._train, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) > 1:
            raise KeyboardInterrupt
        train(*args)

    monkeypatch.setattr(ladder, "_train", interrupted)
    found = find("seed-line", "sgd", updates=100, seeds=1, workers=0)
    assert not found.complete
    assert found.ranges[0].suggestion is None
    assert found.cost["runs"] > 0


def test_all_loads_go_through_the_pool():
    alone = find("seed-line", "sgd", updates=60, seeds=2, workers=0, diagnose=False)
    shared = find("seed-line", "sgd", updates=60, seeds=2, workers=2, diagnose=False)
    assert found_json(shared)["ranges"] == found_json(alone)["ranges"]


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"optimizers": "sgd lr=0.1"}, StrategyError, "takes its lr and schedule from"),
        ({"optimizers": "sgd cosine"}, StrategyError, "takes its lr and schedule from"),
        ({"optimizers": "sdg"}, StrategyError, "did you mean sgd"),
        ({"optimizers": []}, CompareError, "at least one optimizer"),
        ({"schedule": "cosinus"}, EtudeError, "cosin"),
        ({"updates": 0}, CompareError, "at least 1 update"),
        ({"seeds": 0}, CompareError, "at least one seed"),
        ({"method": "guess"}, CompareError, "ladder or ramp"),
        ({"batch_sizes": [0]}, CompareError, "whole number from 1"),
        ({"batch_sizes": [10**6]}, CompareError, "must fit into"),
        ({"batch_sizes": [4], "method": "ramp"}, CompareError, "method=ladder"),
        ({"engine": "steam"}, CompareError, "an engine is"),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(settings, error, words):
    with pytest.raises(error, match=words):
        find("seed-line", workers=0, **settings)


def test_a_schedule_of_epochs_and_an_option_of_the_optimizer_stay():
    task = replace(load_task("seed-line"), updates=60)
    found = find(
        task, "sgd momentum=0.5 clip=1", schedule="warmup 1ep -> cosine", seeds=1, workers=0,
        diagnose=False,
    )  # fmt: skip
    (only,) = found.ranges
    assert only.strategy.startswith("sgd lr=")
    assert "momentum=0.5 clip=1.0 warmup 1ep" in only.strategy
    assert math.isfinite(only.start)
