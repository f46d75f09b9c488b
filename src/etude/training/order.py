"""The order in which a run sees its examples."""

from typing import Any

import torch
from torch import Tensor


class BatchOrder:
    """Batches of indices: a new permutation each epoch, the last smaller batch left out.

    This is what `DataLoader(shuffle=True, drop_last=True, generator=...)` does, without its
    cost. The generator belongs to one run, so that no other run can disturb it.
    """

    def __init__(self, size: int, batch_size: int, seed: int) -> None:
        self._size = size
        self._batch = batch_size
        self._generator = torch.Generator().manual_seed(seed)
        self._epoch = torch.empty(0, dtype=torch.int64)
        self._next = 0

    def draw(self) -> Tensor:
        """Give the indices of the next batch, [batch_size]."""
        if self._next + self._batch > len(self._epoch):
            self._epoch = torch.randperm(self._size, generator=self._generator)
            self._next = 0
        batch = self._epoch[self._next : self._next + self._batch]
        self._next += self._batch
        return batch

    def state(self) -> dict[str, Any]:
        """Give what is needed to go on exactly."""
        return {
            "generator": self._generator.get_state(),
            "epoch": self._epoch.clone(),
            "next": self._next,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state given by `state`."""
        self._generator.set_state(state["generator"])
        self._epoch = state["epoch"].clone()
        self._next = state["next"]
