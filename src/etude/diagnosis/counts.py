"""What was counted of a run: what the rules of `etude.diagnosis.counting` are asked about."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchedulerCounts:
    """What one scheduler was seen to do."""

    name: str
    """Its class."""
    ours: bool
    """Whether it drives the watched optimizer."""
    steps: int
    """Calls of `step` so far, those before the watch began included."""
    early: int
    """Calls before the first update."""
    every: float | None
    """Updates between two calls, on average; None while there were fewer than two."""
    most: int
    """Most calls between two updates."""
    length: int | None
    """Steps until its shape ends; None where it has no end or none that can be read."""
    acts_at: int | None = None
    """Steps until it first changes the lr, where it waits for that; None where it does not."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of a run so far."""

    updates: int
    """Updates of the weights, those before the watch began included."""
    losses: int
    """Losses told since the watch began."""
    watched: int
    """Updates since the watch began."""
    skipped: int
    """Updates that a gradient scaler skipped."""
    total: int | None
    """Updates planned; None where nobody said."""
    epoch: int | None
    """Updates in an epoch; None where nobody said."""
    schedulers: tuple[SchedulerCounts, ...] = ()
    changed: int = 0
    """Updates whose lr was none that a scheduler had set."""
    changed_at: int = 0
    """The first of them."""
    ended: bool = False
