"""What chance decides in a run, drawn for many updates at a time: batches and dropout masks."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from etude.tasks import Prepared, seed_for
from etude.training.dropout import Masks
from etude.training.order import BatchOrder


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of some updates."""

    batches: Tensor
    """Places of the examples, int64 [updates, batch]."""
    masks: list[Tensor]
    """The mask of each use of a dropout layer, [updates, ...]."""


class Stream:
    """The draws of a seed at one batch size.

    All lanes of a seed see the same batches and masks, and lanes advance together. So they share
    one stream: what it draws is what each of them would have drawn by itself.
    """

    def __init__(self, prepared: Prepared, seed: int, batch_size: int) -> None:
        name = prepared.task.name
        batches, dropout = (seed_for(name, seed, purpose) for purpose in ("batches", "dropout"))
        self.batch_size = batch_size
        self._order = BatchOrder(prepared.train.size, batch_size, batches)
        self._generator = Generator(prepared.device).manual_seed(dropout)

    def draw(self, updates: int, masks: Masks) -> Draws:
        """Draw for so many updates."""
        batches = torch.stack([self._order.draw() for _ in range(updates)])
        drawn = [masks.draw(self._generator) for _ in range(updates)] if masks.needed else []
        return Draws(batches, [torch.stack(use) for use in zip(*drawn, strict=True)])

    def state(self) -> dict[str, Any]:
        """Give what is needed to go on exactly."""
        return {"order": self._order.state(), "dropout": self._generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state given by `state`."""
        self._order.restore(state["order"])
        self._generator.set_state(state["dropout"])
