"""What a worker may be asked for besides a comparison: to prove an experiment, to make a variant.

Both train, and so both belong into a worker process; the answers are the curriculum's own records.
"""

from dataclasses import dataclass

from etude.lab.setup import Setup


@dataclass(frozen=True, slots=True)
class Replay:
    """Run an experiment of the course again."""

    experiment: str

    @property
    def id(self) -> str:
        """Name it."""
        return f"replay-{self.experiment}"


@dataclass(frozen=True, slots=True)
class Variation:
    """Make a practice question with other numbers, and find its key."""

    item: str
    number: int

    @property
    def id(self) -> str:
        """Name it."""
        return f"variant-{self.item}-{self.number}"


Order = Setup | Replay | Variation
