"""etude.tasks.task"""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from etude.tasks import accuracy


@pytest.mark.parametrize(
    ("rows", "batch_size", "budget"),
    [
        (100, 10, 200),  # 80 rows train, 8 updates an epoch, 10 epochs = 80: the least is 200
        (1000, 10, 800),  # 800 rows train, 80 updates an epoch
        (5000, 10, 2000),  # 10 epochs = 4,000: the most is 2,000
        (1000, 30, 260),  # 26 whole batches an epoch
    ],
)
def test_a_budget_is_ten_epochs_within_bounds(make, rows, batch_size, budget):
    task = make(train=(torch.zeros(rows, 3), torch.zeros(rows, 1)), batch_size=batch_size)
    assert task.budget == budget
    assert replace(task, updates=5).budget == 5


def test_the_batch_size_is_given_or_the_loaders_or_32(make, data):
    loader = DataLoader(TensorDataset(*data), batch_size=6)
    assert make(train=loader, batch_size=None).batch_size == 6
    assert make(train=loader, batch_size=3).batch_size == 3
    assert make(batch_size=None).batch_size == 32


def test_a_metric_has_a_name(make):
    def recall(outputs, targets):
        return 0.0

    assert make().metric_name is None
    assert make(metric="accuracy").metric_name == "accuracy"
    assert make(metric="accuracy").measure is accuracy
    assert make(metric=recall).metric_name == "recall"
    assert make(metric=partial(recall)).metric_name == "partial"
    assert make(metric=lambda o, t: 0.0).metric_name == "metric"


def test_sizes_count_what_trains_and_what_validates(make, data):
    assert make().sizes == (32, 8)
    assert make(val=data).sizes == (40, 40)
