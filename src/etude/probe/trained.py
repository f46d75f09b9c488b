"""Forks of a run that étude trains, all in one cohort."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from etude.diagnosis.forks import Forks
from etude.records import Array, Curve
from etude.strategies import Strategy
from etude.tasks import Prepared, build_model, plain_arithmetic, seed_for
from etude.tasks.seeds import seeded
from etude.training import Plan
from etude.training.blame import blaming_the_task
from etude.training.course import batch_size_for
from etude.training.engine import Engine
from etude.training.order import BatchOrder

GAINS = 5
"""Updates between two measured gains of the run and its forks."""
REST = 1e-30
"""An lr at which no weight moves: the same batches at the weights as they stand."""
READ = 400
"""A run up to so many updates is recorded at each of them, so that its curve can be read."""
HIGHEST = 1e6
"""No fork's lr is higher: beyond, a float32 update overflows whatever the gradient."""


@dataclass(frozen=True, slots=True, eq=False)
class Forked:
    """A run up to its forks, and these."""

    curve: Curve
    """Of the run, up to the forks."""
    forks: Forks | None
    """None where the run diverged before."""
    start: "Untrained"
    """What the untrained model does on the forks' batches."""


@dataclass(frozen=True, slots=True)
class Untrained:
    """The model as it was before any training, on some batches."""

    loss: float
    """Their mean loss."""
    alive: bool
    """Has every parameter a gradient that is not exactly 0, on the first of them?"""


def fork_run(
    prepared: Prepared,
    strategy: Strategy,
    *,
    at: int,
    updates: int,
    length: int,
    factors: Sequence[float],
    seed: int,
    engine: Engine,
) -> Forked:
    """Train a run up to an update, and forks of it from there on the same batches.

    Args:
        prepared: the task.
        strategy: the run's; a fork's has a multiple of its peak lr.
        at: updates before the forks.
        updates: of each fork.
        length: length of the whole run, which the schedule is made for.
        factors: multiples of the lr.
        seed: of the run.
        engine: what trains.
    """
    close = range(at, at + updates)
    plan = Plan(strategy, seed, gains=GAINS)
    with blaming_the_task(prepared, strategy), plain_arithmetic():
        recorded = range(0 if at <= READ else at, close.stop)
        cohort = engine.cohort(prepared, [plan], updates=length, close=recorded)
        cohort.advance(at)
        curve = cohort.curve(0)
        start = untrained(prepared, strategy, seed, close)
        if not cohort.alive or not np.isfinite(curve.loss).all():
            return Forked(curve, None, start)
        lrs = [REST, *(min(strategy.peak_lr * factor, HIGHEST) for factor in factors)]
        runs = [cohort.fork(0, strategy.with_lr(lr)) for lr in lrs]
        cohort.drop([0])
        cohort.advance(updates)
    rest, *others = (cohort.curve(run) for run in runs)
    losses = np.array([_losses(each, close) for each in others])
    zeros = np.array([_zeros(each, close) for each in others])
    return Forked(curve, Forks(tuple(factors), losses, _losses(rest, close), zeros), start)


def untrained(prepared: Prepared, strategy: Strategy, seed: int, close: range) -> Untrained:
    """Look at the untrained model on a run's batches of some updates."""
    task = prepared.task
    batch_size = batch_size_for(prepared, strategy)
    order = BatchOrder(prepared.train.size, batch_size, seed_for(task.name, seed, "batches"))
    batches = [order.draw() for _ in range(close.stop)][close.start :]
    model = build_model(task, seed).to(prepared.device).train()
    losses: list[float] = []
    with seeded(seed_for(task.name, seed, "dropout")):
        for index in batches:
            inputs, targets = prepared.train.take(index)
            with torch.set_grad_enabled(not losses):
                loss = task.loss(model(inputs), targets)
            if not losses:
                loss.backward()
            losses.append(float(loss.detach()))
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return Untrained(float(np.mean(losses)), all(bool(g.any()) for g in gradients))


def _losses(curve: Curve, close: range) -> Array:
    """Give the loss of each update; nan from one on that is not finite."""
    found = np.full(len(close), np.nan)
    here = (curve.update >= close.start) & np.isfinite(curve.loss)
    found[curve.update[here].astype(int) - close.start] = curve.loss[here]
    return found


def _zeros(curve: Curve, close: range) -> Array:
    measured = [t for t in close if t % GAINS == 0]
    found = np.full(len(measured), np.nan)
    here = curve.zero_share[curve.gain_update >= close.start]
    found[: here.size] = here
    return found
