"""Which strategies a comparison tries when it is not told, and where it looks next."""

import math
from collections.abc import Sequence
from contextlib import suppress
from itertools import product

from etude.errors import StrategyError
from etude.records import Place
from etude.schedules import Schedule, constant
from etude.strategies import Strategy, strategy

OPTIMIZERS = ("sgd momentum=0.9", "adamw")
SCHEDULES = (
    "constant",
    "step 30%",
    "warmup 5% -> cosine",
    "warmup 5% -> constant -> 1-sqrt 20%",
    "one-cycle",
)
LRS = {
    "sgd": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
    "adam": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "adamw": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "rmsprop": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "adagrad": (3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0),
}
"""Peak lrs to begin with, in half decades. A winner at an edge makes the grid longer."""
WORTH_A_RUN = 0.25
"""Distance of a new lr from those tried, as a share of the grid's step, that is worth a run."""


def default_strategies(
    optimizers: Sequence[str] = OPTIMIZERS,
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
        _check_alone(text)
    found = (
        strategy(text, lr=lr, schedule=schedule)
        for text, schedule in product(optimizers, schedules)
        for lr in (lrs or usual_lrs(text))
    )
    return list(dict.fromkeys(found))


def _check_alone(optimizer: str) -> None:
    """Refuse what the grid's own lrs and schedules would silently replace."""
    named_lr = False
    with suppress(StrategyError):
        strategy(optimizer)  # refused without an lr
        named_lr = True
    if named_lr or strategy(optimizer, lr=1.0).schedule != constant():
        raise StrategyError(
            f"an optimizer of a grid takes its lr and schedule from their lists, got {optimizer!r};"
            " leave them out here, or give it as a strategy of its own"
        )


def usual_lrs(optimizer: str) -> tuple[float, ...]:
    """Give the peak lrs to begin with.

    With momentum b each gradient moves the weights by lr / (1 - b) in the end, so that the grid
    of plain SGD is moved down by that factor, to the nearest half decade.
    """
    probe = strategy(optimizer, lr=1.0)
    momentum = dict(probe.options).get("momentum", 0.0)
    factor = 1.0 - momentum if isinstance(momentum, float) else 1.0
    return tuple(_half_decade(lr * factor) for lr in LRS[probe.optimizer])


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


def _half_decade(lr: float) -> float:
    """Give the nearest of ..., 0.01, 0.03, 0.1, ... as people write them."""
    candidates = [digit * 10.0**power for power in range(-9, 4) for digit in (1, 3)]
    nearest = min(candidates, key=lambda c: max(c / lr, lr / c))
    return float(f"{nearest:.0e}")


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
            usual = all(_half_decade(tried_lr) == tried_lr for tried_lr in family)
            return best.with_lr(_half_decade(lr) if usual else float(f"{lr:.2g}"))
    return None
