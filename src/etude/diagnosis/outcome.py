"""How a run ended, by statistics that do not depend on the unit of the loss.

No fixed loss threshold is used: each level is compared with the run's own start, with the loss
of a constant predictor, and with the best level that any run of the same task reached. The levels
are those of the training loss, unless the noise of a single batch hides all that there is to fall:
then they are those of the validation loss.

| outcome | definition |
|---|---|
| diverged | a loss is not finite, or both losses end above their start and stay there |
| collapsed | predictions hardly differ between inputs any more, and the loss is no better \
than that of a constant predictor: no nan, but dead |
| still improving | over the last half the loss falls (Mann-Kendall, p < 0.05), and as much again \
would gain 5 % or more of what was gained so far |
| converged | flat, and most of the attainable fall was made |
| stalled | flat, and most of it was not |
"""

import numpy as np

from etude.diagnosis.statistics import BLOCKS, block_medians, falling_p_value, noise, theil_sen
from etude.records import Array, Curve, Outcome

DEAD_SPREAD = 0.05
"""Collapsed predictions differ between inputs by less than this share of what they once did."""
CHANCE_MARGIN = 0.1
"""A loss above this much less than chance, as a share of chance, is no better than chance."""
NOTICEABLE = 0.01
"""A smaller share of the attainable fall is no fall."""
GAIN = 0.05
"""An improving run would gain this share of its fall so far by half a run more."""
ATTAINED = 0.8
"""Share of the attainable fall that a converged run made, where the best level is known."""
ATTAINED_ALONE = 0.5
"""The same where it is not and zero loss is taken as attainable."""
SIGNIFICANT = 0.05


def end_level(curve: Curve) -> float:
    """Give the training loss at the end: the median of the last tenth; nan when not finite."""
    if curve.loss.size == 0 or not np.isfinite(curve.loss).all():
        return float("nan")
    return float(np.median(block_medians(curve.loss)[-max(1, BLOCKS // 10) :]))


def judge(curve: Curve, *, chance: float | None = None, best: float | None = None) -> Outcome:
    """Say how a run ended.

    Args:
        curve: what the run recorded.
        chance: loss of the best constant predictor; None where there is none.
        best: lowest `end_level` of the runs it is compared with; None judges it alone, and then
            0 (or its lowest level, when that is negative) is taken as attainable.
    """
    if curve.loss.size == 0:
        return Outcome.STALLED
    if not _all_finite(curve):
        return Outcome.DIVERGED
    if _collapsed(curve, chance):
        return Outcome.COLLAPSED
    levels = block_medians(curve.loss)
    start, end = float(curve.loss[0]), end_level(curve)
    late = levels[levels.size // 2 :]
    least = float(late[late.size // 2 :].min())
    # An explosion on the way makes the noise large, but no noise keeps both losses doubled.
    if least > start + 3 * noise(levels) and _validation_rose(curve):
        return Outcome.DIVERGED
    if least > 2 * start > 0 and _validation_rose(curve, factor=2):
        return Outcome.DIVERGED
    floor = min(0.0, float(levels.min())) if best is None else min(best, end)
    val = curve.val_loss
    if val.size and start - floor <= noise(curve.loss):
        late, start, end, best = val[val.size // 2 :], float(val[0]), float(val[-1]), None
        floor = min(0.0, float(val.min()))
    attained = ATTAINED_ALONE if best is None else ATTAINED
    return _judge_fall(late, fall=start - end, attainable=start - floor, attained=attained)


def _judge_fall(late: Array, *, fall: float, attainable: float, attained: float) -> Outcome:
    """Say how a run ended that neither diverged nor collapsed."""
    share = fall / attainable if attainable > 0 else 1.0
    if share >= NOTICEABLE and _still_falls(late, fall):
        return Outcome.IMPROVING
    return Outcome.CONVERGED if share >= attained else Outcome.STALLED


def _all_finite(curve: Curve) -> bool:
    return bool(np.isfinite(curve.loss).all() and np.isfinite(curve.val_loss).all())


def _collapsed(curve: Curve, chance: float | None) -> bool:
    spread = curve.val_spread
    if chance is None or spread.size == 0 or not np.isfinite(spread).all():
        return False
    dead = spread[-1] <= DEAD_SPREAD * spread.max()
    # A passing explosion makes any later spread look small: a living model is then still told
    # by predictions that differ more than they did untrained, at another loss than a constant's.
    small = spread[-1] <= spread[0]
    above_chance = (curve.val_loss[-1] - chance) / abs(chance) if chance else np.inf
    if not small and above_chance > CHANCE_MARGIN:
        return False
    return bool(dead and curve.val_loss[-1] >= chance * (1 - CHANCE_MARGIN))


def _validation_rose(curve: Curve, factor: float = 1.0) -> bool:
    """Confirm a rise of the training loss, whose first row may just be a lucky batch.

    The first evaluation is of the whole validation split, and has no such noise.
    """
    val = curve.val_loss
    return bool(val.size < 2 or val[-max(1, val.size // 4) :].min() > factor * val[0])  # noqa: PLR2004 - start and end


def _still_falls(late: Array, fall: float) -> bool:
    if falling_p_value(late) >= SIGNIFICANT:
        return False
    return -theil_sen(late) * late.size >= GAIN * fall
