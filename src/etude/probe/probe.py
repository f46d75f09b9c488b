"""`probe`: asks what the lr of a run should be, by experiment.

Three kinds of run can be forked: one that étude trains (a task with a strategy), one that was
saved (a checkpoint of a task), and one that lives in the user's own loop.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from torch import nn, optim

from etude.errors import ProbeError
from etude.probe.answer import answer
from etude.probe.live import Loss, fork_live, read_batches
from etude.records import Curve, Probe

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Multiples of the run's lr that are tried."""
UPDATES = 60
"""Updates of each fork."""


def probe(
    model: nn.Module,
    optimizer: optim.Optimizer,
    *,
    loss: Loss,
    batches: Iterable[Any],
    updates: int = UPDATES,
    factors: Sequence[float] = FACTORS,
    clip: float | None = None,
    start: float | None = None,
    curve: Curve | None = None,
) -> Probe:
    """Fork a run that lives in your own loop, and say what to do about its lr.

        answer = etude.probe(
            model, optimizer, loss=lambda batch: criterion(model(batch[0]), batch[1]), batches=loader
        )

    Each fork trains on the same batches from the same weights, optimizer memory and random state.
    Then all of these, the gradients and the loader's generators are put back to the bit.

    Args:
        model: in the mode in which it is to train.
        optimizer: of that model; its lr as it stands is the run's own.
        loss: runs the model on a batch and gives the scalar loss.
        batches: a list or a DataLoader; no iterator, whose batches the run would lose.
        updates: of each fork.
        factors: multiples of the lr; 1 is always among them.
        clip: largest 2-norm of the gradient, where the run clips.
        start: loss before any training, to set what forks gain against what the run has gained.
        curve: what the run recorded so far; gives `start` too.

    Raises:
        ProbeError: when batches cannot be taken without loss to the run, or a number is no use.
    """
    chosen = read_factors(factors, updates)
    taken = read_batches(batches, updates)
    if start is None and curve is not None and curve.loss.size:
        start = float(np.mean(curve.loss[:5]))
    lr = float(optimizer.param_groups[0]["lr"])
    forks = fork_live(model, optimizer, loss, taken, chosen, clip=clip)
    return answer(
        forks,
        lr=lr,
        task=type(model).__name__,
        strategy=type(optimizer).__name__,
        start=start,
        settings={"updates": updates, "factors": list(chosen)},
    )


def read_factors(factors: Sequence[float], updates: int) -> tuple[float, ...]:
    """Check what is asked for; give the factors in order, with 1.

    Raises:
        ProbeError: when a factor is no positive number, or a fork has too few updates.
    """
    if updates < LEAST:
        raise ProbeError(f"forks need at least {LEAST} updates to differ, got updates={updates}")
    if not all(np.isfinite(factor) and factor > 0 for factor in factors):
        raise ProbeError(f"factors must be positive numbers, got {list(factors)}")
    return tuple(sorted({1.0, *map(float, factors)}))


LEAST = 6
"""Fewest updates of a fork: its last third is then two batches."""
