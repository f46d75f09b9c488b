"""Which strategies a comparison tries when it is not told, and where it looks next."""

from collections.abc import Sequence
from itertools import product

from etude.schedules import Schedule
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
    """
    found = (
        strategy(text, lr=lr, schedule=schedule)
        for text, schedule in product(optimizers, schedules)
        for lr in (lrs or usual_lrs(text))
    )
    return list(dict.fromkeys(found))


def usual_lrs(optimizer: str) -> tuple[float, ...]:
    """Give the peak lrs to begin with.

    With momentum b each gradient moves the weights by lr / (1 - b) in the end, so that the grid
    of plain SGD is moved down by that factor, to the nearest half decade.
    """
    probe = strategy(optimizer, lr=1.0)
    momentum = dict(probe.options).get("momentum", 0.0)
    factor = 1.0 - momentum if isinstance(momentum, float) else 1.0
    return tuple(_half_decade(lr * factor) for lr in LRS[probe.optimizer])


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
