"""The gain ratio: did the loss of a batch fall as its gradient said it would?

It needs no unit and no optimizer's formula, since it takes the step that was really made:

    rho = [L(w; B) - L(w + dw; B)] / (-g . dw)

1 means that the loss is a straight line along the step, so that a longer step would gain more; 1/2
that the step ends at the minimum of a parabola; less, and below 0, that it overshot. It costs one
forward pass more, so it is taken every n-th update only.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from etude.tasks.seeds import set_random_state, untouched

ROUNDING = 8.0
"""A predicted change of the loss counts from so many roundings of the loss on: the ratio is then
off by a quarter at the most."""


def gain_ratio(before: Tensor, after: Tensor, gradient: Tensor, change: Tensor) -> Tensor:
    """Compute actual over predicted decrease, float64 [lanes].

    Args:
        before: loss of a batch, [lanes].
        after: loss of the same batch after the update, [lanes].
        gradient: its gradient before clipping, [lanes, weights].
        change: change of the weights, [lanes, weights].

    Returns:
        The ratio; nan where the loss is not finite or the predicted decrease is lost in rounding.
    """
    rounding = ROUNDING * torch.finfo(before.dtype).eps * before.double().abs()
    # In double, no order of summing shows in the bits that are kept.
    predicted = -(gradient.double() * change.double()).sum(1)
    ratio = (before.double() - after.double()) / predicted
    return ratio.masked_fill(predicted.abs() <= rounding, math.nan)


def zero_share(gradient: Tensor, sizes: Sequence[int]) -> Tensor:
    """Give the largest share of exact zeros in any one parameter's gradient, [lanes].

    Args:
        gradient: [lanes, weights].
        sizes: how many of the weights each parameter has.
    """
    parts = zip(gradient.split(list(sizes), dim=1), sizes, strict=True)
    return torch.stack([(part == 0).sum(1) / size for part, size in parts]).amax(0)


def row_of(tensors: Sequence[Tensor]) -> Tensor:
    """Lay a model's tensors side by side, [1, weights]; a copy."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors]).unsqueeze(0)


def without_trace(
    model: nn.Module, loss: Callable[[], Tensor], random: dict[str, Any] | None
) -> Tensor:
    """Compute a loss in the mode the model is in, with these draws, and leave all as it was.

    Args:
        model: its buffers (running statistics) are put back.
        loss: runs the model.
        random: the random state to draw from, as `random_state` gives it.
    """
    kept = [buffer.clone() for buffer in model.buffers()]
    with untouched(), torch.no_grad():
        if random is not None:
            set_random_state(random)
        value = loss().detach()
        for buffer, old in zip(model.buffers(), kept, strict=True):
            buffer.copy_(old)
    return value
