"""What a watched run recorded: rows that wait on the device, and the columns read from it.

The loss is kept for every update. Norms and the gain ratio cost more and are measured at strides;
between them their columns are nan.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from etude.live.meter import Measured, Read
from etude.records import Array, Curve

BLOCK = 80
"""Updates whose signals are read from the device together."""


@dataclass(slots=True)
class Row:
    """One update, not read yet."""

    update: int
    lrs: list[Any]
    """Of each param group; floats or scalar tensors."""
    loss: Tensor
    measured: Measured | None
    overflow: Tensor | None
    """1 where a fused optimizer skipped the update."""


@dataclass(slots=True)
class Record:
    """The columns of one run."""

    waiting: list[Row] = field(default_factory=list)
    blocks: list[Array] = field(default_factory=list)
    """[rows, 5] each: the first five columns of a curve."""
    gains: list[tuple[float, float, float]] = field(default_factory=list)
    evaluations: list[tuple[float, float, float, float]] = field(default_factory=list)
    layers: list[tuple[int, Array]] = field(default_factory=list)
    """Update and gradient norm of each layer."""
    lrs: list[list[float]] = field(default_factory=list)
    """Of each param group, where there are several."""

    def read(self, layer_of: list[int]) -> tuple[int, list[Array]]:
        """Read the waiting rows; give the updates that overflowed, and the block as rows.

        Args:
            layer_of: number of the layer that each parameter belongs to.
        """
        rows, self.waiting = self.waiting, []
        if not rows:
            return 0, []
        numbers = iter(_numbers(rows))
        block, overflown = np.full((len(rows), 5), math.nan), 0
        for place, row in enumerate(rows):
            loss, lrs, overflow, values = next(numbers)
            block[place, :3] = row.update, lrs[0], loss
            overflown += overflow
            if len(lrs) > 1:
                self.lrs.append(lrs)
            if row.measured is not None:
                self._keep(row, loss, row.measured.read(values), block[place], layer_of)
        self.blocks.append(block)
        return overflown, list(block)

    def _keep(self, row: Row, loss: float, read: Read, line: Array, layer_of: list[int]) -> None:
        line[3:] = read.grad_norm, read.update_ratio
        if read.zeros.size:
            self.gains.append((row.update, read.gain_ratio(loss), read.zero_share))
        squares = np.zeros(max(layer_of, default=-1) + 1)
        np.add.at(squares, [layer_of[place] for place in read.places], read.grads**2)
        self.layers.append((row.update, np.sqrt(squares)))

    def curve(self) -> Curve:
        """Give what was read so far."""
        rows = np.concatenate(self.blocks).T if self.blocks else np.empty((5, 0))
        evaluations = np.array(self.evaluations, dtype=np.float64).reshape(-1, 4).T
        gains = np.array(self.gains, dtype=np.float64).reshape(-1, 3).T
        return Curve(*map(np.ascontiguousarray, (*rows, *evaluations, *gains)))


def _numbers(rows: list[Row]) -> list[tuple[float, list[float], int, Array]]:
    """Read all that rows hold: loss, lrs, overflow, and the measured signals.

    The losses are joined in one operation, which for a small network costs less than a tenth of
    what one operation a row would.
    """
    losses = torch.stack([row.loss for row in rows]).double()
    extras = [part for row in rows for part in _extras(row)]
    flat = torch.cat([losses, *(each.to(losses.device) for each in extras)])
    values = flat.cpu().numpy()
    at = len(rows)

    def take(count: int) -> Array:
        nonlocal at
        at += count
        return values[at - count : at]

    found: list[tuple[float, list[float], int, Array]] = []
    for row, loss in zip(rows, values.tolist(), strict=False):
        lrs = [float(take(1)[0]) if isinstance(lr, Tensor) else float(lr) for lr in row.lrs]
        overflow = 0 if row.overflow is None else int(take(1)[0] > 0)
        size = 0 if row.measured is None else row.measured.size
        found.append((loss, lrs, overflow, take(size)))
    return found


def _extras(row: Row) -> list[Tensor]:
    """Give what only some rows hold on the device, flat."""
    parts = [lr for lr in row.lrs if isinstance(lr, Tensor)]
    parts += [] if row.overflow is None else [row.overflow]
    flat = [part.detach().double().reshape(1) for part in parts]
    return flat + ([] if row.measured is None else row.measured.tensors())
