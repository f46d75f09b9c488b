"""From what forks recorded to the record that a user gets."""

import math
from typing import Any

import torch

from etude._version import __version__
from etude.diagnosis.forks import Forks, agreed, judge_forks, lead, levels
from etude.records import Fork, Measured, Probe, Reading


def answer(
    forks: Forks | None,
    *,
    lr: float,
    task: str,
    strategy: str,
    at: int | None = None,
    start: float | None = None,
    alive: bool = False,
    reading: Reading | None = None,
    notes: tuple[str, ...] = (),
    settings: dict[str, Any] | None = None,
) -> Probe:
    """Judge forks, and give the verdict with its evidence.

    Args:
        forks: what they recorded; None where the run's loss was not finite before them.
        lr: the run's own.
        task: its name.
        strategy: its text form.
        at: updates that the run had done.
        start: loss of the untrained model.
        alive: is it known that every parameter of it had a gradient?
        reading: what the run's curve said.
        notes: what a reader must know.
        settings: what was asked for.
    """
    verdict = agreed(judge_forks(forks, start=start, alive=alive), reading)
    every = () if forks is None else range(len(forks.factors))
    return Probe(
        task=task,
        strategy=strategy,
        at=at,
        lr=lr,
        updates=0 if forks is None else forks.rest.size,
        action=verdict.action,
        factor=verdict.factor,
        sentence=verdict.sentence,
        rest=() if forks is None else tuple(forks.rest.tolist()),
        forks=tuple(_fork(forks, number, lr) for number in every if forks is not None),
        evidence=verdict.evidence,
        reading=reading,
        notes=notes,
        settings=settings or {},
        versions={"etude": __version__, "torch": torch.__version__},
    )


def _fork(forks: Forks, number: int, lr: float) -> Fork:
    losses, own = forks.losses[number], forks.losses[forks.factors.index(1.0)]
    factor = forks.factors[number]
    mine = levels(losses)
    return Fork(
        factor=factor,
        lr=lr * factor,
        loss=tuple(value if math.isfinite(value) else math.nan for value in losses.tolist()),
        progress=lead(levels(forks.rest), mine),
        gain=Measured(0.0, 0.0, 0.0) if factor == 1 else lead(levels(own), mine),
    )
