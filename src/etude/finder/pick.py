"""From short runs to a rate for a long one: where the usable range lies, and what to suggest in it.

Losses of short copies are read as *progress*: the share of the fall of the log loss, from the
untrained model's to the best rate's, that a rate made. Unlike a loss it needs no unit. (Where a
loss is not positive, its own fall is used instead of its logarithm's.)

The best rate falls as runs get longer, and its place on a short copy is noisy and biased high. What
short copies show clearly is the low edge of the usable range: the lowest rate with `PROGRESS`. With
small steps progress depends on lr x updates alone, so that a run m times as long makes that
progress at lr / m; at the low edge itself it then comes to where the best rate of the short copy
is. So the suggestion lies between this edge and the best rate of the copy, the nearer to the edge
the more is left to train:

    suggestion = low ^ (1 - w) * best ^ w,  w = min(1, NEARNESS / m)

It never exceeds the best rate seen, nor the highest below which nothing failed. `NEARNESS` and
`PROGRESS` are fitted; docs/finder.md has what they give on other seeds and other tasks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.statistics import mean_interval
from etude.jobs import FAILED
from etude.records import Array, Measured, Trial

PROGRESS = 0.85
"""A rate is usable when it makes this share of the best rate's progress."""
NEARNESS = 2.0


@dataclass(frozen=True, slots=True)
class Valley:
    """The shape of progress over the lr at one length, all as log lr."""

    low: float
    """Where progress rises to `PROGRESS`."""
    best: float
    high: float
    """Where it falls below it again."""
    closed_below: bool
    """Was a rate seen that is too low?"""
    closed_above: bool
    """Was a rate seen that is too high?"""


@dataclass(frozen=True, slots=True)
class Picked:
    """The usable range of a run's peak lr, in absolute rates."""

    low: float
    suggestion: float
    high: float


def valley(trials: Sequence[Trial], starts: Mapping[int, float]) -> Valley | None:
    """Find the valley of the loss over the lr; None where no rate makes progress.

    Args:
        trials: runs of one length, of the same seeds at each lr.
        starts: validation loss of the untrained model, by seed.
    """
    lrs, levels, start = _levels(trials, starts)
    smooth = _smooth(lrs, levels)
    place = int(np.argmin(smooth))
    if not smooth[place] < start:
        return None
    progress = (start - smooth) / (start - smooth[place])
    left = _crossing(lrs[place::-1], progress[place::-1])
    right = _crossing(lrs[place:], progress[place:])
    return Valley(
        low=lrs[0] if left is None else left,
        best=_bottom(lrs, smooth, place),
        high=lrs[-1] if right is None else right,
        closed_below=left is not None,
        closed_above=right is not None,
    )


def pick(seen: Valley, *, left: float, safe: float) -> Picked:
    """Give the range and the suggestion for a run `left` times as long as the copies.

    Args:
        seen: the valley of the copies.
        left: length of the run over the length of the copies.
        safe: the highest rate below which nothing failed.
    """
    nearness = min(1.0, NEARNESS / left)
    suggested = min(seen.low + nearness * (seen.best - seen.low), math.log(safe))
    # What moves the best rate down moves the high end of the range with it.
    high = min(seen.high + suggested - seen.best, math.log(safe))
    low = min(seen.low, suggested)
    return Picked(math.exp(low), math.exp(suggested), math.exp(max(high, suggested)))


def safe_below(trials: Sequence[Trial]) -> float:
    """Give the highest lr below which no run failed."""
    first = min((t.lr for t in trials if t.outcome in FAILED), default=math.inf)
    return max((t.lr for t in trials if t.lr < first), default=math.nan)


def failure(trials: Sequence[Trial]) -> Measured | None:
    """Give the lowest lr at which a run failed; see `LrRange.failure`. None where none did."""
    failed = [trial.lr for trial in trials if trial.outcome in FAILED]
    if not failed:
        return None
    first = min(failed)
    survived = [trial.lr for trial in trials if trial.outcome not in FAILED]
    below = max((lr for lr in survived if lr < first), default=math.nan)
    above = [lr for lr in failed if all(lr > other for other in survived)]
    return Measured(first, below, min(above, default=math.nan))


def over_seeds(value: float, of_seeds: Sequence[float]) -> Measured:
    """Give a rate with its 95 % interval: Student's t of the seeds' own log rates, around it."""
    logs = [math.log(each) for each in of_seeds]
    low, high = mean_interval(logs)
    middle = math.log(value) - float(np.mean(logs)) if logs else math.nan
    return Measured(value, math.exp(low + middle), math.exp(high + middle))


def _levels(trials: Sequence[Trial], starts: Mapping[int, float]) -> tuple[Array, Array, float]:
    """Give log lrs, ascending; mean log loss at each, infinite where one failed; and the start's.

    Of losses that are not all positive the losses themselves.
    """
    seeds = sorted({trial.seed for trial in trials})
    begun = [starts[seed] for seed in seeds]
    losses = [trial.loss for trial in trials if trial.outcome not in FAILED]
    log = all(loss > 0 for loss in (*losses, *begun))
    of_lr: dict[float, list[float]] = {}
    for trial in trials:
        lost = trial.outcome in FAILED or not math.isfinite(trial.loss)
        value = math.inf if lost else math.log(trial.loss) if log else trial.loss
        of_lr.setdefault(trial.lr, []).append(value)
    lrs = sorted(of_lr)
    levels = np.array([np.mean(of_lr[lr]) for lr in lrs], dtype=np.float64)
    start = float(np.mean(np.log(begun) if log else begun))
    return np.array([math.log(lr) for lr in lrs]), levels, start


def _smooth(lrs: Array, levels: Array) -> Array:
    """Average each level with the line between its neighbours, where all three are finite."""
    smooth = levels.copy()
    for place in range(1, len(levels) - 1):
        (x0, x1, x2), (y0, y1, y2) = lrs[place - 1 : place + 2], levels[place - 1 : place + 2]
        if math.isfinite(y0 + y1 + y2):
            between = y0 + (y2 - y0) * (x1 - x0) / (x2 - x0)
            smooth[place] = (y1 + between) / 2
    return smooth


def _crossing(lrs: Array, progress: Array) -> float | None:
    """Walk away from the best and give where progress falls below `PROGRESS`; None if nowhere."""
    below = np.flatnonzero(progress < PROGRESS)
    if not below.size:
        return None
    place = int(below[0])
    inner, outer = progress[place - 1], max(progress[place], 0.0)
    share = (inner - PROGRESS) / (inner - outer)
    return float(lrs[place - 1] + share * (lrs[place] - lrs[place - 1]))


def _bottom(lrs: Array, levels: Array, place: int) -> float:
    """Give the bottom of the parabola through the lowest level and its neighbours."""
    if not 0 < place < len(lrs) - 1 or not np.isfinite(levels[place - 1 : place + 2]).all():
        return float(lrs[place])
    (x0, x1, x2), (y0, y1, y2) = lrs[place - 1 : place + 2], levels[place - 1 : place + 2]
    slope = (y1 - y0) / (x1 - x0)
    curvature = ((y2 - y1) / (x2 - x1) - slope) / (x2 - x0)
    if curvature <= 0:
        return float(x1)
    return float(np.clip((x0 + x1) / 2 - slope / (2 * curvature), x0, x2))
