"""Puts a comparison into words and digits, the same ones in the terminal and on the page."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from etude.records import Comparison, Outcome, Place, Run
from etude.report import rungs

MARKS = {
    Outcome.CONVERGED: "✓",
    Outcome.IMPROVING: "↗",
    Outcome.STALLED: "–",
    Outcome.COLLAPSED: "✗",
    Outcome.DIVERGED: "✗",
}
"""A sign for each outcome, always shown beside its word."""

OUTCOMES = {
    Outcome.CONVERGED: "the loss is flat, and most of what could be gained was gained",
    Outcome.IMPROVING: "the loss was still falling at the end: more updates would help",
    Outcome.STALLED: "the loss is flat although much was left to gain",
    Outcome.COLLAPSED: "nearly the same answer to every input, without any nan",
    Outcome.DIVERGED: "the loss left for good: not finite, or far above its start",
}
"""What each outcome means, in a sentence; `etude.diagnosis.outcome` has the definitions."""

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
    """Give the place that the others are compared with: the winner's, or the first finalist."""
    finalists = rungs.finalists(comparison)
    if comparison.winner is not None:
        for place in finalists:
            if place.strategy == comparison.winner.strategy:
                return place
    return finalists[0] if finalists else None


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
    """Say in a word or two how a finalist stands to the winner."""
    if place is best(comparison):
        return "winner" if comparison.winner is not None else "best"
    if place.tie:
        return "tie"
    return "behind" if math.isfinite(place.interval[0]) else "no interval"


def ties(comparison: Comparison) -> int:
    """Count the finalists that no difference from the winner is shown for."""
    return sum(standing(comparison, place) == "tie" for place in rungs.finalists(comparison))


def seeds_each(places: Iterable[Place]) -> str:
    """Say how many seeds the places have: `3 seeds`, `3 to 6 seeds`."""
    counts = [len(place.seeds) for place in places]
    fewest, most = min(counts, default=0), max(counts, default=0)
    return several(most, "seed") if fewest == most else f"{fewest} to {most} seeds"


def seeds(comparison: Comparison) -> str:
    """Name the seeds: those asked for, and those that only tied finalists got."""
    used = sorted({run.seed for run in comparison.runs})
    asked = comparison.settings.get("seeds", used)
    further = [seed for seed in used if seed not in asked]
    more = f"; finalists that tied also {_listed(further)}" if further else ""
    return _listed(asked) + more


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))


def endings(comparison: Comparison) -> list[tuple[str, dict[Outcome, int]]]:
    """Count how runs ended, those in full apart from short copies: `144 runs`, then outcomes.

    Outcomes are from best to worst, without those that none had.
    """
    if not rungs.is_race(comparison):
        return [(several(len(comparison.runs), "run"), _outcomes(comparison.runs))]
    full, copies = rungs.in_full(comparison)
    named = [(f"{several(len(full), 'run')} in full", full)] if full else []
    named.append((several(len(copies), "short copy"), copies))
    return [(name, _outcomes(runs)) for name, runs in named]


def _outcomes(judged: Iterable[Run | Place]) -> dict[Outcome, int]:
    counted = Counter(each.outcome for each in judged)
    return {outcome: counted[outcome] for outcome in Outcome if counted[outcome]}


def in_words(counts: dict[Outcome, int]) -> str:
    """Write counts of outcomes: `98 converged, 31 collapsed, 15 diverged`."""
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items())


def dropped_title(comparison: Comparison) -> str:
    """Name the places that were judged by short copies."""
    return "Dropped after short copies" if comparison.complete else "Judged by short copies only"


def dropped_in_words(comparison: Comparison) -> list[str]:
    """Say for each rung how many strategies it dropped, and how their copies had ended."""
    return [
        f"{len(rung.dropped)} of {rung.entered} after copies of {several(rung.updates, 'update')}:"
        f" {in_words(_outcomes(rung.dropped))}"
        for rung in rungs.rungs(comparison)
    ]


def what_copies_are(comparison: Comparison) -> str:
    """Say what a dropped strategy was judged by."""
    go_on = " The decisions say which went on." if comparison.complete else ""
    return (
        "A copy is a whole run made short, its schedule compressed. Its loss and outcome compare"
        f" only with copies of the same length, not with a run in full.{go_on}"
    )


def share_of_exhaustive(comparison: Comparison) -> str | None:
    """Give what a race took of the exhaustive comparison's updates: `31%`; None without a race."""
    cost = comparison.cost
    if not (rungs.is_race(comparison) and cost.get("exhaustive")):
        return None
    return f"{cost['updates'] / cost['exhaustive']:.0%}"


def cost_in_words(comparison: Comparison) -> str:
    """Say how many updates the runs have, and why fewer were trained; empty where unknown."""
    cost = comparison.cost
    if not cost:
        return ""
    share = share_of_exhaustive(comparison)
    of = f", {share} of the {cost['exhaustive']:,} that all in full would have had" if share else ""
    found = f"{several(cost['updates'], 'update')}{of}."
    if cost["trained"] < cost["updates"]:
        found += f" Trained now: {cost['trained']:,}; {_why_fewer(comparison)}."
    return found


def _why_fewer(comparison: Comparison) -> str:
    resumed, reused = (comparison.cost.get(name, 0) for name in ("resumed", "reused"))
    reasons = ["starts that runs share are trained once"]
    if any(run.updates < run.planned for run in comparison.runs):
        reasons.append("a run that diverges ends early")
    if resumed:
        reasons.append(f"{several(resumed, 'run')} had been begun before")
    if reused:
        reasons.append(f"{several(reused, 'run')} came from the store")
    *others, last = reasons
    return f"{', '.join(others)}, and {last}" if others else last


def several(count: int, noun: str) -> str:
    """Write a count with its noun: `1 run`, `2,000 runs`, `2 copies`."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else many}"


def answer(comparison: Comparison) -> tuple[str, str]:
    """Give the answer as one sentence in two parts: the winning strategy, and what follows it.

    Without a winner the first part is empty.
    """
    task = comparison.task["name"]
    if not comparison.ranking:
        return "", f"No run on {task} is done, so there is nothing to rank."
    leader = best(comparison)
    if leader is None:
        return "", f"No strategy was trained in full on {task} yet."
    if comparison.winner is None:
        return "", f"No strategy wins on {task}."
    return leader.strategy, f"wins on {task}: {_reached(comparison, leader)}, {_tied(comparison)}."


def _reached(comparison: Comparison, place: Place) -> str:
    reached = f"validation loss {number(place.loss)}"
    name = metric_name(comparison)
    return reached if name is None else f"{reached}, {name} {number(place.metric)}"


def _tied(comparison: Comparison) -> str:
    finalists = rungs.finalists(comparison)
    if all(len(place.seeds) == 1 for place in finalists):
        return "with one seed, so without intervals: nothing is shown to be better"
    other = "other finalist" if rungs.is_race(comparison) else "other"
    if count := ties(comparison):
        return f"tied with {several(count, other)}"
    if len(finalists) == 1:
        return "the only finalist" if rungs.is_race(comparison) else "the only strategy"
    return f"ahead of all {other}s"


def notices(comparison: Comparison) -> list[str]:
    """Say what a reader must know before trusting the ranking; empty when there is nothing."""
    found = []
    if not comparison.complete:
        done = several(len(comparison.runs), "run")
        found.append(f"interrupted: the ranking covers only the {done} that ended.")
    if comparison.winner is None and best(comparison) is not None:
        chance = comparison.task.get("chance")
        bar = "" if chance is None else f" (validation loss {number(chance)})"
        every = "every finalist" if rungs.is_race(comparison) else "every strategy"
        found.append(
            f"no winner: {every} diverged, collapsed or ended no better than the best"
            f" constant answer{bar}."
        )
    return found


def how_compared(comparison: Comparison) -> str:
    """Say how differences, intervals and ties are defined."""
    quantity = "validation loss" if ranked_by(comparison) == "loss" else ranked_by(comparison)
    leader = "winner" if comparison.winner is not None else "best"
    over = seeds_each(rungs.finalists(comparison))
    shared = " (those that both have)" if " to " in over else ""
    return (
        f"Difference: {quantity} of a strategy minus that of the {leader}, with its 95% paired "
        f"t-interval over {over}{shared}. Tie: the interval holds 0, and no more seeds failed. "
        "Exploratory: many strategies compared on few seeds, without correction."
    )
