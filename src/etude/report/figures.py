"""Turns runs into what the page's charts draw: few numbers per line, and nothing but JSON.

A strategy's seeds become one line, their median, and a band from the lowest to the highest. A seed
that diverged counts as infinite, so the median itself goes when half of the seeds are gone.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etude.records import Array, Comparison, Outcome, Place, Run, finite
from etude.report import rungs
from etude.report.rungs import Point

POINTS = 200
"""Points that a line keeps at most."""

BUDGET = 150_000
"""Numbers that all lines together may hold, best strategies first: about 1 MB of page."""

SHOWN = 5
"""Strategies that are drawn when the page opens."""

_PLAIN = 1e6
"""Whole numbers from here on are shorter with an exponent."""

FAR = 10
"""A loss of this many times the first one is out of the charts, as is one that is not finite."""


def payload(comparison: Comparison) -> dict[str, Any]:
    """Give the charts' data: every strategy, lines of the best ones, and which to show first."""
    curves = _curves(comparison)
    return {
        "chance": _number(comparison.task.get("chance")),
        "far": FAR,
        "strategies": [_strategy(place) for place in comparison.ranking],
        "curves": curves,
        "shown": [index for index in _shown_first(comparison) if index < len(curves)],
        "sensitivity": _sensitivity(comparison),
    }


def _strategy(place: Place) -> dict[str, Any]:
    return {
        "name": place.strategy,
        "optimizer": place.optimizer,
        "schedule": place.schedule or "constant",
        "outcome": str(place.outcome),
        "updates": place.updates,
        "dropped": bool(place.note),
    }


def _shown_first(comparison: Comparison) -> list[int]:
    """Give the indices of the first few finalists; without a race the best of each family.

    A family is an optimizer with a schedule. Where a race has no finalist yet, the first few of
    its longest copies stand in.
    """
    ranking = comparison.ranking
    if rungs.is_race(comparison):
        longest = max(place.updates for place in ranking)
        return [i for i, place in enumerate(ranking) if place.updates == longest][:SHOWN]
    found: dict[tuple[str, str], int] = {}
    for index, place in enumerate(ranking):
        found.setdefault((place.optimizer, place.schedule), index)
    return list(found.values())[:SHOWN]


def _sensitivity(comparison: Comparison) -> dict[str, Any]:
    """Give final loss against peak lr at the length that most strategies were trained for.

    Where these are short copies, the finalists' points in full come on top.
    """
    copies = rungs.copies_compared(comparison)
    points = rungs.points(comparison, rungs.common_length(comparison))
    finals = rungs.points(comparison, comparison.settings["updates"]) if copies else []
    return {
        "copies": copies,
        "points": [_point(point) for point in points],
        "finals": [_point(point) for point in finals],
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "name": point.strategy,
        "optimizer": point.optimizer,
        "schedule": point.schedule,
        "lr": point.lr,
        "loss": _number(point.loss),
        "outcome": str(point.outcome),
    }


def _curves(comparison: Comparison) -> list[dict[str, Any]]:
    """Give the lines of the ranking's strategies from the best on, as far as the budget goes."""
    runs: dict[tuple[str, int], list[Run]] = defaultdict(list)
    for run in comparison.runs:
        runs[run.strategy, run.planned].append(run)
    curves: list[dict[str, Any]] = []
    left = BUDGET
    for place in comparison.ranking:
        curve = _strategy_curves(runs[place.strategy, place.updates])
        left -= sum(len(line) for part in ("train", "val", "lr") for line in curve[part].values())
        if left < 0:
            break
        curves.append(curve)
    return curves


def _strategy_curves(runs: Sequence[Run]) -> dict[str, Any]:
    longest = max((run.curve for run in runs), key=lambda curve: len(curve.update), default=None)
    kept = _thinned(len(longest.update)) if longest else slice(0)
    return {
        "train": _over_seeds([(run.curve.update, run.curve.loss) for run in runs]),
        "val": _over_seeds([(run.curve.eval_update, run.curve.val_loss) for run in runs]),
        "lr": {
            "x": numbers(longest.update[kept]) if longest else [],
            "y": numbers(longest.lr[kept]) if longest else [],
        },
        "exits": _exits(runs),
    }


def _over_seeds(columns: Sequence[tuple[Array, Array]]) -> dict[str, list[float | None]]:
    """Give median, lowest and highest over seeds at the updates of the seed that went furthest."""
    grid = max((x for x, _ in columns), key=len, default=np.empty(0))
    grid = grid[_thinned(len(grid))]
    if not len(grid):
        return {"x": [], "y": [], "low": [], "high": []}
    values = np.array([_at(grid, x, y) for x, y in columns])
    return {
        "x": numbers(grid),
        "y": numbers(np.median(values, axis=0)),
        "low": numbers(values.min(axis=0)),
        "high": numbers(values.max(axis=0)),
    }


def _at(grid: Array, x: Array, y: Array) -> Array:
    """Read y at the grid's updates; infinite where the run has no row or no finite value."""
    values = np.full(len(grid), np.inf)
    _, places, rows = np.intersect1d(grid, x, return_indices=True)
    values[places] = np.where(np.isfinite(y[rows]), y[rows], np.inf)
    return values


def _thinned(length: int) -> NDArray[np.intp]:
    """Give the rows to keep: evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, max(length - 1, 0), min(length, POINTS)).round().astype(int))


def _exits(runs: Sequence[Run]) -> dict[str, int] | None:
    """Tell how many seeds diverged and at which update the first one left the chart."""
    gone = [run for run in runs if run.outcome is Outcome.DIVERGED]
    if not gone:
        return None
    return {"update": min(map(_left_at, gone)), "seeds": len(gone), "of": len(runs)}


def _left_at(run: Run) -> int:
    loss = run.curve.loss
    far = ~np.isfinite(loss) | (loss > FAR * loss[:1]) if len(loss) else np.empty(0, bool)
    return int(run.curve.update[np.argmax(far)]) if far.any() else run.updates


def numbers(values: Array) -> list[float | None]:
    """Give values as the charts take them; None for what is not finite."""
    return [_number(value) for value in values.tolist()]


def _number(value: float | None) -> float | None:
    """Keep five significant digits, as many as a chart can show, and write 3.0 as 3."""
    if value is None or finite(value) is None:
        return None
    short = float(f"{value:.5g}")
    return int(short) if short.is_integer() and abs(short) < _PLAIN else short
