"""Is a run at its noise floor: its loss stands, and its gradients cancel?

A flat loss alone is no sign: a rate that is too low is flat too. What tells them apart is
|sum of g|^2 / sum of |g|^2 over a span of updates: 1 for independent noise, more in a direction
that stays, and less at the floor, where the weights go to and fro: since w moves by lr times the
gradients (SGD), their sum stays bounded.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from etude.live import law


class Floor:
    """Adds up a run's gradients and losses, and judges them span by span."""

    def __init__(self, total: int) -> None:
        self._span = 2 * law.window(total)
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._losses: list[float] = []
        self._sum: list[Tensor] = []
        self._squares = torch.zeros(())  # of the gradients' norms, summed

    def add_up(self, grads: list[Tensor]) -> None:
        """Add an update's gradients."""
        if len(grads) != len(self._sum):
            self._sum = [torch.zeros_like(grad) for grad in grads]
            self._squares = torch.zeros((), device=grads[0].device)
        for so_far, grad in zip(self._sum, grads, strict=True):
            so_far.add_(grad)
        self._squares += _square(grads)

    def met(self, losses: list[float]) -> str | None:
        """Add the losses of a block; say what was seen where a span ends at the floor."""
        self._losses += losses
        if len(self._losses) < self._span:
            return None
        count, z = len(self._losses), law.falls(self._losses)
        net = float(_square(self._sum) / self._squares)
        self.forget()
        if z >= law.FALLS or net >= law.CANCEL:
            return None
        return (
            f"over {count} updates the loss fell by {z:.2f} standard errors, and their "
            f"gradients cancel: |sum|^2 is {net:.2f} of the sum of squares"
        )

    def state_dict(self) -> dict[str, Any]:
        """Give the span so far."""
        return {
            "losses": list(self._losses),
            "sum": [each.clone() for each in self._sum],
            "squares": self._squares.clone(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on in a saved span."""
        self._losses = list(state["losses"])
        self._sum = [each.clone() for each in state["sum"]]
        self._squares = state["squares"].clone()


def _square(tensors: list[Tensor]) -> Tensor:
    """Give the squared 2-norm of all tensors as one vector."""
    return torch.stack([tensor.float().square().sum() for tensor in tensors]).sum()
