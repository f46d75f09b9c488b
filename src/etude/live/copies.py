"""The range and the race: copies of a run take turns in the user's own model and optimizer.

They train on the batch that the loop has just drawn, so that nothing is asked of the data and no
update of the copy that wins is lost. All numbers are in `etude.live.law`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from etude.diagnosis.valley import bottom, extrapolate
from etude.live import law
from etude.live.controls import FORWARD, Controls, Loss
from etude.live.snapshot import Snapshot
from etude.schedules import Schedule
from etude.tasks.seeds import random_state, set_random_state

Note = Callable[[str, float, float, str], None]
"""Logs an action: its kind, the lr before and after, and what was seen."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the user asked for; `etude.autopilot` has the words."""

    total: int
    low: float
    high: float
    share: float
    cooldown: Schedule
    floor: bool


@dataclass(slots=True, eq=False)
class Lane:
    """A copy of the run at its own rate."""

    lr: float
    at: Snapshot
    warm: int = 0
    """Updates of its warmup that are done."""
    held: bool = False
    """Does the last gain ratio hold its warmup?"""
    full: float = 0.0
    """Updates done, each counted as its part of the full rate."""
    losses: list[float] = field(default_factory=list)
    """Of this round."""

    def rate(self, updates: int) -> float:
        """Give the mean lr of its updates: a warmup, and one that is held, bring it down."""
        return self.lr * self.full / updates


class Race:
    """Finds the rate of a run within its first updates.

    Attributes:
        lr: The rate that leads, and after the race the one to go on with.
        forks: What copies cost beyond the run itself, in updates.
        on: Are there copies?
    """

    def __init__(self, controls: Controls, plan: Plan, note: Note) -> None:
        self._controls, self._plan, self._note = controls, plan, note
        self.lr = controls.lr
        self.forks = 0.0
        self._lanes: list[Lane] = []
        self._rounds: list[int] = []
        self._done = 0
        self._bests: list[tuple[int, float]] = []  # updates done, and the rate best then

    @property
    def on(self) -> bool:
        """Are there copies?"""
        return bool(self._lanes)

    def find_range(self, loss: Loss) -> None:
        """Try one update at each rate, take each back, and set up the copies."""
        self.forks += self._controls.settle(loss)
        rates = law.rates_between(self._plan.low, self._plan.high)
        seen = {lr: self._controls.try_update(loss, lr) for lr in rates}
        self.forks += (1 + FORWARD) * len(rates)
        top = law.top_of(seen)
        self._note("range", self.lr, top, f"one update left the loss {_listed(seen)}")
        total = self._plan.total
        self._rounds = law.round_lengths(self._plan.share * total - self.forks - _gates(total))
        if not self._rounds:
            self._choose(top * law.WITHOUT_RACE, "the budget buys no race")
            return
        start = self._controls.take()
        self._lanes = [Lane(lr, start) for lr in law.lane_rates(top, self._plan.low)]
        self.lr = self._lanes[0].lr

    def step(self, loss: Loss) -> Tensor:
        """Train every copy on this batch; the best one's model stays."""
        random = random_state()
        told: list[Tensor] = []
        for lane in self._lanes:
            set_random_state(random)
            told.append(self._train(lane, loss))
        self._done += 1
        self.forks += len(self._lanes) - 1
        for lane, value in zip(self._lanes, torch.stack(told).tolist(), strict=True):
            lane.losses.append(value)
        levels = [law.score(lane.losses) for lane in self._lanes]
        best = min(range(len(told)), key=lambda n: (levels[n], self._lanes[n].lr))
        self._controls.put(self._lanes[best].at)
        if len(self._lanes[0].losses) >= self._rounds[len(self._bests)]:
            self._end_round(best, levels)
        return told[best]

    def _train(self, lane: Lane, loss: Loss) -> Tensor:
        """Do one update of a copy, and look whether its warmup may go on."""
        self._controls.put(lane.at)
        multiplier = law.warm(lane.warm, self._plan.total)
        self._controls.set_lr(lane.lr * multiplier)
        random = random_state()
        told = self._controls.update(loss)
        if multiplier < 1:
            if lane.warm % law.GATE_EVERY == 0:
                lane.held = self._controls.gain(lane.at, told, loss, random) < law.GATE
                self.forks += FORWARD
            lane.warm += not lane.held
        lane.full += multiplier
        lane.at = self._controls.take()
        return told

    def _end_round(self, best: int, levels: list[float]) -> None:
        """Keep the best copy and those below it, or choose."""
        rates = [lane.rate(self._done) for lane in self._lanes]
        leading = self._lanes[best]
        tied = [
            rate
            for lane, rate in zip(self._lanes, rates, strict=True)
            if lane.lr < leading.lr and law.ties(lane.losses, leading.losses)
        ]
        self._bests.append((self._done, min(tied, default=bottom(rates, levels))))
        seen = _listed(dict(zip(rates, levels, strict=True)))
        why = f"after {self._done} updates copies stood at {seen} (log loss)"
        if len(self._bests) == len(self._rounds) or len(self._lanes) == 1:
            self._lanes = []
            length = law.horizon(self._plan.total, self._plan.cooldown)
            best_then = ", ".join(f"{lr:.2g} after {updates}" for updates, lr in self._bests)
            self._choose(extrapolate(self._bests, length), f"{why}; best was {best_then}")
            return
        leader = self._lanes[best].lr
        self._note("race", self.lr, leader, why)
        self.lr = leader
        below = sorted((lane for lane in self._lanes if lane.lr <= leader), key=_lr, reverse=True)
        self._lanes = below[: law.LANES[len(self._bests)]]
        for lane in self._lanes:
            lane.losses.clear()

    def _choose(self, lr: float, why: str) -> None:
        """Settle on a rate within the limits."""
        lr = max(lr, self._plan.low)
        self._note("choose", self.lr, lr, why)
        self.lr = lr

    def state_dict(self) -> dict[str, Any]:
        """Give what the race needs to go on exactly."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "lanes": [{**_plain(lane), "at": lane.at.as_state()} for lane in self._lanes],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a saved state stopped."""
        for name in _PLAIN:
            value = state[name]
            setattr(self, name, list(value) if isinstance(value, list) else value)
        self._lanes = [
            Lane(**{**lane, "at": Snapshot.from_state(lane["at"]), "losses": list(lane["losses"])})
            for lane in state["lanes"]
        ]


_PLAIN = ("lr", "forks", "_rounds", "_done", "_bests")


def _gates(total: int) -> float:
    """Give what measuring gain ratios in the warmups will cost, in updates."""
    return law.LANES[0] * math.ceil(law.WARMUP * total / law.GATE_EVERY) * FORWARD


def _lr(lane: Lane) -> float:
    return lane.lr


def _plain(lane: Lane) -> dict[str, Any]:
    names = ("lr", "warm", "held", "full")
    return {name: getattr(lane, name) for name in names} | {"losses": list(lane.losses)}


def _listed(seen: Mapping[float, float]) -> str:
    """Write what was seen at each rate: `0.01: 2.1, 0.03: 1.9`."""
    return ", ".join(f"{lr:.2g}: {value:.4g}" for lr, value in sorted(seen.items()))
