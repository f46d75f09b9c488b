"""What a fork test says: which multiple of the lr does best from the same point, and how surely.

All forks see the same batches, and so do the weights at rest: differences are paired, and the
noise of a batch cancels. Levels are means over the last third of the batches, compared as logs.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from etude.diagnosis.statistics import mean_interval
from etude.records import Action, Array, Measured, Reading

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
class Limits:
    """Which share of the attainable progress is little, and which is enough.

    A lower lr gains for a while at almost any point of a healthy run, so the run's own must make
    less of what a lower one makes than of what a higher one does before it is given up.
    """

    higher: float
    """Below this share of what a higher lr makes the run's own is too low."""
    lower: float
    """Below this share of what a lower lr makes it is too high."""
    keep: float
    """From this share on it is right."""


LIMITS = Limits(higher=0.7, lower=0.6, keep=0.95)
"""Chosen with the table of `bench/diagnosis.py` in view."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What forks say about the lr of their run."""

    action: Action
    factor: float
    """Multiple of the lr that did best; nan where none did anything."""
    sentence: str
    evidence: dict[str, float]


def judge_forks(
    forks: Forks | None,
    *,
    start: float | None = None,
    alive: bool = False,
    limits: Limits = LIMITS,
) -> Verdict:
    """Say whether the lr should be raised, kept or lowered, or is not what is wrong.

    With p_k the progress of fork k against the weights at rest and h what the run had made before,
    the share f = (h + p_1) / (h + max p) is what the run's own lr makes of the attainable.

    Args:
        forks: what they recorded; None where the run's loss was not finite before them.
        start: loss of the untrained model; None leaves h at 0, and then a run that has arrived
            and rattles is told to lower its lr, which is right for what is left of it.
        alive: is it known that every parameter had a gradient when training began?
        limits: where f counts as little and as enough.
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
        return _ruled(Action.LOWER, factor, f"the run diverges as it stands, x{factor:g} does not")
    if alive and _dead(forks.zeros[own]):
        return _ruled(Action.LOWER, math.nan, _KILLED)
    if _dead(forks.zeros) and values[best] < STILL:
        return _ruled(Action.NOT_RATE, math.nan, _DEAD)
    before = 0.0 if start is None else _log_ratio(start, forks.rest)
    attainable = before + float(values[best])
    moves = progress[best].low > 0 or before > STILL
    share = (before + float(values[own])) / attainable if attainable > 0 and moves else math.nan
    evidence = {"share": share, "before": before, "attainable": attainable}
    shown = lead(levels(forks.losses[own]), levels(forks.losses[best])).low > 0
    return _compared(factor, share, limits, evidence, shown=shown)


def _compared(
    factor: float, share: float, limits: Limits, evidence: dict[str, float], *, shown: bool
) -> Verdict:
    """Judge the share that the run's own lr makes of the progress of the best."""
    if math.isnan(share):
        said = "no fork does better than weights at rest, or than the untrained model"
        return Verdict(Action.UNDECIDED, math.nan, said, evidence)
    said = f"since the start the run's own lr makes {share:.0%} of the progress of x{factor:g}"
    if share >= limits.keep:
        return Verdict(Action.KEEP, 1.0, f"{said}: near enough", evidence)
    action = Action.RAISE if factor > 1 else Action.LOWER
    limit = limits.higher if factor > 1 else limits.lower
    if share < limit and shown:
        return Verdict(action, factor, said, evidence)
    why = "neither little nor enough" if shown else "which the batches' noise may be"
    return Verdict(Action.UNDECIDED, factor, f"{said}, {why}", evidence)


def agreed(verdict: Verdict, reading: Reading | None) -> Verdict:
    """Withdraw a verdict that a decided reading of the run's curve contradicts."""
    decided = {Action.RAISE, Action.KEEP, Action.LOWER}
    if reading is None or not {verdict.action, reading.action} <= decided:
        return verdict
    if verdict.action is reading.action:
        return verdict
    said = f"{verdict.sentence}, so {verdict.action.value}; but {reading.sentence}"
    return replace(verdict, action=Action.UNDECIDED, sentence=said)


STILL = 0.05
"""A loss that no fork brings down by this share stands still."""
_KILLED = (
    "a parameter's gradient is exactly 0 at every update, and was not at the start: the lr killed"
    " it; go back to a checkpoint before that and lower it"
)
_DEAD = "a parameter's gradient is exactly 0 at every update of every fork, and none of them moves"


def _ruled(action: Action, factor: float, sentence: str) -> Verdict:
    return Verdict(action, factor, sentence, {})


def _dead(zeros: Array) -> bool:
    known = zeros[np.isfinite(zeros)]
    return bool(known.size and (known >= 1).all())


def _log_ratio(start: float, rest: Array) -> float:
    level = float(rest.mean())
    return math.log(start / level) if start > 0 and level > 0 else start - level
