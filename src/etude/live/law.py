"""The autopilot's decisions as pure functions of numbers: no torch, no model.

A run of T updates goes through four stages:

1. **range**: on the first batch one update is tried at every half decade of the allowed lr, and
   taken back. The lr whose update lowers the loss of that batch most is the top of the range.
2. **race**: six copies of the run, from the top down by half decades, train on the same batches.
   The best and the two below it go on, four times as long; the best of these is the run. What was
   best after n updates falls as n grows, so copies above the best have no future. Where a lower one
   ties with the best, it counts as the best: too low a rate costs less than too high a one.
3. **hold**: the lr that the race leads to, which is not the one that was best in it. Where the best
   rate fell from one end of a round to the next, it is taken to go on falling by the same power of
   the updates done, up to as many updates at the full rate as the run has.
4. **cooldown**: the lr falls to 0 at the end of the run.

At the noise floor the lr is lowered in both of these: `etude.live.floor`.

The constants were chosen on four tasks of `bench/autopilot.py` (all but characters) with AdamW, on
seeds 100 to 117; docs/watch.md has what they give on other seeds.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from etude.schedules import Schedule, linear

STEP = math.sqrt(10)
"""Factor between two rates that are tried: half a decade."""
LANES = (6, 3)
"""Copies in each round of the race."""
LENGTHS = (1, 4)
"""Lengths of the rounds, relative to each other."""
SHORTEST = 3
"""Updates of the first round; where the budget buys fewer there is no race."""
WITHOUT_RACE = 0.1
"""The chosen lr as a part of the range's top, where there is no race."""
WARMUP = 0.03
"""Share of the run over which each copy's lr rises."""
GATE = 0.25
"""A gain ratio below this holds a warmup: the step overshoots by far (0.5: the line's minimum)."""
GATE_EVERY = 4
"""Updates of a warmup between two whose gain is measured."""
HOLD = 0.25
"""Share of the run after which the lr falls."""
COOLDOWN = linear()
WINDOW = 0.05
"""Share of the run in each of two windows whose losses are compared."""
LEAST_WINDOW = 8
FALLS = 0.7
"""Standard errors by which the loss must fall from one window to the next."""
CANCEL = 0.6
"""|sum of gradients|^2 over the sum of their squares, below which they cancel; see `live.floor`."""
TIES = 2.0
"""Standard errors within which two copies' losses on the same batches show no difference."""
LOWER = 0.6
"""Factor of a reduction at the noise floor."""
BACK = 0.5
"""Factor of a reduction after a rollback."""


def rates_between(low: float, high: float) -> list[float]:
    """Give the half decades of a range, 10^(k/2); its ends are kept."""
    first, last = (math.ceil(2 * math.log10(low) - 1e-9), math.floor(2 * math.log10(high) + 1e-9))
    return [float(f"{10 ** (k / 2):.4g}") for k in range(first, last + 1)] or [low]


def top_of(losses: Mapping[float, float]) -> float:
    """Give the lr whose single update left the lowest loss; the lowest lr where none is finite."""
    finite = {lr: loss for lr, loss in losses.items() if math.isfinite(loss)}
    return min(finite, key=lambda lr: (finite[lr], lr)) if finite else min(losses)


def lane_rates(top: float, low: float) -> list[float]:
    """Give the rates of the race, the highest first, none below the lowest allowed."""
    rates = [top / STEP**k for k in range(LANES[0])]
    return [lr for lr in rates if lr >= low * (1 - 1e-9)] or [top]


def round_lengths(budget: float) -> list[int]:
    """Give the updates of each round that a budget of fork updates buys; none: no race.

    One copy of each round would have been trained anyway; the others are forks.
    """
    price = sum((lanes - 1) * length for lanes, length in zip(LANES, LENGTHS, strict=True))
    unit = math.floor(budget / price)
    return [unit * length for length in LENGTHS] if unit >= SHORTEST else []


def score(losses: Sequence[float]) -> float:
    """Give what a copy is ranked by: its level over the second half of a round; less is better."""
    values = np.asarray(losses[len(losses) // 2 :], dtype=np.float64)
    return float(_scaled(values).mean()) if np.isfinite(values).all() else math.inf


def ties(losses: Sequence[float], best: Sequence[float]) -> bool:
    """Say whether a copy's losses show no difference from the best copy's on the same batches.

    Over the second half of a round, as `score`: t = mean(d) sqrt(n) / s of n paired differences d.
    """
    pairs = np.array([losses[len(losses) // 2 :], best[len(best) // 2 :]], dtype=np.float64)
    if not np.isfinite(pairs).all():
        return False
    first, second = np.split(_scaled(pairs), 2)
    apart = (first - second).ravel()
    return float(apart.mean()) * math.sqrt(apart.size) <= TIES * float(apart.std())


def horizon(total: int, cooldown: Schedule) -> float:
    """Give the run's length in updates at the full rate: the sum of its multipliers."""
    held = cooling_from(total)
    left = total - held
    return held + float(np.sum(cooldown.bind(left)(np.arange(left)))) if left else float(held)


def cooling_from(total: int) -> int:
    """Give the update at which the lr begins to fall."""
    return round(HOLD * total)


def falls(losses: Sequence[float]) -> float:
    """Give by how many standard errors the second half of the losses is below the first.

    z = (m1 - m2) / sqrt((s1^2 + s2^2) / n), over logarithms where all losses are positive. Both
    halves hold n losses.
    """
    values = _scaled(np.asarray(losses, dtype=np.float64))
    first, second = np.split(values, 2)
    error = math.sqrt((first.var() + second.var()) / len(first))
    fall = float(first.mean() - second.mean())
    return fall / error if error else math.copysign(math.inf, fall) if fall else 0.0


def window(total: int) -> int:
    """Give the updates of a window."""
    return max(LEAST_WINDOW, round(WINDOW * total))


def warm(done: int, total: int) -> float:
    """Give the multiplier of a warmup of which so many updates are done."""
    return min(1.0, (done + 1) / max(1.0, WARMUP * total))


def _scaled(values: np.ndarray) -> np.ndarray:
    return np.log(values) if (values > 0).all() else values
