"""Shows a diagnosis in the terminal."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etude.records import Diagnosed, Diagnosis, Finding, Level, Sweep
from etude.report import diagnosis_words as words
from etude.report.console import fit, say, show_list
from etude.report.curve_chart import chart
from etude.report.words import MISSING, number

WHOLE = 3
"""Runs that are shown with charts; of more, those with the surest findings are."""

_STYLES = {Level.ERROR: "bold red", Level.WARNING: "bold yellow", Level.HINT: "bold cyan"}


def show_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Print the sweep, then each run with its chart, its findings and what is undecided."""
    say(console, words.headline(diagnosis), "bold")
    if diagnosis.sweep is not None:
        _show_sweep(diagnosis.sweep, console)
    several = len(diagnosis.runs) > 1
    if several:
        console.print()
        show_list(console, words.verdicts(diagnosis))
    chosen = diagnosis.runs
    if len(chosen) > WHOLE:
        worst = sorted((run for run in chosen if run.findings), key=_surest)
        chosen = tuple(worst[:WHOLE])
    for run in chosen:
        _show_run(run, console)
    unread = (*diagnosis.failed, *diagnosis.unread)
    if unread:
        console.print()
        say(console, "Not read", "bold")
        show_list(console, unread)
    if len(chosen) < len(diagnosis.runs):
        console.print()
        say(console, "`--html FILE` shows every run with its chart.", "dim")
    codes = sorted({finding.code for finding in diagnosis.findings})
    if codes:
        console.print()
        say(console, f"`etude explain {' '.join(codes)}` has the rules.", "dim")


def _surest(run: Diagnosed) -> int:
    return min(list(Level).index(finding.level) for finding in run.findings)


def _show_sweep(sweep: Sweep, console: Console) -> None:
    console.print()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("lr", justify="right")
    table.add_column(
        "validation loss" if sweep.judged_by == "val_loss" else "loss", justify="right"
    )
    for name in ("verdict", "run"):
        table.add_column(name)
    for place in sweep.places:
        level = MISSING if place.level != place.level else number(place.level)
        cells = (f"{place.lr:.3g}", level, place.verdict, place.name)
        table.add_row(*(Text(fit(console, cell)) for cell in cells))
    console.print(table)
    console.print()
    say(console, words.sentence(sweep.sentence), "bold")


def _show_run(run: Diagnosed, console: Console) -> None:
    console.print()
    say(console, run.log.name, "bold")
    say(console, words.read_as(run), "dim")
    if run.log.left:
        say(console, f"other columns: {', '.join(run.log.left[:8])}", "dim")
    curve = run.log.curve
    training = curve.loss.size > 1
    at, values = (curve.update, curve.loss) if training else (curve.eval_update, curve.val_loss)
    spans = [(finding.code, finding.span) for finding in run.findings]
    ascii_only = console.options.ascii_only
    for line in chart(at, values, spans, width=min(console.width, 80), ascii_only=ascii_only):
        console.print(Text(line), soft_wrap=True)
    console.print()
    for finding in run.findings:
        _show_finding(finding, run.log.unit, console)
    if not run.findings:
        say(console, "Nothing was found.", "green")
    show_list(console, (words.sentence(fact) for fact in (*run.facts, *run.log.notes)))
    console.print()
    say(console, words.rate(run.reading), "bold")
    show_list(console, words.reasons(run.reading))
    if run.undecided:
        say(console, "Undecided", "bold")
        show_list(console, (words.sentence(each) for each in run.undecided))


def _show_finding(finding: Finding, unit: str, console: Console) -> None:
    mark = words.MARKS[finding.level]
    title = f"{mark} {finding.code} {finding.name} ({finding.level}, {words.span(finding, unit)})"
    say(console, title, _STYLES[finding.level])
    show_list(
        console,
        (
            words.sentence(finding.message),
            f"Try: {finding.remedy}.",
            f"Refuted if: {finding.refuted_by}.",
        ),
    )
    console.print()
