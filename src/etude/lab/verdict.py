"""What a fork test showed, in words and numbers; a comparison's verdict is the report's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from etude.lab.setup import Setup
from etude.records import Curve, Run
from etude.report.words import number

WINDOW = 0.1
"""Share of a copy's rows whose median is its loss at the end: single batches are noisy."""
FAR = 10
"""A copy whose loss ends at so many times the run's first one has diverged."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a forked run."""

    name: str
    lr: float
    """The rate that it went on at, at the fork."""
    loss: float
    """Training loss at its end; nan where it is not finite."""


@dataclass(frozen=True, slots=True)
class ForkVerdict:
    """What a fork test showed."""

    sentence: str
    copies: tuple[Copy, ...]


def forked(setup: Setup, runs: Mapping[float, Run]) -> ForkVerdict | None:
    """Say what rate was best from the fork on, for as long as the copies were followed."""
    if setup.fork is None:
        return None
    at, length = setup.fork.at, min(setup.fork.length, setup.updates - setup.fork.at)
    copies = tuple(
        Copy(f"x{factor:g}", _rate_at(run.curve, at), _end(run.curve, at))
        for factor, run in runs.items()
    )
    alive = [copy for copy in copies if np.isfinite(copy.loss)]
    if not alive:
        return ForkVerdict("Every copy diverged.", copies)
    best = min(alive, key=lambda copy: copy.loss)
    gone = [copy.name for copy in copies if copy not in alive]
    lost = f" {' and '.join(gone)} diverged." if gone else ""
    return ForkVerdict(
        f"From update {at}, {best.name} has the lowest training loss {length} updates later:"
        f" {number(best.loss)}.{lost} One seed, so no interval; and a rate that is best for"
        " the next updates need not be best for the rest of the run.",
        copies,
    )


def _rate_at(curve: Curve, at: int) -> float:
    after: Any = curve.lr[curve.update >= at]
    return float(after[0]) if after.size else float("nan")


def _end(curve: Curve, at: int) -> float:
    after: Any = curve.loss[curve.update >= at]
    if not after.size or not np.isfinite(after).all() or after[-1] > FAR * curve.loss[0]:
        return float("nan")
    return float(np.median(after[-max(1, round(WINDOW * after.size)) :]))
