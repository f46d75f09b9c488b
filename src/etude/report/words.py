"""Puts a comparison into words and digits, the same ones in the terminal and on the page."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from etude.records import Comparison, Outcome, Place

MARKS = {
    Outcome.CONVERGED: "✓",
    Outcome.IMPROVING: "↗",
    Outcome.STALLED: "–",
    Outcome.COLLAPSED: "✗",
    Outcome.DIVERGED: "✗",
}
"""A sign for each outcome, always shown beside its word."""

MISSING = "–"
"""Stands for a number that is not there or not finite."""


@dataclass(frozen=True, slots=True)
class Digits:
    """How to write the numbers of one column so that their digits line up."""

    decimals: int | None
    """Digits after the point; None writes every number in scientific form."""

    def plain(self, value: float) -> str:
        """Write a value: `0.0683`, `2.3026`, `5.0e+18`."""
        return self._write(value, "")

    def signed(self, value: float) -> str:
        """Write a difference, with its sign: `+0.0021`."""
        return self._write(value, "+")

    def _write(self, value: float, sign: str) -> str:
        if not math.isfinite(value):
            return MISSING
        if self.decimals is None:
            return format(value, f"{sign}.2e")
        large = 1e5
        return format(value, f"{sign}.1e" if abs(value) >= large else f"{sign}.{self.decimals}f")


def digits_for(values: Iterable[float]) -> Digits:
    """Give the digits that show three significant ones of the smallest value in a column."""
    sizes = [abs(value) for value in values if math.isfinite(value) and value != 0]
    smallest = min(sizes, default=1.0)
    needs_exponent = 1e-4
    if smallest < needs_exponent:
        return Digits(None)
    return Digits(max(0, 2 - math.floor(math.log10(smallest))))


def number(value: float) -> str:
    """Write one number that stands alone, with four significant digits."""
    return format(value, ".4g") if math.isfinite(value) else MISSING


def metric_name(comparison: Comparison) -> str | None:
    """Give the name of the task's metric, None where it has none."""
    return comparison.task.get("metric")


def ranked_by(comparison: Comparison) -> str:
    """Give what the places are ranked by: `loss` or the metric's name."""
    return comparison.settings.get("ranked_by", "loss")


def ranked_value(comparison: Comparison, place: Place) -> float:
    """Give a place's mean in the ranked quantity."""
    return place.loss if ranked_by(comparison) == "loss" else place.metric


def best(comparison: Comparison) -> Place | None:
    """Give the place that the others are compared with: the winner's, or the first."""
    if comparison.winner is not None:
        for place in comparison.ranking:
            if place.strategy == comparison.winner.strategy:
                return place
    return comparison.ranking[0] if comparison.ranking else None


def difference(comparison: Comparison, place: Place) -> float:
    """Give (this place - the winner): the middle of its interval, or of the means without one."""
    low, high = place.interval
    if math.isfinite(low) and math.isfinite(high):
        return (low + high) / 2
    leader = best(comparison)
    if leader is None:
        return math.nan
    return ranked_value(comparison, place) - ranked_value(comparison, leader)


def standing(comparison: Comparison, place: Place) -> str:
    """Say in a word or two how a place stands to the winner."""
    if place is best(comparison):
        return "winner" if comparison.winner is not None else "best"
    if place.tie:
        return "tie"
    return "behind" if math.isfinite(place.interval[0]) else "no interval"


def ties(comparison: Comparison) -> int:
    """Count the places that no difference from the winner is shown for."""
    return sum(standing(comparison, place) == "tie" for place in comparison.ranking)


def seeds(comparison: Comparison) -> tuple[int, ...]:
    """Give the seeds that were run, sorted."""
    return tuple(sorted({run.seed for run in comparison.runs}))


def outcome_counts(comparison: Comparison) -> dict[Outcome, int]:
    """Count the runs per outcome, best outcome first, leaving out those that none had."""
    counted = Counter(run.outcome for run in comparison.runs)
    return {outcome: counted[outcome] for outcome in Outcome if counted[outcome]}


def counts_in_words(comparison: Comparison) -> str:
    """Say how the runs ended: `144 runs: 98 converged, 31 collapsed, 15 diverged`."""
    parts = [f"{count} {outcome}" for outcome, count in outcome_counts(comparison).items()]
    return f"{several(len(comparison.runs), 'run')}: {', '.join(parts)}"


def several(count: int, noun: str) -> str:
    """Write a count with its noun: `1 run`, `2 runs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def answer(comparison: Comparison) -> tuple[str, str]:
    """Give the answer as one sentence in two parts: the winning strategy, and what follows it.

    Without a winner the first part is empty.
    """
    task = comparison.task["name"]
    leader = best(comparison)
    if leader is None:
        return "", f"No run on {task} is done, so there is nothing to rank."
    if comparison.winner is None:
        return "", f"No strategy wins on {task}."
    return leader.strategy, f"wins on {task}: {_reached(comparison, leader)}, {_tied(comparison)}."


def _reached(comparison: Comparison, place: Place) -> str:
    reached = f"validation loss {number(place.loss)}"
    name = metric_name(comparison)
    return reached if name is None else f"{reached}, {name} {number(place.metric)}"


def _tied(comparison: Comparison) -> str:
    if len(seeds(comparison)) == 1:
        return "with one seed, so without intervals: nothing is shown to be better"
    count = ties(comparison)
    return f"tied with {several(count, 'other')}" if count else "ahead of all others"


def notices(comparison: Comparison) -> list[str]:
    """Say what a reader must know before trusting the ranking; empty when there is nothing."""
    found = []
    if not comparison.complete:
        done = several(len(comparison.runs), "run")
        found.append(f"interrupted: the ranking covers only the {done} that ended.")
    if comparison.winner is None and comparison.ranking:
        chance = comparison.task.get("chance")
        bar = "" if chance is None else f" (validation loss {number(chance)})"
        found.append(
            "no winner: every strategy diverged, collapsed or ended no better than the best"
            f" constant answer{bar}."
        )
    return found


def how_compared(comparison: Comparison) -> str:
    """Say how differences, intervals and ties are defined."""
    quantity = "validation loss" if ranked_by(comparison) == "loss" else ranked_by(comparison)
    leader = "winner" if comparison.winner is not None else "best"
    return (
        f"Difference: {quantity} of a strategy minus that of the {leader}, with its 95% paired "
        f"t-interval over {several(len(seeds(comparison)), 'seed')}. Tie: the interval holds 0. "
        "Exploratory: many strategies compared on few seeds, without correction."
    )
