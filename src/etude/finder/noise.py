"""The gradient noise scale: the batch size from which larger batches help little.

B = tr(S) / |G|^2, with G the gradient of the whole loss and S the covariance of one example's
gradient (McCandlish et al. 2018, "An empirical model of large-batch training", eq. 2.9). Batches
far below it are mostly noise, and twice as many examples an update are worth nearly twice the
progress; batches far above it are not.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from etude.diagnosis.statistics import student
from etude.finder.sharpness import trained
from etude.records import Array, Measured
from etude.tasks import Prepared

BATCHES = 32
LEAST_BATCHES = 8
MOST_VALUES = 2**27
"""Numbers that the batches' gradients may have together: half a gigabyte."""


def noise_scale(prepared: Prepared, model: nn.Module, *, seed: int = 0) -> Measured | None:
    """Estimate the gradient noise scale of a model as it stands, in examples.

    Args:
        prepared: the task.
        model: the model; its buffers are moved by the passes.
        seed: of the draw of the batches; they share no example.

    Returns:
        The estimate; None where there are too few examples for one.
    """
    if prepared.train.size < LEAST_BATCHES:
        return None
    weights = trained(model)
    count = sum(weight.numel() for weight in weights)
    batches = min(BATCHES, max(LEAST_BATCHES, MOST_VALUES // count), prepared.train.size)
    size = min(prepared.task.batch_size, prepared.train.size // batches)
    order = torch.randperm(prepared.train.size, generator=torch.Generator().manual_seed(seed))
    model.train()
    gradients = [
        _gradient(prepared, model, weights, order[at * size : (at + 1) * size])
        for at in range(batches)
    ]
    return from_products(products_of(gradients), size)


def products_of(gradients: Sequence[Tensor]) -> Array:
    """Give the inner products of all pairs of gradients, [batches, batches]."""
    rows = torch.stack(list(gradients)).double()
    return (rows @ rows.T).cpu().numpy()


def from_products(products: Array, size: int) -> Measured:
    """Estimate the noise scale from the inner products of the gradients of K batches.

    With g the mean of the K gradients and v the sum over weights of their sample variance,
    tr(S) = size v and |G|^2 = |g|^2 - v / K are free of bias (McCandlish et al., appendix A.1, with
    the batches as the small and all of them as the big batch).

    The interval is a 95 % jackknife one of 1/B, by Student's t. A bootstrap would draw batches
    twice, which adds to |g|^2; and 1/B stays finite where the noise hides the gradient, which then
    shows as an upper end at infinity.
    """
    count = len(products)
    inverse = _inverse(products, size)
    if math.isinf(inverse):  # no noise at all
        return Measured(0.0, 0.0, 0.0)
    without = [
        _inverse(np.delete(np.delete(products, out, 0), out, 1), size) for out in range(count)
    ]
    pseudo = count * inverse - (count - 1) * np.array(without)
    half = student(count - 1) * float(pseudo.std(ddof=1)) / math.sqrt(count)
    return Measured(*(_one_over(each) for each in (inverse, inverse + half, inverse - half)))


def _inverse(products: Array, size: int) -> float:
    """Give 1/B, which noise may make negative."""
    count = len(products)
    squared_mean = float(products.mean())
    variance = (float(np.trace(products)) / count - squared_mean) * count / (count - 1)
    return (squared_mean - variance / count) / (size * variance) if variance > 0 else math.inf


def _one_over(value: float) -> float:
    return 1 / value if value > 0 else math.inf


def _gradient(
    prepared: Prepared, model: nn.Module, weights: Sequence[nn.Parameter], index: Tensor
) -> Tensor:
    inputs, targets = prepared.train.take(index)
    with torch.enable_grad():
        loss = prepared.task.loss(model(inputs), targets)
        parts = torch.autograd.grad(loss, weights, materialize_grads=True)
    return torch.cat([part.reshape(-1) for part in parts])
