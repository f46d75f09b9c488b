"""The run at its chosen lr: hold, cooldown, the noise floor, and the way back from a divergence."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from etude.controllers import stability
from etude.live import law
from etude.live.controls import Controls, Loss
from etude.live.copies import Note, Plan
from etude.live.floor import Floor
from etude.live.snapshot import Snapshot

BLOCK = 10
"""Updates whose losses are read from the device together."""
USUAL = 50
"""Losses that say what is usual."""


class Flight:
    """Flies a run from the end of the race to its own end.

    Attributes:
        lr: The rate that is held, and from which the cooldown starts.
    """

    def __init__(self, controls: Controls, plan: Plan, note: Note) -> None:
        self._controls, self._plan, self._note = controls, plan, note
        self.lr = 0.0
        self._ceiling = math.inf  # of the lr, once the noise floor was met
        self._cooling_from = 0
        self._floor = Floor(plan.total) if plan.floor else None
        self._waiting: list[Tensor] = []
        self._usual: tuple[float, ...] = ()
        self._good: Snapshot | None = None
        self._unproved: Snapshot | None = None  # good, if the next block is

    def take_over(self, lr: float, t: int) -> None:
        """Begin at a rate and an update, from the weights that are there."""
        self.lr = lr
        self._cooling_from = max(t, law.cooling_from(self._plan.total))
        self._good = self._controls.take()

    def step(self, loss: Loss, t: int) -> Tensor:
        """Do one update, and look at the losses now and then."""
        if t == self._cooling_from:
            self._note("cooldown", self.lr, self.lr, f"{self._plan.total - t} updates are left")
        self._controls.set_lr(min(self.lr * self._multiplier(t), self._ceiling))
        told = self._controls.update(loss)
        self._waiting.append(told)
        if self._floor is not None:
            self._floor.add_up(self._controls.grads)
        if len(self._waiting) >= BLOCK:
            self._look()
        return told

    def _multiplier(self, t: int) -> float:
        left = self._plan.total - self._cooling_from
        if t < self._cooling_from or left < 1:
            return 1.0
        return self._plan.cooldown.bind(left)(t - self._cooling_from)

    def _look(self) -> None:
        """Read the losses of a block: roll back, lower, or remember the run as good."""
        block = torch.stack(self._waiting).tolist()
        self._waiting = []
        trouble = self._trouble(block)
        if trouble is not None:
            self._roll_back(trouble)
            return
        for value in block:
            self._usual = stability.remember(self._usual, value, USUAL)
        if not any(self._jumped(value) for value in block[BLOCK // 2 :]):
            self._good = self._unproved or self._good
            self._unproved = self._controls.take()
        seen = self._floor.met(block) if self._floor is not None else None
        if seen is not None:
            self._lower(seen)

    def _lower(self, why: str) -> None:
        """Keep the lr below what it was; the cooldown takes over where it is lower still."""
        before = self._controls.lr
        after = max(before * law.LOWER, self._plan.low)
        if after < before:
            self._ceiling = after
            self._note("plateau", before, after, why)

    def _trouble(self, block: list[float]) -> str | None:
        """Say what is wrong with a block: a loss that is not finite, or a level that jumped."""
        for value in block:
            if not math.isfinite(value):
                return f"the loss is {value}"
        late = sorted(block[BLOCK // 2 :])
        return self._jumped(late[len(late) // 2])

    def _jumped(self, loss: float) -> str | None:
        """Say what is wrong with a loss beside the usual ones; one below 0 has no logarithm."""
        if loss < 0:
            return None
        return stability.spike(self._usual, loss, ratio=2.0, spread=8.0, kind="the autopilot")

    def _roll_back(self, why: str) -> None:
        """Put the last good weights back and lower the lr."""
        if self._good is not None:
            self._controls.put(self._good)
        self._unproved = None
        if self._floor is not None:
            self._floor.forget()
        before, self.lr = self.lr, max(self.lr * law.BACK, min(self._plan.low, self.lr))
        self._ceiling = max(self._ceiling * law.BACK, self._plan.low)
        self._note("rollback", before, self.lr, why)

    def state_dict(self) -> dict[str, Any]:
        """Give what the flight needs to go on exactly."""
        # Waiting losses come to the host; they are looked at when their block is full.
        self._waiting = [torch.tensor(value) for value in (each.item() for each in self._waiting)]
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "good": None if self._good is None else self._good.as_state(),
            "unproved": None if self._unproved is None else self._unproved.as_state(),
            "waiting": [float(value) for value in self._waiting],
            "floor": None if self._floor is None else self._floor.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a saved state stopped."""
        for name in _PLAIN:
            setattr(self, name, state[name])
        good, unproved = state["good"], state["unproved"]
        self._good = None if good is None else Snapshot.from_state(good)
        self._unproved = None if unproved is None else Snapshot.from_state(unproved)
        if self._floor is not None and state["floor"] is not None:
            self._floor.load_state_dict(state["floor"])
        device = self._controls.device
        self._waiting = [torch.tensor(value, device=device) for value in state["waiting"]]


_PLAIN = ("lr", "_ceiling", "_cooling_from", "_usual")
