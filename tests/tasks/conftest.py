"""A small sound task whose parts a test can replace one at a time."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from etude.tasks import Task


@pytest.fixture
def data():
    """Forty rows of three inputs and one target, always the same."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(40, 3, generator=generator)
    return inputs, inputs.sum(1, keepdim=True)


@pytest.fixture
def make(data):
    def build(**changes):
        parts = {
            "model": lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)),
            "loss": functional.mse_loss,
            "train": data,
            "batch_size": 8,
            "name": "small",
        }
        return Task(**parts | changes)

    return build
