"""Take the lr in hand, inside a user's own training loop.

    pilot = etude.autopilot(model, optimizer, total=updates)
    for inputs, targets in loader:
        loss = pilot.step(lambda: criterion(model(inputs), targets))

The stages and all numbers are in `etude.live.law`; here they are carried out. Copies of the run
take turns in the user's own model and optimizer, on the batch that the loop has just drawn, so that
nothing is asked of the data and no update of the copy that wins is lost.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from etude.controllers import Event, stability
from etude.errors import WatchError
from etude.live import law, scaled
from etude.live.snapshot import Snapshot, params, tensors
from etude.schedules import Schedule, linear
from etude.tasks.seeds import random_state, set_random_state

Loss = Callable[[], Tensor]
BLOCK = 10
"""Updates whose losses are read from the device together, once the race is over."""
USUAL = 50
"""Losses that say what is usual."""
FORWARD = 1 / 3
"""Cost of a forward pass, in updates."""
_VERSION = 1


@dataclass(slots=True, eq=False)
class Lane:
    """A copy of the run at its own rate."""

    lr: float
    at: Snapshot
    warm: int = 0
    """Updates of its warmup that are done."""
    held: bool = False
    """Does the last gain ratio hold its warmup?"""
    losses: list[float] = field(default_factory=list)
    """Of this round."""


class Autopilot:
    """Drives one run's lr. Make one with `etude.autopilot`.

    Attributes:
        t: Updates done.
        lr: The lr of the first param group, before warmup and cooldown.
        forks: What copies cost beyond the run itself, in updates; a forward pass is a third of one.
        events: All that was done, with what was seen.
        active: Whether it acts; `off` ends that.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        *,
        total: int,
        min_lr: float,
        max_lr: float,
        share: float,
        cooldown: Schedule,
        clip: float | None,
        active: bool,
        scaler: Any,
    ) -> None:
        self._scaler = scaler if scaler is not None and scaler.is_enabled() else None
        kept = model if self._scaler is None else scaled.Scaled(model, optimizer, scaler)
        self._model, self._optimizer, self._bare = kept, optimizer, model
        self._total, self._low, self._high = total, min_lr, max_lr
        self._share, self._clip = share, clip
        self._shape = cooldown
        self._ratios = _ratios(optimizer)
        self.t = 0
        self.lr = float(optimizer.param_groups[0]["lr"])
        self.forks = 0.0
        self.events: list[Event] = []
        self.active = active
        self._lanes: list[Lane] = []
        self._rounds: list[int] = []
        self._round = 0
        self._cooling_from = 0
        self._factor = 1.0
        self._losses: list[float] = []  # since the lr was last changed
        self._waiting: list[Tensor] = []
        self._usual: tuple[float, ...] = ()
        self._good: Snapshot | None = None
        self._unproved: Snapshot | None = None  # good, if the next block is
        self._sum: list[Tensor] = []  # of the gradients since then
        self._squares = torch.zeros(())  # of their norms, summed

    def step(self, loss: Loss) -> Tensor:
        """Do one update: gradients, step, and what the lr needs; give the loss before it.

        Args:
            loss: computes the loss of this update's batch. It is called once an update, several
                times in the range and the race, and must do nothing else than compute.

        Raises:
            WatchError: the run is longer than planned.
        """
        if not self.active:
            return self._update(loss)
        if self.t >= self._total:
            raise WatchError(
                f"the autopilot plans {self._total} updates and they are done; "
                "give it the total that the loop makes"
            )
        if self.t == 0 and not self._lanes:
            self._find_range(loss)
        told = self._race(loss) if self._lanes else self._fly(loss)
        self.t += 1
        return told

    def off(self) -> None:
        """Let go: from now on `step` is a plain update, at the lr that the optimizer has then."""
        if self.active:
            self.active = False
            self._note("off", self.lr, self.lr, "it was switched off")

    def _find_range(self, loss: Loss) -> None:
        """Try one update at each rate, take each back, and set up the race."""
        if self._scaler is not None:
            self.forks += scaled.settle(self._bare, self._optimizer, self._scaler, loss)
        start, random = Snapshot.of(self._model, self._optimizer), random_state()
        seen: dict[float, float] = {}
        for lr in law.rates_between(self._low, self._high):
            self._set(lr)
            self._update(loss)
            set_random_state(random)
            with torch.no_grad():
                seen[lr] = float(loss())
            start.put(self._model, self._optimizer)
            set_random_state(random)
            self.forks += 1 + FORWARD
        top = law.top_of(seen)
        self._note("range", self.lr, top, f"one update left the loss {_listed(seen)}")
        self._rounds = law.round_lengths(
            self._share * self._total - self.forks - _gates(self._total)
        )
        if not self._rounds:
            self._choose(max(top * law.WITHOUT_RACE, self._low), "the budget buys no race")
            return
        rates = law.lane_rates(top, self._low)
        self._lanes = [Lane(lr, start) for lr in rates]
        self.lr = rates[0]

    def _race(self, loss: Loss) -> Tensor:
        """Train every copy on this batch; the last one's model stays, until the round ends."""
        random = random_state()
        told: list[Tensor] = []
        for lane in self._lanes:
            set_random_state(random)
            told.append(self._train(lane, loss))
        self.forks += len(self._lanes) - 1
        for lane, value in zip(self._lanes, torch.stack(told).tolist(), strict=True):
            lane.losses.append(value)
        best = min(range(len(told)), key=lambda n: law.score(self._lanes[n].losses))
        if len(self._lanes[0].losses) >= self._rounds[self._round]:
            self._end_round()
        else:
            self._lanes[best].at.put(self._model, self._optimizer)
        return told[best]

    def _train(self, lane: Lane, loss: Loss) -> Tensor:
        """Do one update of a copy, and look whether its warmup may go on."""
        lane.at.put(self._model, self._optimizer)
        multiplier = law.warm(lane.warm, self._total)
        self._set(lane.lr * multiplier)
        random = random_state()
        told = self._update(loss)
        if multiplier < 1:
            if lane.warm % law.GATE_EVERY == 0:
                rho = self._gain(lane.at, told, loss, random)
                lane.held = rho < law.GATE
            lane.warm += not lane.held
        lane.at = Snapshot.of(self._model, self._optimizer)
        return told

    def _gain(self, before: Snapshot, told: Tensor, loss: Loss, random: dict[str, Any]) -> float:
        """Measure the gain ratio of the update just done."""
        trained = params(self._optimizer)
        moved = zip(trained, before.weights, strict=False)
        parts = [((p.detach() - w) * p.grad).sum() for p, w in moved if p.grad is not None]
        buffers = [b.clone() for b in self._model.buffers()]
        drawn = random_state()
        set_random_state(random)
        with torch.no_grad():
            gained = told - loss()
            for buffer, kept in zip(self._model.buffers(), buffers, strict=True):
                buffer.copy_(kept)
        set_random_state(drawn)
        self.forks += FORWARD
        predicted, actual = torch.stack([-torch.stack(parts).sum(), gained]).tolist()
        resolved = abs(predicted) > 1e-6 * abs(float(told))
        return actual / predicted if resolved else 1.0

    def _end_round(self) -> None:
        """Keep the better copies, or choose the best."""
        for lane in self._lanes:  # a warmup that was held shows which rate was really trained
            lane.lr *= law.warm(lane.warm - 1, self._total) if lane.held else 1.0
        scores = {n: law.score(lane.losses) for n, lane in enumerate(self._lanes)}
        order = sorted(scores, key=lambda n: (scores[n], self._lanes[n].lr))
        seen = {self._lanes[n].lr: scores[n] for n in scores}
        self._round += 1
        best = self._lanes[order[0]]
        best.at.put(self._model, self._optimizer)
        why = f"after {self.t + 1} updates copies stood at {_listed(seen)} (log loss)"
        if self._round == len(self._rounds) or len(self._lanes) == 1:
            self._lanes = []
            self._choose(max(best.lr, self._low), why)
            return
        kept = order[: law.LANES[self._round]]
        self._note("race", self.lr, best.lr, why)
        self.lr = best.lr
        self._lanes = [self._lanes[n] for n in kept]
        for lane in self._lanes:
            lane.losses.clear()

    def _choose(self, lr: float, why: str) -> None:
        """Settle on a rate, and plan the cooldown from here."""
        self._note("choose", self.lr, lr, why)
        self.lr = lr
        self._cooling_from = max(self.t + 1, round(law.HOLD * self._total))
        self._good = Snapshot.of(self._model, self._optimizer)

    def _fly(self, loss: Loss) -> Tensor:
        """Do one update at the chosen rate, and look at the losses now and then."""
        if self.t == self._cooling_from:
            lr = self.lr * self._factor
            self._note("cooldown", lr, lr, f"{self._total - self.t} updates are left")
        self._set(self.lr * self._factor * self._multiplier())
        told = self._update(loss)
        self._waiting.append(told)
        self._add_up()
        if len(self._waiting) >= BLOCK:
            self._look()
        return told

    def _multiplier(self) -> float:
        left = self._total - self._cooling_from
        if self.t < self._cooling_from or left < 1:
            return 1.0
        return self._shape.bind(left)(self.t - self._cooling_from)

    def _look(self) -> None:
        """Read the losses of a block: roll back, lower, or remember the run as good."""
        block = torch.stack(self._waiting).tolist() if self._waiting else []
        self._waiting = []
        trouble = self._trouble(block)
        if trouble is not None:
            self._roll_back(trouble)
            return
        self._losses += block
        for value in block:
            self._usual = stability.remember(self._usual, value, USUAL)
        if not any(self._jumped(value) for value in block[BLOCK // 2 :]):
            self._good = self._unproved or self._good
            self._unproved = Snapshot.of(self._model, self._optimizer)
        if len(self._losses) >= 2 * law.window(self._total):
            self._judge_window()

    def _add_up(self) -> None:
        """Add this update's gradient to those since the lr was last judged."""
        grads = [p.grad for p in params(self._optimizer) if p.grad is not None]
        grads = grads if self._scaler is None else scaled.finite(grads)
        if len(grads) != len(self._sum):
            self._sum = [torch.zeros_like(grad) for grad in grads]
            self._squares = torch.zeros_like(self._squares, device=grads[0].device)
        for so_far, grad in zip(self._sum, grads, strict=True):
            so_far.add_(grad)
        self._squares += _square(grads)

    def _judge_window(self) -> None:
        """Lower the lr where the loss stands and the gradients cancel: the noise floor."""
        count, z = len(self._losses), law.falls(self._losses)
        net = float(_square(self._sum) / self._squares)
        self._losses, self._sum = [], []
        self._squares = torch.zeros_like(self._squares)
        if z < law.FALLS and net < law.CANCEL:
            self._lower(
                "plateau",
                law.LOWER,
                f"over {count} updates the loss fell by {z:.2f} standard errors, and their "
                f"gradients cancel: |sum|^2 is {net:.2f} of the sum of squares",
            )

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
        if self._good is not None:
            self._good.put(self._model, self._optimizer)
        self._unproved = None
        self._lower("rollback", law.BACK, why)

    def _lower(self, kind: str, factor: float, why: str) -> None:
        before = self.lr * self._factor
        after = max(before * factor, min(self._low, before))
        self._factor = after / self.lr
        self._losses, self._sum = [], []
        self._squares = torch.zeros_like(self._squares)
        self._note(kind, before, after, why)

    def _update(self, loss: Loss) -> Tensor:
        """Do a plain update."""
        self._optimizer.zero_grad()
        told = loss()
        if self._scaler is None:
            told.backward()
        else:
            self._scaler.scale(told).backward()
            self._scaler.unscale_(self._optimizer)
        if self._clip is not None:
            nn.utils.clip_grad_norm_(params(self._optimizer), self._clip)
        if self._scaler is None:
            self._optimizer.step()
        else:
            self._scaler.step(self._optimizer)
            self._scaler.update()
        return told.detach()

    def _set(self, lr: float) -> None:
        for group, ratio in zip(self._optimizer.param_groups, self._ratios, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(lr * ratio)
            else:
                group["lr"] = lr * ratio

    def _note(self, kind: str, before: float, after: float, why: str) -> None:
        self.events.append(Event(self.t, kind, before, after, why))

    def state_dict(self) -> dict[str, Any]:
        """Give what a run needs to go on exactly, beside the states of all that it was given."""
        self._look_early()
        return {
            "version": _VERSION,
            "total": self._total,
            **{name: getattr(self, name) for name in _PLAIN},
            "events": [asdict(event) for event in self.events],
            "lanes": [{**_plain(lane), "at": lane.at.as_state()} for lane in self._lanes],
            "good": None if self._good is None else self._good.as_state(),
            "unproved": None if self._unproved is None else self._unproved.as_state(),
            "waiting": [float(value) for value in self._waiting],
            "sum": [each.clone() for each in self._sum],
            "squares": self._squares.clone(),
        }

    def _look_early(self) -> None:
        """Bring waiting losses to the host; they are looked at when their block is full."""
        self._waiting = [torch.tensor(v) for v in (w.item() for w in self._waiting)]

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a saved state stopped; load the model's and the optimizer's states too.

        Raises:
            WatchError: the state is another's, or was saved for another number of updates.
        """
        if state.get("version") != _VERSION or state.get("total") != self._total:
            raise WatchError(
                f"the state must be of an autopilot of {self._total} updates (version {_VERSION}), "
                f"got one of {state.get('total')} (version {state.get('version')})"
            )
        for name in _PLAIN:
            value = state[name]
            setattr(self, name, list(value) if isinstance(value, list) else value)
        self.events = [Event(**event) for event in state["events"]]
        self._lanes = [
            Lane(
                lane["lr"],
                Snapshot.from_state(lane["at"]),
                lane["warm"],
                lane["held"],
                list(lane["losses"]),
            )
            for lane in state["lanes"]
        ]
        good, unproved = state["good"], state["unproved"]
        self._good = None if good is None else Snapshot.from_state(good)
        self._unproved = None if unproved is None else Snapshot.from_state(unproved)
        self._sum = [each.clone() for each in state["sum"]]
        self._squares = state["squares"].clone()
        device = tensors(self._model, self._optimizer)[0].device
        self._waiting = [torch.tensor(value, device=device) for value in state["waiting"]]


_PLAIN = (
    "t",
    "lr",
    "forks",
    "active",
    "_ratios",
    "_rounds",
    "_round",
    "_cooling_from",
    "_factor",
    "_losses",
    "_usual",
)


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
        cooldown: an open schedule from 1 on; None: a line to 0.
        clip: norm to which gradients are clipped; None: not at all.
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
    return Autopilot(
        model,
        optimizer,
        total=total,
        min_lr=min_lr,
        max_lr=max_lr,
        share=share,
        cooldown=linear() if cooldown is None else cooldown,
        clip=clip,
        active=active,
        scaler=scaler,
    )


def _gates(total: int) -> float:
    """Give what measuring gain ratios in the warmups will cost, in updates."""
    return law.LANES[0] * math.ceil(law.WARMUP * total / law.GATE_EVERY) * FORWARD


def _ratios(optimizer: Optimizer) -> list[float]:
    """Give each group's lr over the first one's."""
    lrs = [float(group["lr"]) for group in optimizer.param_groups]
    if not lrs[0] > 0:
        raise WatchError(f"the first param group's lr must be more than 0, got {lrs[0]:g}")
    return [lr / lrs[0] for lr in lrs]


def _square(tensors: list[Tensor]) -> Tensor:
    """Give the squared 2-norm of all tensors as one vector."""
    return torch.stack([tensor.float().square().sum() for tensor in tensors]).sum()


def _plain(lane: Lane) -> dict[str, Any]:
    return {"lr": lane.lr, "warm": lane.warm, "held": lane.held, "losses": list(lane.losses)}


def _listed(seen: Mapping[float, float]) -> str:
    """Write what was seen at each rate: `0.01: 2.1, 0.03: 1.9`."""
    return ", ".join(f"{lr:.2g}: {value:.4g}" for lr, value in sorted(seen.items()))
