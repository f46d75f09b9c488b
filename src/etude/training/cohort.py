"""The contract of everything that trains: a cohort of runs that advance together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from etude.records import Curve
from etude.strategies import Strategy


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run is to do."""

    strategy: Strategy
    seed: int
    horizon: int | None = None
    """Updates that the schedule is made for, where the run is a shortened copy of a longer one:
    the whole schedule is then compressed to the run's own length. None: just that length."""
    gains: int = 0
    """Measure the gain ratio at each update that this divides; 0 never. No bit moves by it."""

    def measures(self, update: int) -> bool:
        """Tell whether the gain of this update is measured."""
        return self.gains > 0 and update % self.gains == 0


class Cohort(Protocol):
    """Runs on one task, named by their place in the list of plans they were made from.

    A run's curve does not depend on the other runs, on its place, or on how the updates were
    divided among calls of `advance`. A run whose loss is not finite ends and touches no other.
    """

    def advance(self, updates: int) -> None:
        """Train each run that is alive by so many updates, at most to the end of its run."""
        ...

    def drop(self, runs: Iterable[int]) -> None:
        """End these runs now; their curves stay."""
        ...

    def fork(self, run: int, strategy: Strategy) -> int:
        """Copy a run as it stands, to go on under another strategy; give the copy's number."""
        ...

    @property
    def alive(self) -> Sequence[int]:
        """The runs that have updates left to do."""
        ...

    def done(self, run: int) -> int:
        """Give the number of updates that a run has done."""
        ...

    def curve(self, run: int) -> Curve:
        """Give what a run has recorded so far."""
        ...

    def state(self) -> dict[str, Any]:
        """Give everything that is needed to go on later, exactly."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state given by `state`."""
        ...
