"""The valley of the loss over log lr: where its bottom is, and where it goes as runs get longer."""

import math
from collections.abc import Sequence

import numpy as np

STEEPEST = -1.0
"""Least power of the updates by which the best rate falls: lr x updates stays what it was."""


def bottom(rates: Sequence[float], levels: Sequence[float]) -> float:
    """Give the lr where a parabola through the lowest level and its neighbours is lowest.

    The parabola is one in log lr. Where the lowest has no finite level on both sides, it is the
    answer: what lies beyond was not tried.
    """
    points = sorted(zip(rates, levels, strict=True))
    place = min(range(len(points)), key=lambda n: points[n][1])
    near = points[max(place - 1, 0) : place + 2]
    if place in {0, len(points) - 1} or not all(math.isfinite(level) for _, level in near):
        return points[place][0]
    x = np.log([lr / points[place][0] for lr, _ in near])
    curvature, tilt, _ = np.polyfit(x, [level for _, level in near], 2)
    if not curvature > 0:
        return points[place][0]
    return points[place][0] * math.exp(float(np.clip(-tilt / (2 * curvature), x[0], x[-1])))


def extrapolate(bests: Sequence[tuple[int, float]], horizon: float) -> float:
    """Give the best rate at a later horizon, from the best after the first and the last round.

    lr(n) = lr_last (n / n_last)^s with s = log(lr_last / lr_first) / log(n_last / n_first), held
    between `STEEPEST` and 0: longer runs never want a higher rate.

    Args:
        bests: updates done and the rate that was best then, round by round.
        horizon: updates at the full rate.
    """
    (first, was), (last, best) = bests[0], bests[-1]
    if last <= first or horizon <= last:
        return best
    power = math.log(best / was) / math.log(last / first)
    return best * (horizon / last) ** min(0.0, max(STEEPEST, power))
