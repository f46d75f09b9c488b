"""Decides checks: from numbers by seed, or one value of code, to holds or does not hold."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from etude.curriculum.experiments import Check
from etude.curriculum.recorded import Measured
from etude.diagnosis.statistics import mean_interval

Value = float | str | tuple[float, ...]


def judge(check: Check, values: Value | list[float]) -> Measured:
    """Say what a check makes of what was measured, and whether it holds.

    Args:
        check: the check.
        values: numbers by seed, or one value of code.
    """
    if not isinstance(values, list):
        return Measured(values, holds=_holds(check, values))
    low, high = mean_interval(values)
    if check.interval:
        mean = float(np.mean(values))
        return Measured(mean, low, high, holds=_interval_holds(check.interval, low, high))
    looked_at = values if check.over == "every" else [_AVERAGES[check.over](values)]
    holds = all(_holds(check, value) for value in looked_at)
    return Measured(_telling(check, looked_at), low, high, holds=holds)


_AVERAGES: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda values: float(np.mean(values)),
    "median": lambda values: float(np.median(values)),
}


def _telling(check: Check, values: Sequence[float]) -> float:
    """Give the one number that says most: the one nearest to breaking the condition."""
    if check.below is not None:
        return float(max(values))
    return float(min(values)) if check.above is not None else float(np.mean(values))


def _interval_holds(wanted: str, low: float, high: float) -> bool:
    if math.isnan(low):
        return False
    return {
        "excludes 0": low > 0 or high < 0,
        "includes 0": low <= 0 <= high,
        "above 0": low > 0,
        "below 0": high < 0,
    }[wanted]


def _holds(check: Check, value: Value) -> bool:
    if check.contains is not None:
        return check.contains in str(value)
    if check.equals is not None:
        return _equal(value, check.equals, check.within)
    if isinstance(value, tuple | str):
        return False
    if check.between is not None:
        return check.between[0] <= value <= check.between[1]
    below = check.below is None or value < check.below
    return below and (check.above is None or value > check.above)


def _equal(value: Value, wanted: Value, within: float) -> bool:
    if isinstance(value, tuple) and isinstance(wanted, tuple):
        pairs = zip(value, wanted, strict=False)
        return len(value) == len(wanted) and all(_equal(a, b, within) for a, b in pairs)
    if isinstance(value, float) and isinstance(wanted, int | float):
        return math.isclose(value, wanted, rel_tol=within, abs_tol=1e-12)
    return str(value).strip() == str(wanted).strip()
