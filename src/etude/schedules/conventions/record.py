"""What an importer gives: a schedule of étude, and what the library does otherwise.

Numbers that a curve shows (a first update at rate 0, a peak that is never reached) are read off
the curve by `traits`, so that the docs and the command line cannot claim what is not there. Only
what no curve shows is written down by an importer, as a note.
"""

from dataclasses import dataclass, replace

from etude.schedules.base import Schedule

SAME = 1e-9
"""Multipliers that differ by less are the same: far below a rate that anyone would choose."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Another library's schedule as étude's.

    Attributes:
        library: The library's short name, such as `optax`.
        name: The library's name of the schedule.
        schedule: The same multipliers; bound.
        peak_lr: What a multiplier of 1 stands for, where the library's own settings say it;
            None where it multiplies the optimizer's lr.
        end: The update that the library's own settings call the end; None when they call none.
        notes: What the library does otherwise and no curve shows, one sentence each.
    """

    library: str
    name: str
    schedule: Schedule
    peak_lr: float | None = None
    end: int | None = None
    notes: tuple[str, ...] = ()

    def noting(self, *notes: str) -> "Imported":
        """Give it with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def differences(self, updates: int) -> tuple[str, ...]:
        """Say in sentences where the curve is not as étude's own schedules are, then the notes.

        Args:
            updates: Length of the run.
        """
        return (*traits(self.schedule, updates, end=self.end), *self.notes)


def traits(schedule: Schedule, updates: int, *, end: int | None = None) -> tuple[str, ...]:
    """Say what is unusual about the multipliers of a bound schedule, one sentence each.

    Args:
        schedule: The schedule.
        updates: Length of the run.
        end: The update at which the schedule is meant to be over; left out, its own length.
    """
    rule = schedule.rule()
    values = [rule(t) for t in range(updates)]
    found = [_idle_start(values), _missed_peak(values), _rise_after_end(schedule, updates, end)]
    length = schedule.length if end is None else end
    if isinstance(length, int) and length > updates:
        found.append(f"longer than the run: it ends at update {length} of {updates}")
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


def _rise_after_end(schedule: Schedule, updates: int, end: int | None) -> str:
    """Look as far past the end as the schedule is long, and at least as far as the run goes."""
    if end is None:
        return ""
    rule = schedule.rule()
    low = rule(max(end, 0))
    for t in range(end + 1, max(updates, 2 * end) + 1):
        if rule(t) > low + SAME:
            return f"rises again after its end at update {end}: {rule(t):.3g} at update {t}"
        low = min(low, rule(t))
    return ""
