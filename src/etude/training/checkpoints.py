"""Where training stands, and the place that it is given to leave this at.

Runs are trained in groups, and a group may take hours. So what it has done is kept now and then,
and training that was killed goes on from there. Where it is kept is not known here.

Others may be able to write there. So a checkpoint is tensors, numbers and texts, which torch reads
without running any code; the plans are those of the group that asks, by their places in it.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

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

    def as_bytes(self, group: Group) -> bytes:
        """Give what can be kept of a group's checkpoint."""
        plans = [branch.plan for branch in group]
        content = io.BytesIO()
        torch.save((self.update, self.lanes, _packed(self.cohort, plans)), content)
        return content.getvalue()


def read_checkpoint(kept: bytes | None, group: Group) -> Checkpoint | None:
    """Read what was kept of a group; None where there is nothing, or it cannot be read."""
    plans = [branch.plan for branch in group]
    try:
        update, lanes, cohort = torch.load(io.BytesIO(kept or b""), weights_only=True)
        return Checkpoint(update, lanes, _unpacked(cohort, plans))
    except Exception:  # noqa: BLE001 - damaged bytes may raise anything
        return None


def _packed(value: Any, plans: Sequence[Plan]) -> Any:
    """Turn plans and numpy's arrays into what torch reads without running code."""
    if isinstance(value, Plan):
        return {_PLAN: plans.index(value)}
    if isinstance(value, np.ndarray):
        return {_ARRAY: torch.from_numpy(value)}
    if isinstance(value, dict):
        return {key: _packed(each, plans) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_packed(each, plans) for each in value)
    return value


def _unpacked(value: Any, plans: Sequence[Plan]) -> Any:
    if isinstance(value, dict):
        if _PLAN in value:
            return plans[value[_PLAN]]
        if _ARRAY in value:
            return value[_ARRAY].numpy()
        return {key: _unpacked(each, plans) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_unpacked(each, plans) for each in value)
    return value


_PLAN, _ARRAY = "étude plan", "numpy array"


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
