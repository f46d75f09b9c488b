"""What a schedule's curve says about it: its numbers, and what would surprise its user.

Everything here is read off the curve, so that neither the docs nor the command line can claim
what is not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from etude.schedules.base import Schedule

SAME = 1e-9
"""Multipliers that differ by less are the same: far below a rate that anyone would choose."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A schedule over a run in a few numbers, as multipliers.

    Attributes:
        updates: Length of the run.
        first: At update 0.
        last: At the last update.
        highest: The highest.
        peak_at: The first update that has it.
        area: The sum over all updates: how many updates at the peak lr it is worth.
    """

    updates: int
    first: float
    last: float
    highest: float
    peak_at: int
    area: float


def summarise(multipliers: Sequence[float]) -> Summary:
    """Give the numbers of a run's multipliers, in order."""
    many, highest = multipliers, max(multipliers)
    return Summary(len(many), many[0], many[-1], highest, many.index(highest), sum(many))


def traits(schedule: Schedule, updates: int, *, end: int | None = None) -> tuple[str, ...]:
    """Say what is unusual about the multipliers of a bound schedule, one sentence each.

    Args:
        schedule: The schedule.
        updates: Length of the run.
        end: The update at which the schedule is meant to be over; left out, its own length.
    """
    rule = schedule.rule()
    values = [rule(t) for t in range(updates)]
    length = schedule.length if end is None else end
    found = [_idle_start(values), _missed_peak(values)]
    if end is not None:
        found.append(_rise_after_end(schedule, updates, end))
    if isinstance(length, int) and length > updates:
        found.append(f"longer than the run: it ends at update {length}, the run at {updates}")
    return tuple(filter(None, found))


def _idle_start(values: list[float]) -> str:
    idle = next((t for t, value in enumerate(values) if value > SAME), len(values))
    if idle == 0:
        return ""
    if idle == len(values):
        return "every update has rate 0"
    if idle == 1:
        return "the first update has rate 0: it trains nothing"
    return f"the first {idle} updates have rate 0: they train nothing"


def _missed_peak(values: list[float]) -> str:
    peak = max(values)
    if not SAME < peak < 1 - SAME:
        return ""
    return f"never reaches the peak: {peak:.3g} of it at most, at update {values.index(peak)}"


def _rise_after_end(schedule: Schedule, updates: int, end: int) -> str:
    """Look as far past the end as the schedule is long, and at least as far as the run goes."""
    rule = schedule.rule()
    low = rule(max(end, 0))
    for t in range(end + 1, max(updates, 2 * end) + 1):
        if rule(t) > low + SAME:
            return f"rises again after its end at update {end}: {rule(t):.4g} of the peak at {t}"
        low = min(low, rule(t))
    return ""
