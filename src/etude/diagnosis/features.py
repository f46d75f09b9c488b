"""The unit-free numbers that a run's lr is judged by.

Few and without a unit: features bound to a scale (noise level, size of the loss) do not carry over
from one task to another. Everything is taken from the medians of 20 blocks of the log loss, and
from the gain ratio where it was measured.
"""

import math

import numpy as np

from etude.diagnosis.statistics import block_medians, noise, theil_sen
from etude.records import Array

LOSS_FEATURES = (
    "late_snr",
    "late_tau",
    "rising",
    "draw_up",
    "early_share",
    "late_share",
    "slope_ratio",
    "progress",
)
GAIN_FEATURES = ("gain", "gain_low", "gain_high", "gain_early")
LEAST_ROWS, LEAST_GAINS = 40, 8
"""Rows of a loss, and measured gains, that features can be taken from: two rows a block."""


def loss_features(loss: Array) -> dict[str, float]:
    """Compute the features of a loss curve without a value that is not finite.

    Args:
        loss: one value for each recorded update, at least `LEAST_ROWS`.

    Returns:
        `late_snr`, fall over the last half by the Theil-Sen slope, in noises of a block median;
        `late_tau`, Kendall's tau of it; `rising`, share of blocks above the one before; `draw_up`,
        largest rise above the lowest so far, in noises; `early_share` and `late_share`, shares of
        the drop made in the first quarter and in the last half; `slope_ratio`, drop of the last
        half over that of the first; `progress`, drop from start to end in noises. What is counted
        in noises is squashed by asinh.
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
        "late_share": _clipped(float(late[0] - late[-1]) / shown),
        "slope_ratio": _clipped(
            float(late[0] - late[-1]) / max(float(levels[0] - late[0]), 3 * sigma)
        ),
        "progress": _squashed(float(levels[0] - levels[-1]) / sigma),
    }


def gain_features(gain: Array) -> dict[str, float]:
    """Compute the features of gain ratios.

    Where the predicted decrease is lost in rounding (nan) the step was tiny and the loss a
    straight line along it: a ratio of 1.

    Returns:
        Median, a fifth from below and a fifth from above of the last half, and the median of the
        first quarter.
    """
    known = np.clip(np.where(np.isnan(gain), 1.0, gain), -1.0, 2.0)
    late = known[known.size // 2 :]
    return {
        "gain": float(np.median(late)),
        "gain_low": float(np.quantile(late, 0.2)),
        "gain_high": float(np.quantile(late, 0.8)),
        "gain_early": float(np.median(known[: max(1, known.size // 4)])),
    }


def kendall_tau(levels: Array) -> float:
    """Give rising minus falling pairs over all pairs (Kendall 1938): -1 falls all the way."""
    if levels.size < 2:  # noqa: PLR2004 - a pair
        return 0.0
    first, second = np.triu_indices(levels.size, k=1)
    return float(np.sign(levels[second] - levels[first]).mean())


def _squashed(value: float) -> float:
    return math.asinh(max(-1e6, min(1e6, value)))


def _clipped(share: float) -> float:
    return max(-1.0, min(1.0, share))
