"""Shows the answer of a search for the lr in the terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etude.records import BatchScaling, Found, LrRange
from etude.report import found_words as words
from etude.report.console import fit, say, show_code, show_command, show_list
from etude.report.lr_chart import chart
from etude.report.words import MISSING


def show_found(found: Found, console: Console) -> None:
    """Print the ranges, a small chart of each, what was measured beside, and code to paste."""
    settings = found.settings
    say(
        console,
        f"{found.task['name']} · {settings['schedule']} · {settings['updates']:,} updates"
        f" · {settings['method']}",
        "bold",
    )
    console.print()
    console.print(_table(found, console))
    console.print()
    say(console, words.what_intervals_are(found), "dim")
    say(console, words.cost_in_words(found))
    for each in found.ranges:
        _show_range(each, found, console)
    for scaling in found.scaling:
        _show_scaling(scaling, console)
    console.print()
    if not found.complete:
        say(console, "interrupted: the answer rests on the runs that ended", "bold yellow")
    say(console, " ".join(words.headline(found)).strip(), "bold")
    suggested = words.suggested(found)
    for each in suggested[:1]:
        show_code(console, f"{each.strategy} in PyTorch", each.code)
    others = [each.strategy for each in suggested[1:]]
    if others:
        console.print()
        say(console, "The other suggestions", "bold")
        show_list(console, others)
    show_command(console, settings.get("command"))


def _table(found: Found, console: Console) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("optimizer")
    for name in ("start from", "usable", "fails at", "updates"):
        table.add_column(name, justify="right")
    for each in found.ranges:
        table.add_row(*(Text(fit(console, cell)) for cell in _cells(each, found)))
    return table


def _cells(each: LrRange, found: Found) -> Sequence[str]:
    start = MISSING
    if each.suggestion is not None:
        start = f"{words.rate(each.suggestion.value)}\n{words.interval(each.suggestion)}"
    usable = words.usable_range(each)
    fails = "nowhere tried"
    if each.failure is not None:
        fails = f"{words.rate(each.failure.value)}\n{words.interval(each.failure)}"
    return words.named(each, found), start, usable, fails, f"{each.cost:,}"


def _show_range(each: LrRange, found: Found, console: Console) -> None:
    console.print()
    say(console, words.named(each, found), "bold")
    if found.settings["method"] == "ladder":
        for line in chart(each, width=min(console.width, 80)):
            console.print(Text(fit(console, line)), soft_wrap=True)
    show_list(console, words.beside(each))


def _show_scaling(scaling: BatchScaling, console: Console) -> None:
    console.print()
    say(console, f"{scaling.optimizer}: batch size and rate", "bold")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("batch size", "measured", "95% interval", "linear rule", "square-root rule"):
        table.add_column(name, justify="right")
    rows = zip(scaling.batch_sizes, scaling.measured, scaling.linear, scaling.sqrt, strict=True)
    for size, measured, linear, sqrt in rows:
        value = MISSING if measured is None else words.rate(measured.value)
        cells = (str(size), value, words.interval(measured), words.rate(linear), words.rate(sqrt))
        table.add_row(*(Text(fit(console, cell)) for cell in cells))
    console.print(table)
    say(console, f"{scaling.sentence[0].upper()}{scaling.sentence[1:]}.")
