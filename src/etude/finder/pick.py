"""From short runs to a rate for a long one: where the usable range lies, and what to suggest in it.

Losses of short copies are read as *progress*: the share of the fall of the log loss, from the
untrained model's to the best rate's, that a rate made. Unlike a loss it needs no unit. (Where a
loss is not positive, its own fall is used instead of its logarithm's.)

The best rate falls as runs get longer, so what is best on a copy is too high for the run. Two
things are known about where it goes, and the lower of the two answers is taken:

- With small steps progress depends on lr x updates alone, so at the *low edge* of the copies'
  usable range, the lowest rate with `PROGRESS`, a run m times as long comes to where a rate m times
  as high is on the copy. The suggestion lies between this edge and the best rate of the copies, the
  nearer to the edge the more is left to train: low^(1 - w) best^w, w = min(1, NEARNESS / m).
- Where the best rate fell between short and longer copies, it is taken to go on falling so,
  best m^slope, with the slope in log lr over log updates held between -1 (a fixed lr x updates)
  and 0; but not below the low edge.

Nor is it above the highest rate below which nothing failed. `PROGRESS`, `NEARNESS` and `FIT` were
chosen on the tasks of `bench/finders.py`, with other seeds than it uses; docs/finder.md has what
they give, beside what other rules would have made of the same copies.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.statistics import mean_interval
from etude.jobs import FAILED
from etude.records import Array, Measured, Trial

PROGRESS = 0.925
"""A rate is usable when it makes this share of the best rate's progress."""
NEARNESS = 2.0
FIT = 0.9
"""The best rate is the bottom of a parabola through all rates with this share of progress."""
LEAST_FIT = 3
"""Points of that parabola, at least."""


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
    low = float(lrs[0]) if left is None else left
    high = float(lrs[-1]) if right is None else right
    return Valley(
        low=low,
        best=min(max(_bottom(lrs, levels, progress, place), low), high),
        high=high,
        closed_below=left is not None,
        closed_above=right is not None,
    )


def slope(short: Valley | None, long: Valley, ratio: float) -> float:
    """Give how the best rate fell with the length: log lr over log updates, from -1 to 0.

    Args:
        short: the valley of the short copies; None is read as no fall.
        long: that of the longer ones.
        ratio: length of the longer over that of the short ones.
    """
    if short is None or ratio <= 1:
        return 0.0
    return min(0.0, max(-1.0, (long.best - short.best) / math.log(ratio)))


def pick(seen: Valley, *, slope: float, left: float, safe: float) -> Picked:
    """Give the range and the suggestion for a run `left` times as long as the copies.

    Args:
        seen: the valley of the longer copies.
        slope: how the best rate fell with the length.
        left: length of the run over the length of the copies.
        safe: the highest rate below which nothing failed.
    """
    nearness = min(1.0, NEARNESS / left)
    between = seen.low + nearness * (seen.best - seen.low)
    moved = max(seen.low, seen.best + slope * math.log(left))
    suggested = min(between, moved, math.log(safe))
    # What moves the best rate down is taken to move the ends of the range as much.
    fall = suggested - seen.best
    high = max(suggested, min(seen.high + fall, math.log(safe)))
    return Picked(math.exp(seen.low + fall), math.exp(suggested), math.exp(high))


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


def _bottom(lrs: Array, levels: Array, progress: Array, place: int) -> float:
    """Fit a parabola by least squares to the levels around the lowest, and give its bottom.

    It goes through all neighbouring rates with progress `FIT`, at least one on each side.
    """
    first = last = place
    while first > 0 and progress[first - 1] >= FIT:
        first -= 1
    while last < len(lrs) - 1 and progress[last + 1] >= FIT:
        last += 1
    if last - first + 1 < LEAST_FIT:
        first, last = max(0, place - 1), min(len(lrs) - 1, place + 1)
    near = slice(first, last + 1)
    known = np.isfinite(levels[near])
    x, y = lrs[near][known], levels[near][known]
    if len(x) < LEAST_FIT:
        return float(lrs[place])
    curvature, tilt, _ = np.polyfit(x - x.mean(), y, 2)
    if curvature <= 0:
        return float(lrs[place])
    return float(np.clip(x.mean() - tilt / (2 * curvature), x[0], x[-1]))
