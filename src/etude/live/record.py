"""What a watched run recorded: updates that wait on the device, and the columns read from it.

The loss is kept for every update. Norms and the gain ratio cost more and are measured at strides;
between them their columns are nan.

What waits is kept in columns too, for this runs at every update of the user's loop: to append to
lists costs a tenth of what an object for each update and its reading would.
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
class Waiting:
    """Updates that were not read yet."""

    first: int
    """The first one's number; they follow each other."""
    losses: list[Tensor] = field(default_factory=list[Tensor])
    """Scalars."""
    lrs: list[list[Any]] = field(default_factory=list[list[Any]])
    """Of each update those of each param group; floats or scalar tensors."""
    measured: list[tuple[int, Measured]] = field(default_factory=list[tuple[int, Measured]])
    """Signals of those updates that were measured, and which of these it is, from 0."""
    overflows: list[Tensor] = field(default_factory=list[Tensor])
    """Of updates by a fused optimizer with a gradient scaler: 1 where it skipped the update."""


@dataclass(slots=True)
class Record:
    """The columns of one run."""

    waiting: Waiting
    blocks: list[Array] = field(default_factory=list[Array])
    """[rows, 5] each: the first five columns of a curve."""
    gains: list[tuple[float, float, float]] = field(
        default_factory=list[tuple[float, float, float]]
    )
    evaluations: list[tuple[float, float, float, float]] = field(
        default_factory=list[tuple[float, float, float, float]]
    )
    layers: list[tuple[int, Array]] = field(default_factory=list[tuple[int, Array]])
    """Update and gradient norm of each layer."""
    lrs: list[Array] = field(default_factory=list[Array])
    """[rows, groups] each, of every param group."""

    def read(self, layer_of: list[int]) -> tuple[int, Array]:
        """Read what waits; give the updates that overflowed, and the block, [rows, 5].

        Args:
            layer_of: number of the layer that each parameter belongs to.
        """
        waiting, count = self.waiting, len(self.waiting.losses)
        self.waiting = Waiting(waiting.first + count)
        block = np.full((count, 5), math.nan)
        if not count:
            return 0, block
        losses, lrs, overflows, signals = _numbers(waiting)
        block[:, 0] = np.arange(waiting.first, waiting.first + count)
        block[:, 1], block[:, 2] = lrs[:, 0], losses
        self.lrs.append(lrs)
        for (place, measured), values in zip(waiting.measured, signals, strict=True):
            self._keep(waiting.first + place, measured.read(values), block[place], layer_of)
        self.blocks.append(block)
        return int((overflows > 0).sum()), block

    def _keep(self, update: int, read: Read, line: Array, layer_of: list[int]) -> None:
        line[3:] = read.grad_norm, read.update_ratio
        if read.zeros.size:
            self.gains.append((update, read.gain_ratio(float(line[2])), read.zero_share))
        squares = np.full(max(layer_of, default=-1) + 1, math.nan)
        layers = [layer_of[place] for place in read.places]
        squares[layers] = 0.0  # a layer without any gradient keeps its nan
        np.add.at(squares, layers, read.grads**2)
        self.layers.append((update, np.sqrt(squares)))

    def curve(self) -> Curve:
        """Give what was read so far."""
        rows = np.concatenate(self.blocks).T if self.blocks else np.empty((5, 0))
        evaluations = np.array(self.evaluations, dtype=np.float64).reshape(-1, 4).T
        gains = np.array(self.gains, dtype=np.float64).reshape(-1, 3).T
        return Curve(*map(np.ascontiguousarray, (*rows, *evaluations, *gains)))

    def group_lrs(self) -> Array:
        """Give the lr of each param group at each update read so far, [updates, groups].

        nan before a group was added.
        """
        widest = max((block.shape[1] for block in self.lrs), default=1)
        pads = [((0, 0), (0, widest - block.shape[1])) for block in self.lrs]
        padded = [
            np.pad(b, pad, constant_values=math.nan) for b, pad in zip(self.lrs, pads, strict=True)
        ]
        return np.concatenate(padded) if padded else np.empty((0, 1))


def _numbers(waiting: Waiting) -> tuple[Array, Array, Array, list[Array]]:
    """Bring all that waits to the host in one transfer.

    The losses are joined in one operation, which for a small network costs less than a tenth of
    what one operation an update would.

    Returns:
        Losses [updates], lrs [updates, groups], overflows, and the numbers of each measured update.
    """
    loss = _joined(waiting.losses)
    tensors = [lr for lrs in waiting.lrs for lr in lrs if isinstance(lr, Tensor)]
    scalars = [each.detach().double().reshape(1) for each in (*tensors, *waiting.overflows)]
    parts = [part for _, measured in waiting.measured for part in measured.tensors()]
    flat = torch.cat([loss.double(), *(each.to(loss.device) for each in (*scalars, *parts))])
    sizes = [len(loss), len(tensors), len(waiting.overflows)]
    sizes += [measured.size for _, measured in waiting.measured]
    losses, known, overflows, *signals, _ = np.split(flat.cpu().numpy(), np.cumsum(sizes))
    return losses, _lrs(waiting.lrs, known), overflows, signals


def _joined(losses: list[Tensor]) -> Tensor:
    """Join scalars, which lie on one device unless a loss was told as a number, or not at all."""
    device = losses[0].device
    if any(each.device != device for each in losses):
        losses = [each.to(device, non_blocking=True) for each in losses]
    return torch.stack(losses)


def _lrs(rows: list[list[Any]], known: Array) -> Array:
    """Put the lrs that were tensors in their places, [updates, groups]."""
    if known.size:
        values = iter(known.tolist())
        rows = [[next(values) if isinstance(lr, Tensor) else lr for lr in row] for row in rows]
    widest = max(map(len, rows))  # a param group may have come later
    if any(len(row) < widest for row in rows):
        rows = [row + [math.nan] * (widest - len(row)) for row in rows]
    return np.array(rows, dtype=np.float64)
