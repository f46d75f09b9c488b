"""Which strategies a comparison tries when it is not told, and where it looks next."""

import math
from collections.abc import Sequence
from itertools import product

from etude.records import Place
from etude.schedules import Schedule
from etude.strategies import Strategy, strategy
from etude.strategies.usual import USUAL_OPTIMIZERS, check_alone, half_decade, usual_lrs

SCHEDULES = (
    "constant",
    "step 30%",
    "warmup 5% -> cosine",
    "warmup 5% -> constant -> 1-sqrt 20%",
    "one-cycle",
)
WORTH_A_RUN = 0.25
"""Distance of a new lr from those tried, as a share of the grid's step, that is worth a run."""


def default_strategies(
    optimizers: Sequence[str] = USUAL_OPTIMIZERS,
    *,
    lrs: Sequence[float] | None = None,
    schedules: Sequence[Schedule | str] = SCHEDULES,
) -> list[Strategy]:
    """Give every combination of optimizer, schedule and peak lr.

    Args:
        optimizers: names or texts with options.
        lrs: absolute peak lrs for every optimizer; None takes each optimizer's own from `LRS`.
        schedules: schedules or their texts.

    Raises:
        StrategyError: when a value cannot hold, or an optimizer's text has an lr or a schedule.
    """
    for text in optimizers:
        check_alone(text)
    found = (
        strategy(text, lr=lr, schedule=schedule)
        for text, schedule in product(optimizers, schedules)
        for lr in (lrs or usual_lrs(text))
    )
    return list(dict.fromkeys(found))


def between(ranking: Sequence[Place]) -> Strategy | None:
    """Give the lr at the bottom of a parabola through the best place and its two neighbours.

    The parabola is of log loss over log lr, which is close to one near its bottom. None when a
    neighbour is missing, or when the bottom lies too near a grid point to be worth a run.
    """
    best = ranking[0]
    family = sorted(
        (p.peak_lr, p.loss)
        for p in ranking
        if (p.optimizer, p.schedule) == (best.optimizer, best.schedule) and p.loss > 0
    )
    at = [lr for lr, _ in family].index(best.peak_lr) if best.loss > 0 else 0
    if not 0 < at < len(family) - 1:
        return None
    (x0, y0), (x1, y1), (x2, y2) = (
        (math.log(lr), math.log(loss)) for lr, loss in family[at - 1 : at + 2]
    )
    # Newton's divided differences: the slope between the first two, and the curvature.
    slope = (y1 - y0) / (x1 - x0)
    curvature = ((y2 - y1) / (x2 - x1) - slope) / (x2 - x0)
    if curvature <= 0:
        return None
    bottom = (x0 + x1) / 2 - slope / (2 * curvature)
    if min(abs(bottom - x) for x in (x0, x1, x2)) < WORTH_A_RUN * min(x1 - x0, x2 - x1):
        return None
    return strategy(best.strategy).with_lr(float(f"{math.exp(bottom):.2g}"))


def beyond_the_edge(best: Strategy, tried: Sequence[Strategy]) -> Strategy | None:
    """Give the next peak lr to try when the best one lies at an edge of those tried, else None.

    Only strategies that differ from the best in nothing but the peak lr count. One lr alone is
    no grid and has no edge. The step beyond is as wide as the grid's last step.
    """
    family = sorted(s.peak_lr for s in tried if s.with_lr(best.peak_lr) == best)
    if len(family) < 2:  # noqa: PLR2004 - an edge needs a neighbour
        return None
    for edge, inner in (family[-1], family[-2]), (family[0], family[1]):
        if best.peak_lr == edge:
            lr = edge * edge / inner
            usual = all(half_decade(tried_lr) == tried_lr for tried_lr in family)
            return best.with_lr(half_decade(lr) if usual else float(f"{lr:.2g}"))
    return None
