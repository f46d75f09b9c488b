"""What an importer gives: a schedule of étude, and what the library does otherwise.

What a curve shows (a first update at rate 0, a peak that is never reached) is read off it; only
what no curve shows is written down by an importer, as a note.
"""

from dataclasses import dataclass, replace

from etude.schedules.base import Schedule
from etude.schedules.traits import traits


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
