"""A double well: what noise, and so the learning rate, has to do with leaving a poor minimum."""

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from etude.tasks.bowls import mean_loss
from etude.tasks.task import Task

TILT = 0.3


def well(point: Tensor) -> Tensor:
    """Compute f(w) = (w^2 - 1)^2 + 0.3 w: a shallow well near w = 0.96, a deep one near -1.04."""
    return (point**2 - 1) ** 2 + TILT * point


def deepest() -> tuple[float, float]:
    """Find the deep well: (w, f(w)), from the real roots of f'(w) = 4 w^3 - 4 w + 0.3."""
    point = float(np.roots([4, 0, -4, TILT]).real.min())
    return point, (point**2 - 1) ** 2 + TILT * point


class Well(nn.Module):
    """A point w that starts in the shallow well and answers a push x with f(w) - min f + x w."""

    def __init__(self, start: float, lowest: float) -> None:
        super().__init__()
        self.point = nn.Parameter(torch.tensor([start]))
        self.lowest = lowest

    def forward(self, push: Tensor) -> Tensor:
        """Give the loss of each sample: pushes [n, 1] -> [n]. A push adds x to the gradient."""
        return (well(self.point) - self.lowest + push * self.point).squeeze(1)


def double_well(*, noise: float = 4.0) -> Task:
    """Start in the shallow well, and see whether noise carries the point over the ridge.

    Every sample pushes the point by x, of mean 0 and standard deviation `noise`. The validation
    loss is f(w) - min f without a push: 0 in the deep well, 0.6 in the shallow one.
    """
    pushes = torch.randn(1024, 1, generator=torch.Generator().manual_seed(0))
    pushes = noise * (pushes - pushes.mean()) / pushes.std(correction=0)
    return Task(
        partial(Well, 1.0, deepest()[1]),
        mean_loss,
        (pushes, torch.zeros(len(pushes))),
        val=(torch.zeros(1, 1), torch.zeros(1)),
        batch_size=4,
        updates=400,
        name="double-well",
        about="one weight between a shallow and a deep minimum, with gradient noise",
        source="computed",
        predicts=False,
    )
