"""Many strategies at once: every combination of the values given."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from etude.controllers import Controlled, Controller
from etude.errors import StrategyError
from etude.schedules import Schedule
from etude.strategies.strategy import Strategy, strategy

Scheduled = Schedule | Controlled | Controller | str


def grid(
    optimizer: str | Sequence[str],
    *,
    lr: float | Iterable[float],
    schedule: Scheduled | Sequence[Scheduled] = "constant",
    **options: Any,
) -> list[Strategy]:
    """Give one strategy for each combination; a list means "each of these".

    Args:
        optimizer: a name or a text with options: `"sgd momentum=0.9"`.
        lr: peak lr, absolute.
        schedule: a schedule, one with controllers, or its text.
        **options: `batch_size`, `clip` or any option of the optimizers; a list gives each value
            in turn, a tuple is one value (`betas=(0.9, 0.95)`).

    Returns:
        The strategies, without doubles, in the order of the arguments.

    Raises:
        StrategyError: when a value cannot hold or a list is empty.
    """
    axes = {
        "text": _listed(optimizer),
        "lr": _listed(lr),
        "schedule": _listed(schedule),
        **{name: _listed(value) for name, value in options.items()},
    }
    for name, values in axes.items():
        if not values:
            what = "optimizer" if name == "text" else name
            raise StrategyError(f"a grid needs at least one {what}, got none")
    combinations = (dict(zip(axes, values, strict=True)) for values in product(*axes.values()))
    return list(dict.fromkeys(strategy(**combination) for combination in combinations))


def _listed(value: Any) -> list[Any]:
    if isinstance(value, (str, tuple)) or not isinstance(value, Iterable):
        return [value]
    return list(value)
