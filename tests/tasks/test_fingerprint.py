"""etude.tasks.fingerprint"""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

from etude.tasks import load_task, noisy_bowl, prepare


def test_the_same_task_has_the_same_fingerprint(make):
    torch.rand(3)
    first = prepare(make()).fingerprint
    torch.rand(5)
    assert prepare(make()).fingerprint == first


@pytest.mark.parametrize("name", ["digits-cnn", "noisy-bowl"])
def test_another_process_with_other_threads_and_hashes_finds_the_same(name):
    code = (
        "import torch; torch.set_num_threads(2);"
        f"from etude.tasks import *; print(prepare(load_task({name!r})).fingerprint)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )
    assert run.stdout.strip() == prepare(load_task(name)).fingerprint


def test_the_name_counts_because_the_seeds_of_the_batches_hang_on_it():
    # A bowl's weights are always the same, so that nothing else would tell.
    bowl = noisy_bowl()
    assert prepare(replace(bowl, name="b")).fingerprint != prepare(bowl).fingerprint


def wider():
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))


def other_activation():
    return nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 1))


def with_dropout():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.1), nn.Linear(4, 1))


@pytest.mark.parametrize(
    "change",
    [
        {"model": wider},
        {"model": other_activation},
        {"model": with_dropout},
        {"loss": functional.l1_loss},
        {"loss": lambda o, t: functional.mse_loss(o, t) * 1.0001},
        {"metric": lambda o, t: 1.0},
        {"batch_size": 4},
        {"name": "other"},
        {"predicts": False},
    ],
)
def test_an_edit_changes_it(make, change):
    assert prepare(make(**change)).fingerprint != prepare(make()).fingerprint


def test_a_loss_of_the_same_value_but_another_gradient_changes_it(make):
    def tilted(outputs, targets):
        return functional.mse_loss(outputs, targets) + (outputs - outputs.detach()).mean()

    assert prepare(make(loss=tilted)).fingerprint != prepare(make()).fingerprint


def test_an_edited_metric_of_the_same_name_changes_it(make):
    def metric(scale):
        return lambda o, t: scale * float((o - t).abs().mean())

    first, second = (prepare(make(metric=metric(scale))).fingerprint for scale in (1, 2))
    assert first != second


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("row", [0, 39])
def test_one_number_of_the_data_changes_it(make, data, part, row):
    edited = [tensor.clone() for tensor in data]
    edited[part][row, 0] += 1e-6
    assert prepare(make(train=tuple(edited))).fingerprint != prepare(make()).fingerprint


def test_a_buffer_that_only_the_forward_pass_changes_counts(make):
    def normed(momentum):
        return lambda: nn.Sequential(
            nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=momentum), nn.Linear(4, 1)
        )

    first, second = (prepare(make(model=normed(m))).fingerprint for m in (0.1, 0.2))
    assert first != second


def test_a_data_set_with_random_transforms_has_a_fingerprint_too(make, data):
    class Jittered(Dataset):
        def __len__(self):
            return 40

        def __getitem__(self, i):
            return data[0][i] + torch.rand(3), data[1][i]

    first, again = (prepare(make(train=Jittered())).fingerprint for _ in range(2))
    assert first == again
