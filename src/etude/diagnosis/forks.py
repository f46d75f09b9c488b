"""What a fork test says: which multiple of the lr does best from the same point, and how surely.

All forks see the same batches, and so do the weights at rest: differences are paired, and the
noise of a batch cancels. Levels are means over the last third of the batches, compared as logs.
"""

import math
from dataclasses import dataclass

import numpy as np

from etude.diagnosis.statistics import mean_interval
from etude.records import Action, Array, Measured

LAST = 1 / 3
"""Share of the batches, the last ones, that a fork's level is taken from."""
PIECES = 5
"""Pieces of these whose spread gives the interval: batches next to each other are no two
experiments."""


@dataclass(frozen=True, slots=True, eq=False)
class Forks:
    """What forks of a run recorded."""

    factors: tuple[float, ...]
    """Multiples of the lr; 1 is among them."""
    losses: Array
    """Loss of each batch before its update, [factors, batches]; nan after a divergence."""
    rest: Array
    """Loss of the same batches at the weights as they stood, [batches]."""
    zeros: Array
    """Largest share of exact zeros in any one parameter's gradient, [factors, batches]."""


def levels(losses: Array) -> Array:
    """Give the log of the level of each piece of the last batches, [pieces].

    Where a loss is not positive the level itself is given: then differences have its unit.
    """
    last = losses[-max(1, round(losses.size * LAST)) :]
    means = np.array([piece.mean() for piece in np.array_split(last, min(PIECES, last.size))])
    return np.log(means) if (losses > 0).all() else means


def lead(first: Array, second: Array) -> Measured:
    """Give how far the first of two forks' levels lies above the second, over paired pieces."""
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return Measured(math.nan, math.nan, math.nan)
    differences = first - second
    return Measured(float(differences.mean()), *mean_interval(differences.tolist()))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What forks say about the lr of their run."""

    action: Action
    confidence: float
    factor: float
    """Multiple of the lr that did best; nan where none did anything."""
    sentence: str
    evidence: dict[str, float]


def judge_forks(
    forks: Forks | None, *, start: float | None = None, alive: bool = False
) -> Verdict:
    """Say whether the lr should be raised, kept or lowered, or is not what is wrong.

    With p_k the progress of fork k against the weights at rest and h what the run had made before,
    the share f = (h + p_1) / (h + max p) is what the run's own lr makes of the attainable.

    Args:
        forks: what they recorded; None where the run's loss was not finite before them.
        start: loss of the untrained model; None leaves h at 0, and then a run that has arrived
            and rattles is told to lower its lr, which is right for what is left of it.
        alive: is it known that every parameter had a gradient when training began?
    """
    if forks is None:
        said = "the run's loss was not finite before it could be forked"
        return _ruled(Action.LOWER, math.nan, said)
    own = forks.factors.index(1.0)
    rest = levels(forks.rest)
    progress = [lead(rest, levels(losses)) for losses in forks.losses]
    values = np.array([each.value for each in progress])
    if not np.isfinite(values).any():
        return _ruled(Action.LOWER, math.nan, "every fork diverged; lower the lr by far")
    best = int(np.nanargmax(values))
    factor = forks.factors[best]
    if not math.isfinite(values[own]):
        return _ruled(Action.LOWER, factor, f"the run diverges as it stands; x{factor:g} does not")
    if _dead(forks) and values[best] < STILL:
        if alive:
            return _ruled(Action.LOWER, math.nan, f"{_DEAD}; it had one once, so the lr killed it")
        return _ruled(Action.NOT_RATE, math.nan, _DEAD)
    before = 0.0 if start is None else _log_ratio(start, forks.rest)
    attainable = before + float(values[best])
    share = (before + float(values[own])) / attainable if attainable > 0 else math.nan
    evidence = {"share": share, "before": before, "attainable": attainable}
    if attainable <= 0 or not (progress[best].low > 0 or before > 0):
        sentence = "no fork leaves the weights at rest behind by more than the batches' noise"
        return Verdict(Action.UNDECIDED, 0.0, math.nan, sentence, evidence)
    said = f"x1 makes {share:.0%} of the progress of x{factor:g}"
    if share >= ENOUGH:
        return Verdict(Action.KEEP, 1.0, 1.0, f"{said}: near enough", evidence)
    action = Action.RAISE if factor > 1 else Action.LOWER
    return Verdict(action, 1.0, factor, said, evidence)


ENOUGH = 0.8
"""Share of the attainable progress from which an lr is kept."""
STILL = 0.05
"""A loss that no fork brings down by this share stands still."""
_DEAD = "a parameter's gradient is exactly 0 at every update of every fork, and none of them moves"


def _ruled(action: Action, factor: float, sentence: str) -> Verdict:
    return Verdict(action, 1.0, factor, sentence, {})


def _dead(forks: Forks) -> bool:
    known = forks.zeros[np.isfinite(forks.zeros)]
    return bool(known.size and (known >= 1).all())


def _log_ratio(start: float, rest: Array) -> float:
    level = float(rest.mean())
    return math.log(start / level) if start > 0 and level > 0 else start - level
