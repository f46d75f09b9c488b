"""Quadratic bowls: where theory is exact, so that practice can be checked against it.

A model here has no inputs to predict from. It holds a point w, [dim], and answers each sample (a
centre x, [dim]) with that sample's loss, 1/2 sum_i h_i (w_i - x_i)^2. The curvatures h run
geometrically from 1/condition to 1, so the stability limit of gradient descent is lr = 2/max h = 2
whatever the condition number; that sets only how slowly the flattest direction falls.
"""

from functools import partial

import torch
from torch import Tensor, nn

from etude.errors import TaskError
from etude.tasks.task import Task


class Bowl(nn.Module):
    """A point in a quadratic bowl, w = [start, start, ...]."""

    curvature: Tensor

    def __init__(self, curvature: Tensor, start: float) -> None:
        super().__init__()
        self.register_buffer("curvature", curvature.clone())
        self.point = nn.Parameter(torch.full_like(curvature, start))

    def forward(self, centre: Tensor) -> Tensor:
        """Give the loss of each sample: centres [n, dim] -> [n]."""
        return 0.5 * (self.curvature * (self.point - centre) ** 2).sum(1)


def mean_loss(losses: Tensor, _: Tensor) -> Tensor:
    """Average the samples' losses, [n] -> scalar; there is no target."""
    return losses.mean()


def quadratic(*, condition: float = 100.0, dim: int = 10) -> Task:
    """Descend 1/2 sum_i h_i w_i^2 from w = 1, without any noise.

    Args:
        condition: Largest over smallest curvature, at least 1.
        dim: Number of weights, at least 1 (2 where the condition is above 1).

    Raises:
        TaskError: There is no such bowl.
    """
    point = torch.zeros(1, dim), torch.zeros(1)
    return Task(
        partial(Bowl, _curvatures(condition, dim), 1.0),
        mean_loss,
        point,
        val=point,
        batch_size=1,
        updates=300,
        name="quadratic",
        about=f"a bowl without noise in {dim} dimensions, condition number {condition:g}",
        source="computed",
        predicts=False,
    )


def noisy_bowl(*, condition: float = 10.0, dim: int = 10, noise: float = 1.0) -> Task:
    """Descend a bowl that each batch shows in a slightly different place.

    The centres x have mean 0 and standard deviation `noise`, so a batch of B adds to the gradient
    noise of standard deviation h noise / sqrt(B): at a constant lr the weights never come to rest.
    The validation loss is free of it, 1/2 sum_i h_i w_i^2, the excess over the best possible.

    Raises:
        TaskError: There is no such bowl.
    """
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(1024, dim, generator=generator)
    centres = noise * (centres - centres.mean(0)) / centres.std(0, correction=0)
    return Task(
        partial(Bowl, _curvatures(condition, dim), 3.0),
        mean_loss,
        (centres, torch.zeros(len(centres))),
        val=(torch.zeros(1, dim), torch.zeros(1)),
        batch_size=8,
        updates=400,
        name="noisy-bowl",
        about=f"a bowl in {dim} dimensions whose gradient is noisy",
        source="computed",
        predicts=False,
    )


def _curvatures(condition: float, dim: int) -> Tensor:
    if not 1 <= condition < float("inf"):
        raise TaskError(f"condition must be a finite number of at least 1, given {condition}")
    if dim < 1 or (dim == 1 and condition > 1):
        raise TaskError(f"a bowl of condition {condition:g} needs more dimensions, given dim={dim}")
    return torch.logspace(0, -1, dim, base=condition) if condition > 1 else torch.ones(dim)
