"""Take the lr in hand, inside a user's own training loop.

    pilot = etude.autopilot(model, optimizer, total=updates)
    for inputs, targets in loader:
        loss = pilot.step(lambda: criterion(model(inputs), targets))

The stages and all numbers are in `etude.live.law`; `copies` carries out the range and the race,
`flight` what comes after.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from etude.controllers import Event
from etude.errors import WatchError
from etude.live import law
from etude.live.controls import Controls, Loss
from etude.live.copies import Plan, Race
from etude.live.flight import Flight
from etude.schedules import Schedule

_VERSION = 2


class Autopilot:
    """Drives one run's lr. Make one with `etude.autopilot`.

    Attributes:
        t: Updates done.
        events: All that was done, with what was seen.
        active: Whether it acts; `off` ends that.
    """

    def __init__(self, controls: Controls, plan: Plan, *, active: bool) -> None:
        self._controls, self._plan = controls, plan
        self.t = 0
        self.events: list[Event] = []
        self.active = active
        self._race = Race(controls, plan, self._note)
        self._flight: Flight | None = None

    @property
    def lr(self) -> float:
        """The lr of the first param group, before warmup and cooldown."""
        return self._flight.lr if self._flight else self._race.lr

    @property
    def forks(self) -> float:
        """What copies cost beyond the run itself, in updates; a forward pass is a third of one."""
        return self._race.forks

    def step(self, loss: Loss) -> Tensor:
        """Do one update: gradients, step, and what the lr needs; give the loss before it.

        Args:
            loss: computes the loss of this update's batch. It is called once an update, several
                times in the range and the race, and must do nothing else than compute.

        Raises:
            WatchError: the run is longer than planned.
        """
        if not self.active:
            return self._controls.update(loss)
        if self.t >= self._plan.total:
            raise WatchError(
                f"the autopilot plans {self._plan.total} updates and they are done; "
                "give it the total that the loop makes"
            )
        if self.t == 0:
            self._race.find_range(loss)
        told = self._race.step(loss) if self._race.on else self._fly(loss)
        self.t += 1
        return told

    def _fly(self, loss: Loss) -> Tensor:
        if self._flight is None:
            self._flight = Flight(self._controls, self._plan, self._note)
            self._flight.take_over(self._race.lr, self.t)
        return self._flight.step(loss, self.t)

    def off(self) -> None:
        """Let go: from now on `step` is a plain update, at the lr that the optimizer has then."""
        if self.active:
            self.active = False
            self._note("off", self.lr, self.lr, "it was switched off")

    def _note(self, kind: str, before: float, after: float, why: str) -> None:
        self.events.append(Event(self.t, kind, before, after, why))

    def state_dict(self) -> dict[str, Any]:
        """Give what a run needs to go on exactly, beside the states of all that it was given."""
        return {
            "version": _VERSION,
            "total": self._plan.total,
            "t": self.t,
            "active": self.active,
            "ratios": list(self._controls.ratios),
            "events": [asdict(event) for event in self.events],
            "race": self._race.state_dict(),
            "flight": None if self._flight is None else self._flight.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a saved state stopped; load the model's and the optimizer's states too.

        Raises:
            WatchError: the state is another's, or was saved for another number of updates.
        """
        total = self._plan.total
        if state.get("version") != _VERSION or state.get("total") != total:
            raise WatchError(
                f"the state must be of an autopilot of {total} updates (version {_VERSION}), "
                f"got one of {state.get('total')} (version {state.get('version')})"
            )
        self.t, self.active = state["t"], state["active"]
        self._controls.ratios = list(state["ratios"])
        self.events = [Event(**event) for event in state["events"]]
        self._race.load_state_dict(state["race"])
        self._flight = None
        if state["flight"] is not None:
            self._flight = Flight(self._controls, self._plan, self._note)
            self._flight.load_state_dict(state["flight"])


def autopilot(
    model: nn.Module,
    optimizer: Optimizer,
    *,
    total: int,
    min_lr: float = 1e-6,
    max_lr: float = 10.0,
    share: float = 0.5,
    cooldown: Schedule | None = None,
    clip: float | None = None,
    floor: bool = True,
    active: bool = True,
    scaler: Any = None,
) -> Autopilot:
    """Find, hold, lower and cool down the lr of a run while it trains.

    Args:
        model: the model that trains.
        optimizer: its optimizer; the lrs of its param groups give their ratios only.
        total: updates of the run.
        min_lr: the lowest lr that is tried or held, of the first group; the cooldown goes below it.
        max_lr: the highest lr that is tried.
        share: what copies may cost beside the run, as a share of its updates.
        cooldown: an open schedule from 1 on; None: a line, `law.COOLDOWN`.
        clip: norm to which gradients are clipped; None: not at all.
        floor: lower the lr too where the loss stands and gradients cancel (`live.floor`).
        active: False: `step` is a plain update.
        scaler: the run's `GradScaler`, which `step` then uses; the loss is given unscaled.

    Raises:
        WatchError: a number is out of range.
    """
    if not isinstance(total, int) or total < 1:
        raise WatchError(f"total must be the run's number of updates, at least 1, got {total!r}")
    if not 0 < min_lr <= max_lr < math.inf:
        raise WatchError(f"0 < min_lr <= max_lr must hold, got {min_lr!r} and {max_lr!r}")
    if not 0 <= share < math.inf:
        raise WatchError(f"share must be 0 or more, a part of the run's updates, got {share!r}")
    shape = law.COOLDOWN if cooldown is None else cooldown
    plan = Plan(total, min_lr, max_lr, share, shape, floor)
    return Autopilot(Controls(model, optimizer, clip, scaler), plan, active=active)
