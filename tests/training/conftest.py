"""What the training tests share: tasks, and curves compared column by column."""

import numpy as np
import pytest
import torch
from torch import nn

from etude.records import Curve
from etude.tasks import Task, load_task, prepare


@pytest.fixture(scope="session")
def digits():
    return prepare(load_task("digits"))


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def differences():
    """Names the columns in which two curves differ, to the bit."""

    def compare(first: Curve, second: Curve) -> list[str]:
        return [
            name
            for name in Curve.__dataclass_fields__
            if not np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        ]

    return compare


@pytest.fixture(scope="session")
def task_of():
    """Makes a small regression task around a model: 64 examples of 8 numbers and their sum."""

    def make(model, **options):
        inputs = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
        data = options.pop("train", (inputs, inputs.sum(1, keepdim=True)))
        settings = {"batch_size": 16, "name": "sums", "loss": nn.functional.mse_loss, **options}
        return prepare(Task(model=model, train=data, **settings))

    return make
