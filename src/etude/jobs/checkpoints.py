"""Checkpoints in the store: what was trained of runs that have not ended.

A checkpoint lies under the keys of the runs of its group, so that it fits only the same task,
strategies, seeds, budget and versions. The group is kept with it and taken up as it was: how the
same command would arrange its runs now depends on which have ended.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from etude.store import Store, StoredCheckpoint
from etude.training import Engine, Plan
from etude.training.prefix import Branch, Group


@dataclass(eq=False, slots=True)
class StoredCheckpoints:
    """Keeps the checkpoints of runs that are trained at once; see `training.Checkpoints`."""

    store: Store
    keys: Mapping[Plan, str]
    """Key of each run that was asked for, those that the store has included."""
    engine: Engine
    tell: Callable[[int], None]
    """Told how many runs go on from a checkpoint, where some do."""
    kept: set[Group] = field(default_factory=set[Group])
    """Groups that the store has a checkpoint of."""

    def find(self, plans: Sequence[Plan]) -> dict[Group, bytes]:
        """Give the last checkpoints of groups that hold some of these plans."""
        waiting = set(plans)
        found: dict[Group, bytes] = {}
        taken: set[Plan] = set()
        for stored in self.store.checkpoints(list(self.keys.values())):
            group = self._read(stored)
            members = {branch.plan for branch in group}
            if group and not members & waiting:  # killed between its last run and its `drop`
                self.store.drop_checkpoint(stored.key)
            elif group and not members & taken:
                found[group] = stored.content
                taken |= members
        self.kept.update(found)
        if found:
            self.tell(len(taken & waiting))
        return found

    def keep(self, group: Group, checkpoint: bytes) -> None:
        """Keep a checkpoint in the place of the group's last one."""
        members = self._members(group)
        stored = StoredCheckpoint(self._key(members), self.keys[group[0].plan], members, checkpoint)
        if self.store.keep_checkpoint(stored):
            self.kept.add(group)

    def drop(self, group: Group) -> None:
        """Forget a group, whose runs are in the store."""
        if group in self.kept:
            self.store.drop_checkpoint(self._key(self._members(group)))
            self.kept.remove(group)

    def _members(self, group: Group) -> str:
        return json.dumps([(self.keys[each.plan], each.source, each.at) for each in group])

    def _key(self, members: str) -> str:
        """Give a group's key; engines keep different things."""
        said = f"{self.engine.name} {self.engine.lanes} {members}"
        return hashlib.sha256(said.encode()).hexdigest()

    def _read(self, stored: StoredCheckpoint) -> Group:
        """Give a checkpoint's group; an empty one where it is not this engine's or these plans'."""
        if stored.key != self._key(stored.members):
            return ()
        plans = {key: plan for plan, key in self.keys.items()}
        members = json.loads(stored.members)
        if not all(key in plans for key, _, _ in members):
            return ()
        return tuple(Branch(plans[key], source, at) for key, source, at in members)
