"""The opening of a race that may try fewer strategies than it was given.

The loss of short runs over log lr is a valley. Where its bottom lies depends on the optimizer far
more than on the schedule. So the race first sounds each optimizer's valley, at every second peak
lr under one schedule, and spends what else it may try on all schedules near the bottoms.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from etude.records import Place
from etude.strategies import Strategy

NEAR = ((0, 0), (0, -1), (0, 1), (1, 0), (0, -2), (1, -1), (1, 1), (2, 0))
"""Where all schedules are tried, in this order: (place of the optimizer, steps on its lr grid).
Lower rates come first, since the best one falls as runs get longer."""


def soundings(field: Sequence[Strategy], tries: int) -> list[Strategy]:
    """Pick every second peak lr of each optimizer, under the schedule that has the most of them.

    Where that would be more than half of the tries, every third, and so on.
    """
    valleys = [_widest(mine) for mine in _by_optimizer(field).values()]
    stride = max(2, -(-sum(map(len, valleys)) // max(1, tries // 2)))
    return [each for valley in valleys for each in valley[(stride - 1) // 2 :: stride]]


def nearby(
    field: Sequence[Strategy], sounded: Sequence[Strategy], ranking: Sequence[Place], tries: int
) -> list[Strategy]:
    """Give what was sounded and, up to so many tries, what lies near the bottoms of the valleys."""
    chosen = dict.fromkeys(sounded)
    chosen.update(dict.fromkeys(_nearest(field, ranking)))
    return list(chosen)[:tries]


def _nearest(field: Sequence[Strategy], ranking: Sequence[Place]) -> Iterator[Strategy]:
    grids = _by_optimizer(field)
    bottoms: dict[str, float] = {}
    for place in ranking:
        bottoms.setdefault(place.optimizer, place.peak_lr)
    order = list(bottoms)
    for number, step in NEAR:
        if number < len(order):
            mine = grids[order[number]]
            lrs = sorted({each.peak_lr for each in mine})
            at = lrs.index(bottoms[order[number]]) + step
            if 0 <= at < len(lrs):
                yield from (each for each in mine if each.peak_lr == lrs[at])


def _by_optimizer(field: Sequence[Strategy]) -> dict[str, list[Strategy]]:
    found: dict[str, list[Strategy]] = defaultdict(list)
    for each in field:
        found[each.label].append(each)
    return found


def _widest(strategies: Sequence[Strategy]) -> list[Strategy]:
    """Give the strategies of the schedule that has the most peak lrs, in order of lr."""
    families: dict[str, list[Strategy]] = defaultdict(list)
    for each in strategies:
        families[str(each.schedule)].append(each)
    return sorted(max(families.values(), key=len), key=lambda each: each.peak_lr)
