"""`probe`: asks what the lr of a run should be, by experiment.

Three kinds of run can be forked: one that étude trains (a task with a strategy), one that was
saved (a checkpoint of a task), and one that lives in the user's own loop.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn, optim

from etude.diagnosis.action import read_action
from etude.diagnosis.forks import Forks
from etude.errors import ProbeError
from etude.jobs.request import read_task
from etude.probe.answer import answer
from etude.probe.live import Loss, fork_live, read_batches
from etude.probe.saved import fork_saved, optimizer_of, read_checkpoint
from etude.probe.trained import fork_run
from etude.records import Curve, Probe
from etude.strategies import Strategy, strategy
from etude.tasks import Prepared, Task
from etude.training.engine import choose

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Multiples of the run's lr that are tried."""
UPDATES = 80
"""Updates of each fork."""
FIRST = 5
"""Updates of a live run's curve whose mean loss stands for that of the untrained model."""
LEAST = 6
"""Fewest updates of a fork: its last third is then two batches."""


def probe(
    run: Task | Prepared | str | nn.Module,
    how: Strategy | str | optim.Optimizer | None = None,
    *,
    updates: int = UPDATES,
    factors: Sequence[float] = FACTORS,
    at: int | None = None,
    length: int | None = None,
    checkpoint: str | Path | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    device: str = "cpu",
    engine: str = "auto",
    loss: Loss | None = None,
    batches: Iterable[Any] | None = None,
    clip: float | None = None,
    scaler: Any = None,
    start: float | None = None,
    curve: Curve | None = None,
) -> Probe:
    """Fork a run at several multiples of its lr, and say what to do about it.

        etude.probe("train.py:task", "adamw lr=1e-3", at=200)
        etude.probe("train.py:task", checkpoint="last.pt")
        etude.probe(model, optimizer, loss=lambda batch: mse(model(batch[0]), batch[1]), batches=dl)

    All forks begin at the same weights, optimizer memory and random state, and see the same
    batches. A live run is put back to the bit, with its gradients, its gradient scaler and the
    loader's generators; a checkpoint is only read.

    Args:
        run: a task or its name, or the living model, in the mode in which it is to train.
        how: the strategy of the task's run, or the living optimizer, whose lr is the run's own.
            May be left out with a checkpoint that holds its optimizer.
        updates: of each fork.
        factors: multiples of the lr; 1 is always among them.
        at: updates of the task's run before its forks; None is a third of the length.
        length: of the task's whole run, which its schedule is made for; None is the task's own.
        checkpoint: state of the task's model, and of its optimizer; no code in it is run.
        seed: of the task's run or, with a checkpoint, of the batches.
        batch_size: examples an update of the task; None is its own.
        device: where a task is trained.
        engine: what trains a task's run.
        loss: of a live run: runs the model on a batch and gives the scalar loss.
        batches: of a live run: a list or a DataLoader; no iterator, whose batches it would lose.
        clip: of a live run: largest 2-norm of the gradient, where it clips.
        scaler: of a live run: its `GradScaler`, where it has one; `loss` gives the loss unscaled.
        start: of a live run: loss before any training, to set what forks gain against it.
        curve: of a live run: what it recorded so far; gives `start` too.

    Raises:
        ProbeError: when the run cannot be forked as asked.
        TaskError: when the task cannot be trained.
    """
    chosen = read_factors(factors, updates)
    if isinstance(run, nn.Module):
        if not isinstance(how, optim.Optimizer) or loss is None or batches is None:
            raise ProbeError("a live run needs its model, its optimizer, loss= and batches=")
        given_batches = read_batches(batches, updates)
        forks = fork_live(run, how, loss, given_batches, chosen, clip=clip, scaler=scaler)
        return _of_live(run, how, forks, start=start, curve=curve or Curve())
    if isinstance(how, optim.Optimizer):
        raise ProbeError("an optimizer goes with its model; a task's run is told by its strategy")
    prepared = read_task(run, batch_size, device)
    given = None if how is None else strategy(how)
    if checkpoint is not None:
        return _of_checkpoint(prepared, given, checkpoint, chosen, updates=updates, seed=seed)
    if given is None:
        raise ProbeError(
            "a task's run needs its strategy, such as 'adamw lr=0.001', or a checkpoint of it"
        )
    whole = prepared.task.budget if length is None else length
    first = whole // 3 if at is None else at
    if first < 1:
        raise ProbeError(f"a run must have made an update before it is forked, got at={first}")
    if first + updates > whole:
        raise ProbeError(
            f"forks must lie within the run: at={first} and updates={updates} need a length of"
            f" {first + updates} at least, it is {whole}"
        )
    work = first + (len(chosen) + 1) * updates
    trained_by = choose(prepared, [given], wanted=engine, runs=len(chosen) + 1, work=work)
    return _of_task(
        prepared,
        given,
        chosen,
        at=first,
        updates=updates,
        length=whole,
        seed=seed,
        engine=trained_by,
    )


def _of_live(
    model: nn.Module, optimizer: optim.Optimizer, forks: Forks, *, start: float | None, curve: Curve
) -> Probe:
    known = curve.loss.size > 0
    return answer(
        forks,
        lr=float(optimizer.param_groups[0]["lr"]),
        task=type(model).__name__,
        strategy=type(optimizer).__name__,
        start=float(np.mean(curve.loss[:FIRST])) if start is None and known else start,
        alive=bool((curve.zero_share[:1] < 1).any()),
        reading=read_action(curve) if known else None,
        settings={"updates": forks.rest.size},
    )


def _of_task(
    prepared: Prepared, given: Strategy, factors: tuple[float, ...], *, at: int, **options: Any
) -> Probe:
    forked = fork_run(prepared, given, at=at, factors=factors, **options)
    shown = {name: options[name] for name in ("updates", "length", "seed")}
    return answer(
        forked.forks,
        lr=float(forked.curve.lr[-1]),
        task=prepared.task.name,
        strategy=str(given),
        at=at,
        start=forked.start.loss,
        alive=forked.start.alive,
        reading=read_action(forked.curve),
        settings=shown | {"engine": options["engine"].name, "device": str(prepared.device)},
    )


def _of_checkpoint(
    prepared: Prepared,
    given: Strategy | None,
    checkpoint: str | Path,
    factors: tuple[float, ...],
    *,
    updates: int,
    seed: int,
) -> Probe:
    saved = read_checkpoint(checkpoint)
    name, known = optimizer_of(saved, given, checkpoint)
    forks, lr, start = fork_saved(
        prepared,
        saved,
        known,
        updates=updates,
        factors=factors,
        seed=seed,
        keeps_options=given is None,
    )
    notes = () if saved.optimizer else ("The optimizer's memory was not saved: it began anew.",)
    return answer(
        forks,
        lr=lr,
        task=prepared.task.name,
        strategy=name,
        at=saved.update,
        start=start.loss,
        alive=start.alive,
        notes=notes,
        settings={"updates": updates, "seed": seed, "device": str(prepared.device)},
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
