"""What runs at several lrs say together: which was best, which were too low, which too high.

Levels are compared at the same loss: the validation loss where all runs have one, else the training
loss. A level is as good as the best where it lies within the noise of both, or within 2 % of the
best run's fall. Runs at one lr whose levels lie apart differ in something else (seed, model, data,
length), and a level no farther from the best than they are from each other says nothing of the lr.
"""

import math
from collections.abc import Sequence

import numpy as np

from etude.diagnosis.outcome import end_level
from etude.diagnosis.rule import show
from etude.diagnosis.statistics import noise
from etude.records import Array, Log, Sweep, SweepPlace

CLOSE = 0.02
NOISES = 2.0
LAST = 5
"""Evaluations of which the median is a run's level, where there are several times as many."""


def read_sweep(logs: Sequence[Log]) -> Sweep | None:
    """Read runs as a sweep of the lr; None where fewer than two lrs are known."""
    known = [(peak_lr(log), log) for log in logs]
    known = [(lr, log) for lr, log in known if math.isfinite(lr) and lr > 0]
    if len({lr for lr, _ in known}) < 2:  # noqa: PLR2004 - one lr is no sweep
        return None
    by_val = all(log.curve.val_loss.size for _, log in known)
    levels = [(lr, log, *_level(log, by_val=by_val)) for lr, log in known]
    alive = [each for each in levels if math.isfinite(each[2])]
    best = min(alive, key=lambda each: each[2]) if alive else None
    apart = _apart([(each[0], each[2]) for each in alive])
    places = sorted(
        (
            SweepPlace(log.name, lr, level, _verdict(lr, level, spread, best, apart))
            for lr, log, level, spread in levels
        ),
        key=lambda place: place.lr,
    )
    return Sweep("val_loss" if by_val else "loss", tuple(places), _sentence(places, apart))


def _apart(levels: Sequence[tuple[float, float]]) -> float:
    """Give how far the levels of runs at one lr lie apart, where that is farthest."""
    same = [[level for other, level in levels if other == lr] for lr in {lr for lr, _ in levels}]
    return max((max(each) - min(each) for each in same), default=0.0)


def peak_lr(log: Log) -> float:
    """Give a run's highest lr: as logged, else as its settings or its name tell."""
    lr = log.curve.lr[np.isfinite(log.curve.lr)]
    return float(lr.max()) if lr.size else log.lr


_Leveled = tuple[float, Log, float, float]


def _level(log: Log, *, by_val: bool) -> tuple[float, float]:
    """Give a run's final loss and its noise; nan where it diverged."""
    curve = log.curve
    if not np.isfinite(curve.loss).all() or not np.isfinite(curve.val_loss).all():
        return math.nan, 0.0
    if by_val:
        last = curve.val_loss[-max(1, min(LAST, curve.val_loss.size // 4)) :]
        return float(np.median(last)), _spread(curve.val_loss)
    return end_level(curve), _spread(curve.loss) / math.sqrt(max(1, curve.loss.size // 10))


def _spread(values: Array) -> float:
    return noise(values[values.size // 2 :])


def _verdict(lr: float, level: float, spread: float, best: _Leveled | None, apart: float) -> str:
    if best is None:
        return "too high"
    best_lr, log, lowest, best_spread = best
    if not math.isfinite(level):
        return "too high" if lr > best_lr else "worse"
    start = log.curve.val_loss[:1] if log.curve.val_loss.size else log.curve.loss[:1]
    fall = max(float(start[0]) - lowest, 0.0) if start.size else 0.0
    if level == lowest and lr == best_lr:
        return "best"
    if level - lowest <= max(NOISES * math.hypot(spread, best_spread), CLOSE * fall):
        return "as good"
    if lr == best_lr or level - lowest <= apart:
        return "worse"
    return "too low" if lr < best_lr else "too high"


def _sentence(places: Sequence[SweepPlace], apart: float) -> str:
    best = next((place for place in places if place.verdict == "best"), None)
    if best is None:
        return "every run diverged: all of these lrs are too high"
    good = [place.lr for place in places if place.verdict in {"best", "as good"}]
    said = f"lr {show(best.lr)} was best, with a loss of {show(best.level)}"
    if min(good) < max(good):
        said += f"; from {show(min(good))} to {show(max(good))} there is no difference to see"
    lrs = sorted({place.lr for place in places})
    if best.lr == lrs[0]:
        said += "; it is the lowest that was tried, so try lower ones"
    elif best.lr == lrs[-1]:
        said += "; it is the highest that was tried, so try higher ones"
    if any(place.verdict == "worse" and place.lr != best.lr for place in places):
        said += (
            f"; runs at one lr end up to {show(apart)} apart, so they differ in more than their lr:"
            " what is worse may be so for another reason"
        )
    return said
