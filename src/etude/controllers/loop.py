"""A run's controllers at work: their states, and what they did."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from etude.controllers.base import Controller, Event, State
from etude.errors import ScheduleError


class Loop:
    """Feeds controllers and keeps their states and the log of events; knows no optimizer.

    Attributes:
        controllers: The laws.
        states: Each one's state.
        events: What they did, in order.
    """

    def __init__(self, controllers: tuple[Controller, ...]) -> None:
        self.controllers = controllers
        self.states: list[State] = [controller.start() for controller in controllers]
        self.events: list[Event] = []

    def watches(self, watched: str) -> bool:
        """Say whether a controller watches the `loss` or the `metric`."""
        return any(law.watches == watched for law in self.controllers)

    def observe(self, t: int, watched: str, value: Any) -> None:
        """Give an observation to each controller that watches it.

        Args:
            t: The update that it belongs to.
            watched: `loss` or `metric`.
            value: What was observed; also a tensor of one element.

        Raises:
            ScheduleError: No controller watches it, or it is no number.
        """
        watching = [i for i, law in enumerate(self.controllers) if law.watches == watched]
        if not watching:
            others = ", ".join(f"{law.kind} watches the {law.watches}" for law in self.controllers)
            raise ScheduleError(
                f"no controller watches a {watched} ({others or 'there is none'}); give a metric "
                "to scheduler.step(metric) and each update's loss to scheduler.observe(loss)"
            )
        number = _number(watched, value)
        for i in watching:
            law, before = self.controllers[i], self.states[i]
            self.states[i], why = law.step(before, number)
            if why is not None:
                after = self.states[i].multiplier
                self.events.append(Event(t, law.kind, before.multiplier, after, why))

    def multiplier(self, group: int) -> float:
        """Give the product of what steers a param group."""
        value = 1.0
        for law, state in zip(self.controllers, self.states, strict=True):
            if law.steers(group):
                value *= state.multiplier
        return value

    @property
    def stopped(self) -> bool:
        """Whether a controller has stopped training: its multiplier is 0."""
        return any(state.multiplier == 0 for state in self.states)

    def to_json(self) -> dict[str, Any]:
        """Give the states and the events as JSON holds them."""
        return {
            "states": [state.to_json() for state in self.states],
            "events": [asdict(event) for event in self.events],
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take up the states and events that `to_json` gave for the same laws."""
        pairs = zip(self.states, data.get("states", []), strict=True)
        self.states = [type(state).from_json(saved) for state, saved in pairs]
        self.events = [Event(**event) for event in data.get("events", [])]


def _number(watched: str, value: Any) -> float:
    try:
        # a tensor that has a graph warns when it is made a float
        return float(value.item() if hasattr(value, "item") else value)
    except (RuntimeError, TypeError, ValueError):
        raise ScheduleError(
            f"a {watched} must be one number, got {value!r}; average it first"
        ) from None
