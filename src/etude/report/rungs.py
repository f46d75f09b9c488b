"""Reads a race out of a comparison: who was trained in full, and who was dropped when.

A rung of a race trains short copies: whole runs with their schedules compressed. Their losses say
which strategy goes on and nothing about a run in full, so the report never mixes the two. An
exhaustive comparison is a race without rungs: all its places are finalists.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from etude.records import Comparison, Outcome, Place, Run


def finalists(comparison: Comparison) -> list[Place]:
    """Give the places that were judged by runs in full, best first."""
    return [place for place in comparison.ranking if not place.note]


def dropped(comparison: Comparison) -> list[Place]:
    """Give the places that were judged by short copies, the last dropped first."""
    return [place for place in comparison.ranking if place.note]


def is_race(comparison: Comparison) -> bool:
    """Say whether some strategies were judged by short copies."""
    return any(place.note for place in comparison.ranking)


def in_full(comparison: Comparison) -> tuple[list[Run], list[Run]]:
    """Part the runs into those in full and short copies."""
    longest = comparison.settings.get("updates", 0)
    copies = [run for run in comparison.runs if run.planned < longest]
    return [run for run in comparison.runs if run.planned >= longest], copies


@dataclass(frozen=True, slots=True)
class Rung:
    """What one rung of a race dropped."""

    updates: int
    """Length of its copies."""
    entered: int
    """Strategies that it trained."""
    dropped: tuple[Place, ...]


def rungs(comparison: Comparison) -> list[Rung]:
    """Give the rungs that dropped something, the last rung first."""
    entered = _strategies_by_length(comparison)
    found: dict[int, list[Place]] = {}
    for place in dropped(comparison):
        found.setdefault(place.updates, []).append(place)
    return [Rung(updates, entered[updates], tuple(places)) for updates, places in found.items()]


def _strategies_by_length(comparison: Comparison) -> Counter[int]:
    return Counter(length for length, _ in {(run.planned, run.strategy) for run in comparison.runs})


@dataclass(frozen=True, slots=True)
class Point:
    """A strategy's final loss after runs of one length, for the sensitivity to the peak lr."""

    strategy: str
    optimizer: str
    schedule: str
    lr: float
    loss: float
    """Mean final validation loss over seeds; nan when a seed has none."""
    outcome: Outcome
    """The commonest of its runs; the worse one of two that are as common."""


def common_length(comparison: Comparison) -> int | None:
    """Give the length of runs that most strategies have, None when nothing ran.

    In a race that is the first rung's, which all strategies have: only there can all be compared. A
    survey has no such length, and none of its rungs has much more than the other.
    """
    counts = _strategies_by_length(comparison)
    return max(counts, key=lambda length: (counts[length], length), default=None)


def copies_compared(comparison: Comparison) -> int | None:
    """Give the common length where it is that of short copies, None where runs are in full."""
    length = common_length(comparison)
    return length if length is not None and length < comparison.settings.get("updates", 0) else None


def points(comparison: Comparison, length: int | None) -> list[Point]:
    """Give a point for each strategy that has runs of that length, in the ranking's order.

    Of strategies alike in optimizer, schedule and peak lr only the first has a point.
    """
    runs: dict[str, list[Run]] = {}
    for run in comparison.runs:
        if run.planned == length:
            runs.setdefault(run.strategy, []).append(run)
    found: dict[tuple[str, str, float], Point] = {}
    for place in comparison.ranking:
        if place.strategy in runs:
            point = _point(place, runs[place.strategy])
            found.setdefault((point.optimizer, point.schedule, point.lr), point)
    return list(found.values())


def _point(place: Place, runs: list[Run]) -> Point:
    counts = Counter(run.outcome for run in runs)
    order = list(Outcome)
    return Point(
        strategy=place.strategy,
        optimizer=place.optimizer,
        schedule=place.schedule or "constant",
        lr=place.peak_lr,
        loss=float(np.mean([run.loss for run in runs])),
        outcome=max(counts, key=lambda outcome: (counts[outcome], order.index(outcome))),
    )
