"""A run's weights, buffers and optimizer memory: kept, put back, and written into a state."""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class Snapshot:
    """A run as it stood. Tensors are put back in place, so that what refers to them still does."""

    def __init__(self, weights: list[Tensor], memory: list[dict[str, Any]]) -> None:
        self._weights, self._memory = weights, memory

    @classmethod
    def of(cls, model: nn.Module, optimizer: Optimizer) -> Self:
        """Take it."""
        weights = [tensor.detach().clone() for tensor in tensors(model, optimizer)]
        return cls(weights, [_copied(optimizer.state.get(p, {})) for p in params(optimizer)])

    @property
    def weights(self) -> list[Tensor]:
        """The trained parameters, then the rest."""
        return self._weights

    @torch.no_grad()
    def put(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Go back to it."""
        for tensor, kept in zip(tensors(model, optimizer), self._weights, strict=True):
            tensor.copy_(kept)
        for parameter, kept in zip(params(optimizer), self._memory, strict=True):
            optimizer.state.pop(parameter, None)
            if kept:
                optimizer.state[parameter] = _copied(kept)

    def as_state(self) -> dict[str, Any]:
        """Give it as tensors in lists and dictionaries."""
        return {"weights": self._weights, "memory": self._memory}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Read what `as_state` gave; a copy."""
        weights = [tensor.clone() for tensor in state["weights"]]
        return cls(weights, [_copied(each) for each in state["memory"]])


def params(optimizer: Optimizer) -> list[nn.Parameter]:
    """Give the trained parameters, group by group."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def tensors(model: nn.Module, optimizer: Optimizer) -> list[Tensor]:
    """Give the trained parameters, then the model's buffers."""
    return [*params(optimizer), *model.buffers()]


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.clone() if isinstance(value, Tensor) else value for name, value in state.items()
    }
