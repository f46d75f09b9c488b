"""A regression on a real table, with few rows and much noise."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from etude.tasks.data import split
from etude.tasks.shipped import shipped_table
from etude.tasks.task import Task


def mean_absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean distance of predictions from targets, in the targets' unit."""
    return functional.l1_loss(outputs, targets)


def diabetes() -> Task:
    """Predict how far diabetes has gone after a year from ten measurements of 442 patients.

    Inputs and target are standardised by the training patients alone: mean 0 and standard
    deviation 1. So the loss of a constant predictor is near 1.
    """
    inputs = torch.from_numpy(shipped_table("diabetes_data_raw.csv.gz"))
    target = torch.from_numpy(shipped_table("diabetes_target.csv.gz")).unsqueeze(1)
    train, val = split(len(inputs))
    x, y = _standardise(inputs, train), _standardise(target, train)
    return Task(
        _network,
        functional.mse_loss,
        (x[train], y[train]),
        val=(x[val], y[val]),
        metric=mean_absolute_error,
        maximize=False,
        batch_size=32,
        updates=400,
        name="diabetes",
        about="progression of diabetes in 442 patients, a small network",
        source="scikit-learn's diabetes: Efron et al. (2004)",
    )


def _standardise(values: Tensor, train: Tensor) -> Tensor:
    mean, deviation = values[train].mean(0), values[train].std(0, correction=0)
    return ((values - mean) / deviation).float()


def _network() -> nn.Module:
    return nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
