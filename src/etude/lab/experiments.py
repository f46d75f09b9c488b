"""Experiments under way, as lists of events that can be heard from any place, any number of times.

Each event has a number, says by itself what it is about, and changes nothing when it is heard
again: so a page that was reloaded, or whose connection broke, goes on where it was.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from etude.lab.orders import Order
from etude.lab.setup import Setup

QUEUED, RUNNING, ENDED, FAILED = "queued", "running", "ended", "failed"


@dataclass(eq=False, slots=True)
class Experiment:
    """One experiment: what was ordered, its events so far, and its answer once it has one."""

    order: Order
    state: str = QUEUED
    events: list[dict[str, Any]] = field(default_factory=list)
    answer: Any = None
    """A `Comparison`; of a fork test a `Probe`; of a replay the curriculum's answers; of a
    variation the variant."""
    trouble: str = ""
    """Why it has no answer, in one sentence."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in (ENDED, FAILED)

    def hear(self, message: dict[str, Any]) -> None:
        """Take a worker's message in; called in the server's own thread."""
        kind = message["type"]
        if kind == "answer":
            self.answer, self.state = message["answer"], ENDED
            message = {"type": "answer"}
        elif kind in ("failed", "stopped"):
            self.trouble, self.state = message.get("message", "stopped: nothing was kept"), FAILED
            message = {"type": "failed", "message": self.trouble}
        elif kind == "ended":
            message = message | {
                "loss": message["loss"] if math.isfinite(message["loss"]) else None
            }
        self.events.append(message)
        self._wake()

    def begin(self) -> None:
        """Note that a worker has taken it."""
        self.state = RUNNING
        if isinstance(self.order, Setup):
            self.hear(begun(self.order.reach, self.order.runs))

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(self, after: int, closing: asyncio.Event) -> AsyncIterator[tuple[int, Any]]:
        """Give the events from a number on as they come, until the last one or the server closes.

        Args:
            after: the number of the last event that was heard; -1 hears all.
            closing: set when the server shuts down.
        """
        at = max(after + 1, 0)
        while True:
            while at < len(self.events):
                yield at, self.events[at]
                at += 1
            if self.over or closing.is_set():
                return
            await _first(self._news, closing)


def begun(updates: int, runs: Sequence[tuple[str, str, int]]) -> dict[str, Any]:
    """Give the event that names the runs: a key, what a line is called, the seed of each."""
    named = [{"run": key, "name": name, "seed": seed} for key, name, seed in runs]
    return {"type": "begun", "updates": updates, "runs": named}


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of several events is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
