"""What a log alone says of its run's lr: raise it, keep it, lower it, or that it cannot tell.

Findings come first: one that names a direction is the answer, and where something else is wrong
the lr is not asked about. Then the curve is read (`etude.diagnosis.action`), and only where it is
like the curves that the reading was measured on. `bench/diagnosis.py` measures how often it then
decides and is right; that goes with the answer, so that nobody takes it for more than it is.
"""

from dataclasses import replace

import numpy as np

from etude.diagnosis.action import MOVED, read_action
from etude.diagnosis.rules import ELSEWHERE
from etude.diagnosis.view import View
from etude.records import Action, Finding, Reading

MEASURED = {"loss": (0.21, 0.958), "loss and gain": (0.86, 0.934)}
"""Of runs on tasks that a model was not fitted to: the share that it decides, and of these the
share that it decides rightly. From the table in docs/probe.md. Here by its loss alone a log decides
less often: not where the loss stands, which the model takes for a rate too low."""
_DIRECTIONS = {
    "ED01": Action.LOWER,
    "ED02": Action.LOWER,
    "ED05": Action.RAISE,
    "ED06": Action.LOWER,
    "ED14": Action.LOWER,
}
"""Findings whose remedy is another lr."""


def read_rate(seen: View, found: tuple[Finding, ...]) -> Reading:
    """Say what a log says about the lr, with what is known of such answers.

    Args:
        seen: the run's curve.
        found: what is wrong with the run.
    """
    other = {rule.code for rule in ELSEWHERE}
    for finding in found:
        if finding.code in other:
            return _undecided(f"{finding.code} ({finding.name}) must be mended first", finding.code)
    told = {
        finding.code: _DIRECTIONS[finding.code] for finding in found if finding.code in _DIRECTIONS
    }
    if len(set(told.values())) > 1:
        return _undecided(f"{' and '.join(told)} contradict each other", "findings")
    reading = _of_curve(seen)
    if not told:
        return reading
    (action, *_), codes = told.values(), " and ".join(told)
    if reading.action in {Action.RAISE, Action.KEEP, Action.LOWER} and reading.action is not action:
        return _undecided(f"{codes} would {action}, but {reading.sentence}", "findings")
    return Reading(action, 1.0, codes, f"{codes} {'says' if len(told) == 1 else 'say'} so", {})


def _of_curve(seen: View) -> Reading:
    """Read the curve, where it is of the kind that the reading was measured on."""
    if (why := _unlike(seen)) is not None:
        return _undecided(why, "not measured")
    reading = read_action(seen.curve)
    if reading.rule == "loss" and reading.evidence["progress"] < MOVED:
        why = "its loss hardly moved beyond its noise, as at a rate too low and at one too high"
        reading = _undecided(why, "loss")
    return replace(reading, caveat=_caveat(reading.rule))


def _unlike(seen: View) -> str | None:
    """Say what sets a log apart from those that the reading was measured on."""
    if seen.unit != "update":
        return f"its rows are {seen.unit}s, and only rows of updates are read"
    if not seen.from_start:
        return "the log begins amid its run"
    if not np.isfinite(seen.curve.lr).any():
        return "no lr is logged, and a schedule's fall looks like a rate's"
    return None


def _undecided(why: str, rule: str) -> Reading:
    return Reading(Action.UNDECIDED, 0.0, rule, why, {})


def _caveat(rule: str) -> str:
    if rule not in MEASURED:
        return ""
    decides, right = MEASURED[rule]
    share = f"{'at most ' if rule == 'loss' else ''}{decides:.0%}"
    return (
        f"read by its {rule}, which decided {share} of the small runs that it was measured on, "
        f"{right:.1%} of these rightly (docs/probe.md); large models and schedules were not among "
        "them, and a fork test (`--probe`) decides more"
    )
