"""The unit-free numbers that a run's lr is judged by.

Few and without a unit: features bound to a scale (noise level, size of the loss) do not carry over
from one task to another. Everything is taken from the medians of 20 blocks of the log loss, and
from the gain ratio where it was measured.
"""

import math

import numpy as np

from etude.diagnosis.statistics import BLOCKS, block_medians, noise, theil_sen
from etude.records import Array

LOSS_FEATURES = (
    "late_snr",
    "late_tau",
    "rising",
    "draw_up",
    "early_share",
    "half_time",
    "late_share",
    "progress",
)
GAIN_FEATURES = ("gain", "gain_low", "gain_negative", "gain_early")


def loss_features(loss: Array) -> dict[str, float]:
    """Compute the features of a loss curve without a value that is not finite.

    Args:
        loss: one value for each recorded update, at least 8.
    """
    levels = block_medians(np.log(loss) if (loss > 0).all() else loss)
    late = levels[levels.size // 2 :]
    sigma = max(noise(levels), 1e-12 + 1e-9 * float(np.abs(levels).max()))
    drop = float(levels[0] - levels.min())
    shown = max(drop, 3 * sigma)
    return {
        "late_snr": _squashed(-theil_sen(late) * late.size / sigma),
        "late_tau": kendall_tau(late),
        "rising": float((np.diff(levels) > 0).mean()),
        "draw_up": _squashed(float((levels - np.minimum.accumulate(levels)).max()) / sigma),
        "early_share": _clipped(float(levels[0] - levels[levels.size // 4]) / shown),
        "half_time": _half_time(levels, drop),
        "late_share": _clipped(float(late[0] - late[-1]) / shown),
        "progress": _squashed(float(levels[0] - levels[-1]) / sigma),
    }


def gain_features(gain: Array) -> dict[str, float]:
    """Compute the features of gain ratios, of which one at least is finite.

    Where the predicted decrease is lost in rounding the step was tiny and the loss a straight
    line along it: a ratio of 1.
    """
    known = np.clip(np.where(np.isnan(gain), 1.0, gain), -1.0, 2.0)
    late = known[known.size // 2 :]
    return {
        "gain": float(np.median(late)),
        "gain_low": float(np.quantile(late, 0.2)),
        "gain_negative": float((late < 0).mean()),
        "gain_early": float(np.median(known[: max(1, known.size // 4)])),
    }


def kendall_tau(levels: Array) -> float:
    """Give rising minus falling pairs over all pairs (Kendall 1938): -1 falls all the way."""
    if levels.size < 2:  # noqa: PLR2004 - a pair
        return 0.0
    first, second = np.triu_indices(levels.size, k=1)
    return float(np.sign(levels[second] - levels[first]).mean())


def _half_time(levels: Array, drop: float) -> float:
    """Give the share of the run after which half of its drop was made; 1 without a drop."""
    if drop <= 0:
        return 1.0
    return float(np.argmax(levels <= levels[0] - drop / 2)) / max(BLOCKS, levels.size)


def _squashed(value: float) -> float:
    return math.asinh(max(-1e6, min(1e6, value)))


def _clipped(share: float) -> float:
    return max(-1.0, min(1.0, share))
