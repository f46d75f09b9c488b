"""What a pilot has its hands on: the user's model and optimizer, moved one update at a time."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from etude.errors import WatchError
from etude.live import scaled
from etude.live.snapshot import Snapshot, params, tensors
from etude.tasks.seeds import random_state, set_random_state

Loss = Callable[[], Tensor]
"""Computes the loss of one batch."""
FORWARD = 1 / 3
"""Cost of a forward pass, in updates."""


class Controls:
    """Trains a user's model with the user's optimizer, at an lr that it is told.

    Attributes:
        ratios: Each param group's lr over the first one's.
    """

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, clip: float | None, scaler: Any = None
    ) -> None:
        self._model, self._optimizer, self._clip = model, optimizer, clip
        self._scaler = scaler if scaler is not None and scaler.is_enabled() else None
        self._kept = scaled.Scaled(model, optimizer, scaler) if self._scaler else model
        lrs = [float(group["lr"]) for group in optimizer.param_groups]
        if not lrs[0] > 0:
            raise WatchError(f"the first param group's lr must be more than 0, got {lrs[0]:g}")
        self.ratios = [lr / lrs[0] for lr in lrs]

    @property
    def lr(self) -> float:
        """The first group's lr, as the optimizer has it."""
        return float(self._optimizer.param_groups[0]["lr"])

    @property
    def grads(self) -> list[Tensor]:
        """The gradients of the last update; zeros where a scaler skipped it."""
        grads = [p.grad for p in params(self._optimizer) if p.grad is not None]
        return scaled.finite(grads) if self._scaler else grads

    @property
    def device(self) -> torch.device:
        """Where the first tensor is."""
        return tensors(self._model, self._optimizer)[0].device

    def set_lr(self, lr: float) -> None:
        """Set the first group's lr, and the others' in their ratio to it."""
        for group, ratio in zip(self._optimizer.param_groups, self.ratios, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(lr * ratio)
            else:
                group["lr"] = lr * ratio

    def update(self, loss: Loss) -> Tensor:
        """Do a plain update; give the loss before it."""
        self._optimizer.zero_grad()
        told = loss()
        if self._scaler:
            self._scaler.scale(told).backward()
            self._scaler.unscale_(self._optimizer)
        else:
            told.backward()
        if self._clip is not None:
            nn.utils.clip_grad_norm_(params(self._optimizer), self._clip)
        if self._scaler:
            self._scaler.step(self._optimizer)
            self._scaler.update()
        else:
            self._optimizer.step()
        return told.detach()

    def settle(self, loss: Loss) -> int:
        """Lower a scaler's scale until a gradient is finite; give how often that took."""
        if not self._scaler:
            return 0
        return scaled.settle(self._model, self._optimizer, self._scaler, loss)

    def take(self) -> Snapshot:
        """Copy the run as it stands."""
        return Snapshot.of(self._kept, self._optimizer)

    def put(self, snapshot: Snapshot) -> None:
        """Go back to a copy."""
        snapshot.put(self._kept, self._optimizer)

    def try_update(self, loss: Loss, lr: float) -> float:
        """Give the loss that one update leaves on its own batch; take the update back."""
        start, random = self.take(), random_state()
        self.set_lr(lr)
        self.update(loss)
        set_random_state(random)
        with torch.no_grad():
            left = float(loss())
        self.put(start)
        set_random_state(random)
        return left

    def gain(self, before: Snapshot, told: Tensor, loss: Loss, random: dict[str, Any]) -> float:
        """Measure the gain ratio of the update just done, (L(w) - L(w + dw)) / (-g . dw).

        Args:
            before: the run before it.
            told: the loss before it.
            loss: computes it again.
            random: the random state it was computed with.
        """
        moved = zip(params(self._optimizer), before.weights, strict=False)
        parts = [((p.detach() - w) * p.grad).sum() for p, w in moved if p.grad is not None]
        buffers = [b.clone() for b in self._model.buffers()]
        drawn = random_state()
        set_random_state(random)
        with torch.no_grad():
            gained = told - loss()
            for buffer, kept in zip(self._model.buffers(), buffers, strict=True):
                buffer.copy_(kept)
        set_random_state(drawn)
        predicted, actual = torch.stack([-torch.stack(parts).sum(), gained]).tolist()
        resolved = math.isfinite(predicted) and abs(predicted) > 1e-6 * abs(float(told))
        return actual / predicted if resolved else 1.0
