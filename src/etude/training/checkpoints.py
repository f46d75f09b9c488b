"""Where training stands, and the place that it is given to leave this at.

Runs are trained in groups, and a group may take hours. So what it has done is kept now and then,
and training that was killed goes on from there. Where it is kept is not known here.
"""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from etude.training.cohort import Plan
from etude.training.prefix import Group


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the training of a group stands."""

    update: int
    lanes: dict[int, int]
    """Number in the cohort of each branch that has begun."""
    cohort: dict[str, Any]
    """The state of the cohort."""

    def as_bytes(self) -> bytes:
        """Give what can be kept: torch sends tensors as places in memory that die with a worker."""
        return pickle.dumps(self)


def read_checkpoint(kept: bytes | None) -> Checkpoint | None:
    """Read what was kept; None where there is nothing, or it cannot be read."""
    try:
        found = pickle.loads(kept) if kept else None
    except Exception:  # noqa: BLE001 - damaged bytes may raise anything
        return None
    return found if isinstance(found, Checkpoint) else None


class Checkpoints(Protocol):
    """Keeps the last checkpoint of each group, beyond the life of this process."""

    def find(self, plans: Sequence[Plan]) -> Mapping[Group, bytes]:
        """Give the last checkpoints of groups that hold some of these plans.

        A group may hold other plans too, but none is in two groups.
        """
        ...

    def keep(self, group: Group, checkpoint: bytes) -> None:
        """Keep a checkpoint in the place of the group's last one."""
        ...

    def drop(self, group: Group) -> None:
        """Forget a group, whose runs have ended and were taken."""
        ...


class Nowhere:
    """Keeps nothing."""

    def find(self, plans: Sequence[Plan]) -> Mapping[Group, bytes]:  # noqa: ARG002 - see `Checkpoints`
        """Give nothing."""
        return {}

    def keep(self, group: Group, checkpoint: bytes) -> None:
        """Do nothing."""

    def drop(self, group: Group) -> None:
        """Do nothing."""


NOWHERE = Nowhere()
