"""How near to the edge of stability each stretch of a run trained: its rate over the stable one."""

from collections.abc import Sequence

from etude.finder.look import standings
from etude.finder.stability import is_preconditioned, stable_lr
from etude.strategies import Strategy
from etude.tasks import Prepared, plain_arithmetic
from etude.tasks.seeds import untouched
from etude.training.course import rates_for

LOOKS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""When, as shares of the run."""


def edge(
    prepared: Prepared, strategy: Strategy, *, updates: int, looks: Sequence[float] = LOOKS
) -> list[tuple[int, float]]:
    """Give the rate that a run uses over the largest one that is stable where it stands.

    For plain gradient descent that is sharpness x rate / 2 (Cohen et al. 2021, "Gradient descent
    on neural networks typically occurs at the edge of stability"); 1 is the edge for every
    optimizer of `stability`. An optimizer that scales gradients by what it has seen of them is
    not looked at before its first update.

    Args:
        prepared: the task.
        strategy: what trains; its run with seed 0 is looked at.
        updates: length of the run.
        looks: when, as shares of the run.

    Returns:
        Pairs of an update and the ratio; 0 where there is no upward curvature.
    """
    rates = rates_for(prepared, strategy, updates)
    found: list[tuple[int, float]] = []
    with untouched(), plain_arithmetic():
        for at in standings(prepared, strategy, updates=updates, horizon=updates, looks=looks):
            if at.updates or not is_preconditioned(strategy):
                optimizer = at.optimizer if at.updates else None
                limit, _ = stable_lr(prepared, strategy, at.model, optimizer)
                found.append((at.updates, rates[min(at.updates, updates - 1)] / limit))
    return found
