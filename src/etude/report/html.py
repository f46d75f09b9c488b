"""Writes a comparison as one HTML file: text, styles, scripts and data inline, no network.

The page is complete without scripts (answer, ranking, code, decisions); scripts add the charts.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from etude.records import Comparison, Outcome, Place
from etude.report import figures, rungs, words
from etude.report.facts import facts
from etude.report.parts import render
from etude.report.rungs import Point
from etude.report.words import Digits

ROWS = 12
"""Places that the ranking shows before it is opened."""


def page(comparison: Comparison) -> str:
    """Give the comparison as a self-contained HTML page."""
    winner, rest = words.answer(comparison)
    return render(
        "report.html",
        scripts=("charts.js", "reading.js", "copy.js", "report.js"),
        data=figures.payload(comparison) if comparison.ranking else None,
        comparison=comparison,
        words=words,
        winner=winner,
        rest=rest,
        key_numbers=_key_numbers(comparison),
        rows=list(rows(comparison, rungs.finalists(comparison))),
        dropped_rows=list(rows(comparison, rungs.dropped(comparison))),
        race=rungs.is_race(comparison),
        copies=rungs.copies_compared(comparison),
        first_rows=ROWS,
        sensitivity=_sensitivity(comparison),
        facts=facts(
            comparison.task,
            {**comparison.settings, "seeds": words.seeds(comparison)},
            comparison.versions,
        ),
    )


def _key_numbers(comparison: Comparison) -> list[tuple[str, str]]:
    """Give the few numbers that stand large under the answer, each with its label."""
    found = [*_reached(comparison), _counted(len(comparison.ranking), "strategy")]
    finalists = rungs.finalists(comparison)
    seeds = words.seeds_each(finalists)
    if not rungs.is_race(comparison):
        number, runs = _counted(len(comparison.runs), "run")
        found.append((number, f"{runs}, {seeds} each"))
        return found if comparison.ranking else []
    with_seeds = f", with {seeds}" if finalists else ""
    found.append((str(len(finalists)), f"of them in full{with_seeds}"))
    share = words.share_of_exhaustive(comparison)
    if share is not None:
        found.append((share, "of the updates of all in full"))
    return found


def _counted(count: int, noun: str) -> tuple[str, str]:
    number, _, counted = words.several(count, noun).partition(" ")
    return number, counted


def _reached(comparison: Comparison) -> list[tuple[str, str]]:
    leader = words.best(comparison)
    if leader is None:
        return []
    kind = "winner's" if comparison.winner else "best"
    found = [(words.number(leader.loss), f"{kind} validation loss")]
    name = words.metric_name(comparison)
    if name is not None:
        found.append((words.number(leader.metric), f"{kind} {name}"))
    if comparison.winner:
        found.append((str(words.ties(comparison)), "tied with the winner"))
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a ranking, as text; the bar's numbers are percent of its width."""

    rank: int
    place: Place
    mark: str
    loss: str
    metric: str
    difference: str
    interval: str
    standing: str
    bar: dict[str, float] | None


def rows(comparison: Comparison, places: Sequence[Place]) -> Iterator[Row]:
    """Give the places of a ranking as the texts of its table."""
    losses = words.digits_for(place.loss for place in places)
    metrics = words.digits_for(place.metric for place in places)
    ranked = losses if words.ranked_by(comparison) == "loss" else metrics
    span = _span(places)
    ranks = {place.strategy: rank for rank, place in enumerate(comparison.ranking, 1)}
    for place in places:
        yield Row(
            rank=ranks[place.strategy],
            place=place,
            mark=words.MARKS[place.outcome],
            loss=losses.plain(place.loss),
            metric=metrics.plain(place.metric),
            difference=_minus(ranked.signed(words.difference(comparison, place))),
            interval=_interval(place, ranked),
            standing=words.standing(comparison, place),
            bar=_bar(place, span),
        )


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _interval(place: Place, digits: Digits) -> str:
    if not all(map(math.isfinite, place.interval)):
        return "no interval"
    low, high = (_minus(digits.signed(bound)) for bound in place.interval)
    return f"{low} to {high}"


def _span(places: Sequence[Place]) -> tuple[float, float]:
    """Give the range that the interval bars share: that of the rows shown first, and 0."""
    bounds = [bound for place in places[:ROWS] for bound in place.interval if math.isfinite(bound)]
    return min(bounds, default=0.0) * 1.05, max(bounds, default=0.0) * 1.05


def _bar(place: Place, span: tuple[float, float]) -> dict[str, float] | None:
    """Give where an interval's bar begins, has its middle and ends, in percent; None if outside."""
    (low, high), (left, right) = place.interval, span
    if not (math.isfinite(low) and math.isfinite(high)) or left == right:
        return None
    if not left <= (low + high) / 2 <= right:
        return None

    def percent(value: float) -> float:
        return round(100 * (min(max(value, left), right) - left) / (right - left), 1)

    return {
        "low": percent(low),
        "middle": percent((low + high) / 2),
        "high": percent(high),
        "zero": percent(0),
    }


def _sensitivity(comparison: Comparison) -> dict[str, Any]:
    """Give the sensitivity chart's numbers as a table: a row per family, a column per lr."""
    points = rungs.points(comparison, rungs.common_length(comparison))
    lrs = sorted({point.lr for point in points})
    cells: dict[tuple[str, str], dict[float, Point]] = defaultdict(dict)
    for point in points:
        cells[point.optimizer, point.schedule][point.lr] = point
    digits = words.digits_for(point.loss for point in points)
    rows = {
        " · ".join(family): [_cell(at.get(lr), digits) for lr in lrs]
        for family, at in sorted(cells.items())
    }
    return {"lrs": [words.number(lr) for lr in lrs], "rows": rows}


def _cell(point: Point | None, digits: Digits) -> str:
    if point is None:
        return ""
    mark = words.MARKS[point.outcome]
    if point.outcome in (Outcome.COLLAPSED, Outcome.DIVERGED):
        return f"{mark} {point.outcome}"
    return f"{digits.plain(point.loss)} {mark}"
