"""The seed line: the smallest model that can be trained, where everything has a closed form."""

import torch
from torch import nn
from torch.nn import functional

from etude.tasks.task import Task


def seed_line() -> Task:
    """Fit y = 2x through x = 1, 2, 3 with one weight and one bias, by full-batch MSE.

    The Hessian of the loss in (weight, bias) is 2 [[mean x^2, mean x], [mean x, 1]] =
    [[28/3, 4], [4, 2]], whose largest eigenvalue (17 + sqrt(265)) / 3 = 11.0929 puts the
    stability limit of plain gradient descent at lr = 2 / 11.0929 = 0.18029.
    """
    x = torch.tensor([[1.0], [2.0], [3.0]])
    return Task(
        _line,
        functional.mse_loss,
        (x, 2 * x),
        val=(x, 2 * x),
        batch_size=3,
        updates=200,
        name="seed-line",
        about="one weight and one bias learn y = 2x from three points",
        source="computed",
    )


def _line() -> nn.Module:
    return nn.Linear(1, 1)
