"""What people usually train with: optimizers, and the peak lrs to begin a search with."""

from contextlib import suppress
from typing import cast

from etude.errors import StrategyError
from etude.schedules import constant
from etude.strategies.strategy import strategy

USUAL_OPTIMIZERS = ("sgd momentum=0.9", "adamw")
LRS = {
    "sgd": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
    "adam": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "adamw": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "rmsprop": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "adagrad": (3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0),
}
"""Peak lrs to begin with, in half decades. A best one at an edge makes the grid longer."""


def check_alone(optimizer: str) -> None:
    """Refuse what a grid's own lrs and schedules would silently replace.

    Raises:
        StrategyError: when the optimizer's text has an lr or a schedule, or does not parse.
    """
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
    momentum = cast("float", dict(probe.options).get("momentum", 0.0))
    return tuple(half_decade(lr * (1 - momentum)) for lr in LRS[probe.optimizer])


def half_decade(lr: float) -> float:
    """Give the nearest of ..., 0.01, 0.03, 0.1, ... as people write them."""
    candidates = [digit * 10.0**power for power in range(-9, 4) for digit in (1, 3)]
    nearest = min(candidates, key=lambda c: max(c / lr, lr / c))
    return float(f"{nearest:.0e}")
