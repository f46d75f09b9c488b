"""What to do with the lr when the batch size changes: arithmetic, without any training."""

import math
from typing import Literal, get_args

from etude.errors import StrategyError
from etude.strategies.optimizers import OPTIMIZERS
from etude.strategies.strategy import check_lr, strategy

Rule = Literal["linear", "sqrt"]
_POWERS = {"linear": 1.0, "sqrt": 0.5}


def scale_lr(
    lr: float,
    batch_size: int,
    new_batch_size: int,
    *,
    optimizer: str = "sgd",
    rule: Rule | None = None,
    noise_scale: float | None = None,
    limit: float | None = None,
) -> float:
    """Scale a rate that is good at one batch size to another, for as many examples in all.

    With r the ratio of the batch sizes:

    - linear, the default for SGD: lr r (Goyal et al. 2017, "Accurate, large minibatch SGD")
    - sqrt, the default for Adam and its like: lr sqrt(r) (Malladi et al. 2022, "On the SDEs and
      scaling rules for adaptive gradient algorithms", which scales 1 - b1 and 1 - b2 by r too)

    Both hold only while gradients are mostly noise. With a gradient noise scale N, r is replaced
    by (1 + N / old) / (1 + N / new), which is near r for batches far below N and stops at
    1 + N / old (McCandlish et al. 2018, "An empirical model of large-batch training", eq. 2.10;
    with the square root for Adam's like, where they found powers between 0.5 and 1).

    Args:
        lr: the rate at `batch_size`.
        batch_size: examples an update that the rate is for.
        new_batch_size: examples an update from now on.
        optimizer: its name or text; it decides the rule where none is given.
        rule: "linear" or "sqrt".
        noise_scale: the gradient noise scale, in examples; None takes it as infinite.
        limit: the largest rate that is stable, such as the curvature limit; None is none.

    Raises:
        StrategyError: when a value cannot hold.
    """
    chosen = rule or usual_rule(optimizer)
    if chosen not in get_args(Rule):
        raise StrategyError(f"rule must be linear or sqrt, got rule={rule!r}")
    old, new = _size("batch_size", batch_size), _size("new_batch_size", new_batch_size)
    ratio = new / old
    if noise_scale is not None:
        noise = _positive("noise_scale", noise_scale)
        ratio = (1 + noise / old) / (1 + noise / new) if math.isfinite(noise) else ratio
    scaled = check_lr(lr) * ratio ** _POWERS[chosen]
    return scaled if limit is None else min(scaled, _positive("limit", limit))


def usual_rule(optimizer: str) -> Rule:
    """Give the rule that fits an optimizer, by its name or text."""
    name = optimizer if optimizer in OPTIMIZERS else strategy(optimizer, lr=1.0).optimizer
    return "linear" if name == "sgd" else "sqrt"


def _size(name: str, value: int) -> int:
    if isinstance(value, bool) or value < 1 or value != int(value):
        raise StrategyError(f"{name} must be a whole number of at least 1, got {name}={value}")
    return int(value)


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise StrategyError(f"{name} must be above 0, got {name}={value}")
    return value
