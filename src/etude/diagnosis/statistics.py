"""Robust, unit-free statistics of a noisy loss curve.

A curve is cut into blocks and each block is replaced by its median: single spikes and the
autocorrelation of neighbouring updates then no longer pretend to be evidence.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from etude.records import Array

BLOCKS = 20
CONFIDENCE = 0.95


def block_medians(values: Array, blocks: int = BLOCKS) -> Array:
    """Give the medians of equal consecutive blocks, [min(blocks, rows)].

    Where they cannot be equal, the first ones have one row more.
    """
    if values.size == 0:
        return values
    least, longer = divmod(values.size, min(blocks, values.size))
    cut = longer * (least + 1)
    parts = (values[:cut].reshape(-1, least + 1), values[cut:].reshape(-1, least))
    return np.concatenate([_medians(part) for part in parts if part.size])


def _medians(rows: Array) -> Array:
    """Do `np.median(rows, axis=1)`, which takes several times as long on small ones."""
    ordered, half = np.sort(rows, axis=1), rows.shape[1] // 2  # nan comes last
    even = rows.shape[1] % 2 == 0
    middle = (ordered[:, half - 1] + ordered[:, half]) / 2 if even else ordered[:, half]
    return np.where(np.isnan(ordered[:, -1]), np.nan, middle)


def noise(levels: Array) -> float:
    """Estimate the noise of one block median from the differences of neighbours.

    1.4826 MAD(differences) / sqrt(2): the scaled median absolute deviation equals the standard
    deviation for normal noise, and a difference of two blocks has twice their variance.
    """
    if levels.size < 3:  # noqa: PLR2004 - two differences at the least
        return 0.0
    steps = np.diff(levels)
    return float(1.4826 * np.median(np.abs(steps - np.median(steps))) / math.sqrt(2))


def theil_sen(levels: Array) -> float:
    """Give the median of the slopes between all pairs of blocks (Sen 1968), per block."""
    if levels.size < 2:  # noqa: PLR2004 - a slope needs two points
        return 0.0
    first, second = np.triu_indices(levels.size, k=1)
    return float(np.median((levels[second] - levels[first]) / (second - first)))


def falling_p_value(levels: Array) -> float:
    """Give the one-sided p value of "no downward trend" by the Mann-Kendall test.

    S counts rising minus falling pairs; without a trend its variance is n(n-1)(2n+5)/18
    (Kendall 1975). A small value means that the levels fall.
    """
    count = levels.size
    if count < 4:  # noqa: PLR2004 - with fewer points no order is significant
        return 1.0
    first, second = np.triu_indices(count, k=1)
    score = float(np.sign(levels[second] - levels[first]).sum())
    spread = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    # The continuity correction moves S one step towards 0.
    z = (score - math.copysign(1.0, score)) / spread if score else 0.0
    return 0.5 * math.erfc(-z / math.sqrt(2))


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Give the 95 % interval of a mean, by Student's t; of paired differences, say.

    mean -+ t(0.975, n-1) s / sqrt(n). (nan, nan) for fewer than two values, or when one is not
    finite.
    """
    count = len(values)
    if count < 2 or not np.isfinite(values).all():  # noqa: PLR2004 - a spread needs two
        return math.nan, math.nan
    half = student(count - 1) * float(np.std(values, ddof=1)) / math.sqrt(count)
    mean = float(np.mean(values))
    return mean - half, mean + half


@cache
def student(freedom: int) -> float:
    """Give the t that Student's distribution exceeds on either side in 5 % of all cases.

    With whole degrees of freedom its probability is a finite series in the angle of t (Abramowitz
    and Stegun 26.7.3 and 26.7.4), which is halved here until doubles end. SciPy has it too, but
    takes longer to import than most commands to run.
    """
    low, high = 0.0, math.pi / 2
    while low < (angle := (low + high) / 2) < high:
        within = _within(angle, freedom) < CONFIDENCE
        low, high = (angle, high) if within else (low, angle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """Give the probability that t lies within -+ sqrt(freedom) tan(angle)."""
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for n in range(1 + odd, freedom, 2):
        total += term
        term *= math.cos(angle) ** 2 * n / (n + 1)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
