"""Runs that are the same up to an update are one run until they part.

Two runs with the same seed, optimizer, options, batch size, clipping and controllers that use the
same rates up to update t have the same weights, batches and everything else at t, bit for bit. So
the start is trained once, and where the rates part the run is forked.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from etude.schedules import constant
from etude.tasks import Prepared
from etude.training.cohort import Plan
from etude.training.course import rates_for
from etude.training.lanes import company


@dataclass(frozen=True, slots=True)
class Branch:
    """One plan of a group: where it parts from an earlier one."""

    plan: Plan
    source: int | None
    """Place in the group of the plan that it is forked from; None begins on its own."""
    at: int
    """Update before which it is forked; 0 for one that begins on its own."""


SHARE_IN_LANES = 0.2
"""Share of a run that two lanes must have in common to be trained as one until they part."""

Group = tuple[Branch, ...]
"""Plans that share starts, the first of which begins on its own."""


def groups(
    prepared: Prepared, plans: Sequence[Plan], updates: int, *, least: int = 1
) -> list[Group]:
    """Arrange plans into groups that share starts of `least` updates or more; the largest first.

    Each plan is forked from the earlier one that it shares the most updates with. That one
    exists on its own by then: had it been forked later, its own source would share as much, and
    comes earlier.
    """
    rates = _Rates(prepared, updates)
    found: dict[Hashable, list[list[Branch]]] = defaultdict(list)
    for plan in plans:
        alike = found[_what_else(plan)]
        shared, group = max(
            ((_longest(plan, group, rates), group) for group in alike),
            key=lambda pair: pair[0].at,
            default=(Branch(plan, None, 0), []),
        )
        if shared.at >= least:
            group.append(shared)
        else:
            alike.append([Branch(plan, None, 0)])
    every = [tuple(group) for alike in found.values() for group in alike]
    return sorted(every, key=lambda group: -cost(group, updates))


def worth_sharing(updates: int, *, alone: bool) -> int:
    """Give the updates that must be shared for a fork to pay.

    Where runs are trained one by one, each shared update is one less. In lanes it saves a row of
    a chunk, while recording the step for another number of rows costs tens of updates of them all.
    """
    return 1 if alone else max(1, round(SHARE_IN_LANES * updates))


def cost(group: Group, updates: int) -> int:
    """Give the updates that training a group takes; without sharing it were all of them."""
    return len(group) * updates - sum(branch.at for branch in group)


def loads(
    prepared: Prepared, every: Sequence[Group], *, lanes: int, workers: int, fast: bool = False
) -> list[Group]:
    """Join groups that can be trained in one pass, into so many loads that no worker idles.

    Args:
        prepared: the task.
        every: groups, the largest first.
        lanes: runs of a load, more only where one group has more.
        workers: how many train at once.
        fast: are their steps compiled?

    Returns:
        Loads of about `lanes` runs or, where that would leave workers without one, fewer. Groups
        with controllers, which are not trained in lanes, stay by themselves.
    """
    apart = [group for group in every if group[0].plan.strategy.controllers]
    every = [group for group in every if group not in apart]
    alike: dict[Hashable, list[Group]] = defaultdict(list)
    for group in every:
        alike[company(prepared, group[0].plan.strategy, fast=fast)].append(group)
    most = min(lanes, max(1, -(-sum(map(len, every)) // workers)))
    found = [load for some in alike.values() for load in _shared_out(some, most)]
    return sorted([*found, *apart], key=lambda load: -len(load))


def _shared_out(every: Sequence[Group], most: int) -> list[Group]:
    """Deal groups to as few loads as hold them, each to the one that has least."""
    found: list[list[Group]] = [[] for _ in range(-(-sum(map(len, every)) // most))]
    for group in every:
        min(found, key=lambda load: sum(map(len, load))).append(group)
    return [_joined(load) for load in found if load]


def _joined(every: Sequence[Group]) -> Group:
    branches: list[Branch] = []
    for group in every:
        first = len(branches)
        branches += [
            branch if branch.source is None else replace(branch, source=branch.source + first)
            for branch in group
        ]
    return tuple(branches)


class _Rates:
    """The rates of each plan, computed once for all seeds."""

    def __init__(self, prepared: Prepared, updates: int) -> None:
        self._prepared, self._updates = prepared, updates
        self._known: dict[Hashable, list[float]] = {}

    def of(self, plan: Plan) -> list[float]:
        key = (plan.strategy, plan.horizon)
        if key not in self._known:
            found = rates_for(self._prepared, plan.strategy, self._updates, plan.horizon)
            self._known[key] = found
        return self._known[key]


def _what_else(plan: Plan) -> Hashable:
    """Give all that two runs must have in common besides their rates."""
    each = plan.strategy
    alike = replace(each, schedule=constant(), peak_lr=1.0)
    return plan.seed, plan.gains, each.controllers, alike


def _longest(plan: Plan, group: Sequence[Branch], rates: _Rates) -> Branch:
    """Give the plan as a branch of the one in the group that it shares most with."""
    lengths = [_shared(rates.of(plan), rates.of(branch.plan)) for branch in group]
    most = max(lengths)
    return Branch(plan, lengths.index(most), most)


def _shared(first: Sequence[float], second: Sequence[float]) -> int:
    """Count the updates that two runs have in common; at least one is each run's own."""
    pairs = enumerate(zip(first, second, strict=True))
    return min(next((t for t, (a, b) in pairs if a != b), len(first)), len(first) - 1)
