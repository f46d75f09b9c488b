"""The sentences of a diagnosis, shared by the terminal and the page."""

import re
from collections import Counter

from etude.records import Action, Diagnosed, Diagnosis, Finding, Level, Reading
from etude.report.words import several

FEW = 10
"""Runs that are all named, also where nothing was found."""
ACTIONS = {
    Action.RAISE: "raise it",
    Action.KEEP: "keep it",
    Action.LOWER: "lower it",
    Action.NOT_RATE: "it is not the lr",
    Action.UNDECIDED: "cannot tell",
}
MARKS = {Level.ERROR: "✗", Level.WARNING: "!", Level.HINT: "·"}


def headline(diagnosis: Diagnosis) -> str:
    """Say what came out in one sentence."""
    counts = Counter(finding.level for finding in diagnosis.findings)
    runs = several(len(diagnosis.runs), "run")
    if not counts:
        return f"Nothing was found in {runs}."
    said = [several(counts[level], str(level)) for level in Level if counts[level]]
    return f"{_listed(said)} in {runs}."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def read_as(run: Diagnosed) -> str:
    """Say how a log was read: its format, and which column was taken for what."""
    log = run.log
    taken = [
        column if column == name else f"{column} = {name}" for column, name in log.columns.items()
    ]
    columns = f"; {', '.join(taken)}" if taken else ""
    return f"read as {log.form}{columns}"


def span(finding: Finding, unit: str) -> str:
    """Say where a finding was seen."""
    first, last = finding.span
    return f"{unit} {first:,}" if first == last else f"{unit}s {first:,} to {last:,}"


def sentence(text: str) -> str:
    """Begin a sentence with a capital, unless its first word is a name, and end it with a stop."""
    name = re.match(r"\S*[./\\_=\d]\S", text)
    first = text[:1] if name else text[:1].upper()
    return f"{first}{text[1:]}{'' if text.endswith('.') else '.'}"


def verdicts(diagnosis: Diagnosis) -> list[str]:
    """Say what was found about each of several runs; of many, only where something was."""
    runs = diagnosis.runs
    shown = runs if len(runs) <= FEW else [run for run in runs if run.findings]
    said = [f"{run.log.name}: {verdict_of(run)}" for run in shown]
    rest = len(runs) - len(shown)
    return [*said, f"{several(rest, 'run')}: nothing found"] if rest else said


def rate(reading: Reading) -> str:
    """Say what a log alone says about the lr, and how sure that is where a model decided."""
    sure = f" ({reading.confidence:.0%} sure)" if _modelled(reading) else ""
    return f"The lr, by this log alone: {ACTIONS[reading.action]}{sure}"


def reasons(reading: Reading) -> list[str]:
    """Give the reasons of a reading, and what is known of such ones."""
    return [sentence(said) for said in (reading.sentence, reading.caveat) if said]


def _modelled(reading: Reading) -> bool:
    return reading.action is not Action.UNDECIDED and reading.confidence < 1


def verdict_of(run: Diagnosed) -> str:
    """Say in a few words what was found about a run."""
    if not run.findings:
        return "nothing found"
    return ", ".join(f"{each.code} {each.name}" for each in run.findings)
