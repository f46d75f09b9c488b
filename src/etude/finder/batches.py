"""What happened to the rate when the batch size changed, beside what the rules say."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from etude.diagnosis.statistics import student
from etude.records import BatchScaling, LrRange, Measured
from etude.report.words import number
from etude.strategies import scale_lr, strategy
from etude.tasks import Prepared

LEAST_POINTS = 3
"""Points from which a fitted power has an interval."""


def compare_batches(ranges: Sequence[LrRange], prepared: Prepared) -> Iterator[BatchScaling]:
    """Say for each optimizer how its rate moved with the batch size.

    The rules start from the batch size that is nearest to the task's own.
    """
    groups: dict[str, list[LrRange]] = defaultdict(list)
    for each in ranges:
        groups[_without_batch(each)].append(each)
    for optimizer, group in groups.items():
        known = [each for each in group if each.suggestion is not None]
        if known:
            yield _scaling(optimizer, group, known, prepared)


def _without_batch(each: LrRange) -> str:
    words = each.optimizer.split()
    return " ".join(word for word in words if not word.startswith("batch="))


def _scaling(
    optimizer: str, group: Sequence[LrRange], known: Sequence[LrRange], prepared: Prepared
) -> BatchScaling:
    usual = prepared.task.batch_size
    base = min(known, key=lambda each: abs(math.log(each.batch_size / usual)))
    lr = base.suggestion.value if base.suggestion else math.nan
    sizes = tuple(each.batch_size for each in group)
    points = [(each.batch_size, rate) for each in known for rate in each.of_seeds]
    power = fitted_power(*zip(*points, strict=True)) if points else None
    return BatchScaling(
        optimizer=optimizer,
        batch_sizes=sizes,
        measured=tuple(each.suggestion for each in group),
        linear=tuple(scale_lr(lr, base.batch_size, size, rule="linear") for size in sizes),
        sqrt=tuple(scale_lr(lr, base.batch_size, size, rule="sqrt") for size in sizes),
        power=power,
        sentence=_sentence(optimizer, power, known),
    )


def fitted_power(sizes: Sequence[int], rates: Sequence[float]) -> Measured | None:
    """Fit p of lr ~ batch size ^ p by least squares in logarithms, with a 95 % t interval.

    Args:
        sizes: a batch size for each point; several seeds give several points at a size.
        rates: the lr of each point.

    Returns:
        The power, without an interval for two points; None for a single size.
    """
    count = len(sizes)
    if len(set(sizes)) < 2:  # noqa: PLR2004 - a slope needs two sizes
        return None
    x, y = np.log(sizes), np.log(rates)
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    if count < LEAST_POINTS:
        return Measured(slope, math.nan, math.nan)
    left = y - y.mean() - slope * x
    error = math.sqrt(float(left @ left) / (count - 2) / float(x @ x))
    half = student(count - 2) * error
    return Measured(slope, slope - half, slope + half)


def _sentence(optimizer: str, power: Measured | None, known: Sequence[LrRange]) -> str:
    if power is None:
        return "only one batch size has a rate, so nothing is said about scaling"
    usual = "square-root" if _is_adaptive(optimizer) else "linear"
    fits = {name: _fits(power, value) for name, value in (("linear", 1.0), ("square-root", 0.5))}
    agree = [name for name, fit in fits.items() if fit]
    said = f"the rate went with batch size ^ {power.value:.2g}"
    if math.isfinite(power.low):
        said += f" (95 % from {power.low:.2g} to {power.high:.2g})"
        said += f": {' and '.join(agree) or 'neither the linear nor the square-root'} rule"
        said += " fits" if len(agree) < 2 else "s fit"  # noqa: PLR2004 - both
    return f"{said}; the usual rule for {optimizer.split(maxsplit=1)[0]} is {usual}{_curbed(known)}"


def _is_adaptive(optimizer: str) -> bool:
    return strategy(optimizer, lr=1.0).optimizer != "sgd"


def _fits(power: Measured, value: float) -> bool:
    return math.isfinite(power.low) and power.low <= value <= power.high


def _curbed(known: Sequence[LrRange]) -> str:
    """Say where the largest batches come near the curvature limit, which no rule may pass."""
    largest = max(known, key=lambda each: each.batch_size)
    if largest.stability is None or largest.suggestion is None:
        return ""
    limit = min(largest.stability.limit)
    if largest.suggestion.value < limit / 2:
        return ""
    return (
        f"; at batch size {largest.batch_size} the rate comes to the curvature limit,"
        f" {number(limit)}, where rules stop"
    )
