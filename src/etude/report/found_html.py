"""Writes the answer of a search for the lr as one HTML file that needs no network."""

import math
from typing import Any

from etude.records import Found, LrRange, Outcome, finite
from etude.report import found_words as words
from etude.report.facts import facts
from etude.report.parts import render

FAILED = (Outcome.DIVERGED, Outcome.COLLAPSED)


def found_page(found: Found) -> str:
    """Give the answer as a self-contained HTML page."""
    first, rest = words.headline(found)
    suggested = words.suggested(found)
    lines = [_line(each, found) for each in found.ranges if each.trials]
    drawn = lines and found.settings["method"] == "ladder"
    return render(
        "found.html",
        scripts=("charts.js", "reading.js", "copy.js", "found.js"),
        data={"chance": found.task.get("chance"), "ranges": lines if drawn else []},
        found=found,
        words=words,
        first=first,
        rest=rest,
        code=suggested[0].code if suggested else "",
        others=[each.strategy for each in suggested[1:]],
        facts=facts(found.task, found.settings, found.versions),
        drawn=bool(drawn),
    )


def _line(each: LrRange, found: Found) -> dict[str, Any]:
    """Give what the chart draws of a range: losses by lr, the range, where copies failed."""
    longest = max(trial.updates for trial in each.trials)
    points = [(lr, loss) for lr, loss in words.loss_by_lr(each, longest) if math.isfinite(loss)]
    seeds = {
        lr: [t.loss for t in each.trials if t.updates == longest and t.lr == lr] for lr, _ in points
    }
    suggestion, low, high = each.suggestion, each.low, each.high
    return {
        "name": words.named(each, found),
        "updates": longest,
        "lr": [lr for lr, _ in points],
        "loss": [finite(loss) for _, loss in points],
        "low": [min(seeds[lr]) for lr, _ in points],
        "high": [max(seeds[lr]) for lr, _ in points],
        "failed": sorted({trial.lr for trial in each.trials if trial.outcome in FAILED}),
        "range": [low.value, suggestion.value, high.value] if suggestion and low and high else None,
    }
