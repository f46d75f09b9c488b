"""Handwritten digits: real, small, and learned in well under a second."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from etude.tasks.shipped import shipped_table
from etude.tasks.task import Task

_SOURCE = "scikit-learn's digits: 1,797 scans of 8 x 8 pixels (UCI)"


def digits() -> Task:
    """Tell digits apart with a 64-64-64-10 ReLU network."""
    pixels, labels = _scans()
    return Task(
        _mlp,
        functional.cross_entropy,
        (pixels, labels),
        metric="accuracy",
        batch_size=64,
        updates=600,
        name="digits",
        about="handwritten digits, a network with two hidden layers",
        source=_SOURCE,
    )


def digits_cnn() -> Task:
    """Tell digits apart with two small convolutions."""
    pixels, labels = _scans()
    return Task(
        _cnn,
        functional.cross_entropy,
        (pixels.reshape(-1, 1, 8, 8), labels),
        metric="accuracy",
        batch_size=64,
        updates=400,
        name="digits-cnn",
        about="handwritten digits, a convolutional network",
        source=_SOURCE,
    )


def _scans() -> tuple[Tensor, Tensor]:
    """Read pixels, [1797, 64] from 0 to 1, and labels, [1797]."""
    table = shipped_table("digits.csv.gz", delimiter=",")
    pixels, labels = table[:, :-1], table[:, -1]
    return torch.tensor(pixels / 16, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)


def _mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def _cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
