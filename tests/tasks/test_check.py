"""etude.tasks.check"""

import random
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from etude.errors import TaskError
from etude.tasks import prepare

SHARED = nn.Linear(3, 1)


class Unseeded(nn.Module):
    """Draws its weights from a generator of its own."""

    generator = torch.Generator().manual_seed(0)

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 1, generator=self.generator))

    def forward(self, x):
        return x @ self.weight


def frozen():
    model = nn.Linear(3, 1)
    model.requires_grad_(requires_grad=False)
    return model


def rows(*bad):
    inputs = torch.ones(40, 3)
    for row, value in bad:
        inputs[row, 1] = value
    return inputs, torch.ones(40, 1)


def test_a_sound_task_is_ready_to_train(make):
    prepared = prepare(make(metric=functional.l1_loss, maximize=False))
    assert (prepared.train.size, prepared.val.size) == (32, 8)
    assert prepared.parameters == 3 * 4 + 4 + 4 + 1
    assert len(prepared.fingerprint) == 64


def test_a_validation_split_of_its_own_is_used(make, data):
    val = data[0][:5], data[1][:5]
    prepared = prepare(make(val=val))
    assert (prepared.train.size, prepared.val.size) == (40, 5)


def test_the_global_generators_and_threads_are_left_as_found(make):
    dropout = lambda: nn.Sequential(nn.Linear(3, 9), nn.Dropout(), nn.Linear(9, 1))
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    prepare(make(model=dropout))
    with pytest.raises(TaskError):
        prepare(make(loss=lambda o, t: o))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]  # noqa: NPY002
    assert torch.get_num_threads() == 3
    torch.set_num_threads(threads)


def test_a_task_can_be_prepared_where_gradients_are_off(make):
    with torch.no_grad():
        assert prepare(make()).chance is not None
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": 5}, "train must be a pair of tensors .* given an int"),
        ({"train": (torch.ones(0, 3), torch.ones(0, 1))}, "train must hold at least one example"),
        ({"val": (torch.ones(0, 3), torch.ones(0, 1))}, "val must hold at least one example"),
        (
            {"train": rows((31, torch.nan), (7, torch.inf), (9, -torch.inf))},
            "inputs of train must be finite: nan or inf in 3 of 40 rows, the first is row 7",
        ),
        (
            {"train": TensorDataset(*rows((4, torch.nan)))},
            "inputs of train must be finite: nan or inf in 1 of 40 rows, the first is row 4",
        ),
        (
            {"train": (torch.ones(9, 3), torch.full((9, 1), torch.nan))},
            "targets of train must be finite: nan or inf in 9 of 9 rows, the first is row 0",
        ),
        ({"val": rows((0, torch.inf))}, "inputs of val must be finite"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1, given 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number from 1, given 2.5"),
        ({"batch_size": 33}, "must not exceed the 32 training examples, given 33; batch_size=32"),
        ({"updates": 0}, "updates must be at least 1, given 0"),
        ({"model": 3}, "model must be a function .* given an int"),
        ({"model": nn.Linear(3, 1)}, "model must be a function .* given a Linear"),
        ({"model": lambda: 3}, "must return a torch.nn.Module, it returned an int"),
        ({"model": lambda: 1 / 0}, r"model\(\) raised ZeroDivisionError: division by zero"),
        ({"model": nn.ReLU}, "must have trainable parameters, its ReLU has none"),
        ({"model": frozen}, "must have trainable parameters, its Linear has none"),
        ({"model": lambda: SHARED}, "must build new parameters each time"),
        ({"model": Unseeded}, "two calls under one seed gave different weights"),
        ({"model": lambda: nn.LazyLinear(1)}, "it has lazy layers"),
        (
            {"model": lambda: nn.Linear(5, 1)},
            r"model\(input\) on a training batch with input \[8, 3\] raised RuntimeError: mat1",
        ),
        (
            {"val": (torch.ones(4, 2), torch.ones(4, 1))},
            r"model\(input\) on a validation batch with input \[4, 2\] raised RuntimeError",
        ),
        ({"loss": None}, "loss must be a function"),
        ({"loss": lambda o, t: 1.0}, "loss must return a tensor, it returned a float"),
        ({"loss": lambda o, t: (o - t) ** 2}, r"must return a scalar, it returned \[8, 1\]"),
        ({"loss": lambda o, t: o.mean().log() - torch.inf}, "finite before training starts"),
        ({"loss": lambda o, t: o.detach().mean()}, "loss must have a gradient, it has none"),
        (
            {"loss": lambda o, t: torch.ones((), requires_grad=True) * 1},
            "no gradient reaches them",
        ),
        ({"loss": lambda o, t: (o - o).abs().sqrt().mean()}, "gradient must be finite"),
        (
            {"loss": lambda o, t: functional.cross_entropy(o, t.long())},
            r"loss of outputs \[8, 1\] and targets \[8, 1\] raised",
        ),
        ({"metric": "f1"}, "metric must be a function or one of accuracy, given 'f1'"),
        ({"metric": 3}, "metric must be a function or a name, given 3"),
        ({"metric": lambda o, t: 1 / 0}, "metric metric raised ZeroDivisionError"),
        ({"metric": lambda o, t: "high"}, "must return a number, it returned a str"),
        ({"metric": lambda o, t: o}, r"must return a number, it returned a tensor \[8, 1\]"),
        ({"metric": lambda o, t: float("nan")}, "must return a finite number, it gave nan"),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_what_cannot_train_is_said_in_one_sentence(make, changes, message):
    with pytest.raises(TaskError, match=message) as caught:
        prepare(make(**changes))
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_there_is_named(make):
    with pytest.raises(TaskError, match="device 'nowhere' cannot be used"):
        prepare(make(), "nowhere")


def test_a_device_that_computes_no_numbers_is_refused(make):
    with pytest.raises(TaskError, match=r"device 'meta' cannot be used: it raised .*item\(\)"):
        prepare(make(), "meta")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this machine has an mps device")
def test_of_what_torch_says_of_a_device_the_first_sentence_is_kept(make):
    with pytest.raises(TaskError, match="device 'mps' cannot be used: it raised") as caught:
        prepare(make(), "mps")
    assert ". " not in str(caught.value)
    assert len(str(caught.value)) < 200  # torch goes on to list its 40 backends


def test_inputs_may_be_a_dict_and_outputs_a_tuple(make, data):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(self, batch):
            return self.layer(batch["x"]), batch["x"]

    prepared = prepare(
        make(
            model=Net,
            loss=lambda o, t: functional.mse_loss(o[0], t),
            train=({"x": data[0]}, data[1]),
        )
    )
    assert prepared.chance is None
    assert isinstance(prepared.train.take(torch.arange(2))[0], dict)


def test_a_task_may_ask_for_nothing_but_what_it_says(make):
    """The probe trains on a batch of the task's own size: batch norm on one row cannot."""
    model = lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    assert isinstance(prepare(make(model=model)).task.model, types.FunctionType)
    with pytest.raises(TaskError, match="more than 1 value per channel"):
        prepare(make(model=model, batch_size=1))
