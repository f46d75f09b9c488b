"""A gradient scaler in a run of which copies are made: each copy moves a scale of its own.

Mixed precision in float16 multiplies the loss, lest small gradients vanish, and skips an update
whose gradient overflows. Copies at high rates overflow where the run itself would not.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from etude.live.meter import Again, same_buffers
from etude.live.snapshot import params
from etude.tasks.seeds import untouched

TRIES = 40
"""Halvings of the first scale at most; a gradient that overflows then is infinite at any."""


class Scaled(nn.Module):
    """A model with its scaler's numbers among its buffers, so that a snapshot holds both."""

    def __init__(self, model: nn.Module, optimizer: Optimizer, scaler: Any) -> None:
        super().__init__()
        self.model = model
        scaler.scale(torch.zeros((), device=params(optimizer)[0].device))  # makes the numbers
        for name in ("_scale", "_growth_tracker"):
            self.register_buffer(name, getattr(scaler, name), persistent=False)


def settle(model: nn.Module, optimizer: Optimizer, scaler: Any, loss: Again) -> int:
    """Lower the scale until a batch's gradient is finite, as a run's first updates do.

    Nothing but the scale and the gradients is changed.

    Returns:
        How often it was lowered.
    """
    with untouched(), same_buffers(model):
        for lowered in range(TRIES):
            before = scaler.get_scale()
            optimizer.zero_grad()
            scaler.scale(loss()).backward()
            scaler.unscale_(optimizer)
            scaler.update()
            if scaler.get_scale() >= before:
                return lowered
    return TRIES


def finite(grads: list[Tensor]) -> list[Tensor]:
    """Give gradients, or zeros in the place of all where they overflowed: no update was made."""
    sound = torch.stack([grad.isfinite().all() for grad in grads]).all()
    return [torch.where(sound, grad, 0.0) for grad in grads]
