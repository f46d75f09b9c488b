"""Shows a comparison in the terminal: readable in 80 columns, in a pipe and without colour."""

from rich import box
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from etude.records import Comparison, Outcome, Place
from etude.report import rungs, words
from etude.report.console import fit, say, show_code, show_command, show_list
from etude.report.hanging import hanging
from etude.report.words import Digits

ROWS = 12
"""Places that the table lists."""

ROOM = 20
"""Columns that a table must leave for the strategies; where it leaves fewer, there is none."""

BEST_DROPPED = 2
"""Places that each rung dropped last, listed with the reason."""

_STYLES = {
    Outcome.CONVERGED: "green",
    Outcome.IMPROVING: "cyan",
    Outcome.STALLED: "yellow",
    Outcome.COLLAPSED: "red",
    Outcome.DIVERGED: "red",
}


def show(comparison: Comparison, console: Console) -> None:
    """Print the ranking, the outcomes, the decisions and the winner's code."""
    say(console, _heading(comparison), "bold")
    console.print()
    if rungs.finalists(comparison):
        console.print(_ranking(comparison, console))
        console.print()
    if comparison.ranking:
        say(console, _rest(comparison))
        if rungs.finalists(comparison):
            say(console, words.how_compared(comparison), "dim")
        console.print()
    _show_dropped(comparison, console)
    for notice in words.notices(comparison):
        say(console, notice, "bold yellow")
    say(console, " ".join(words.answer(comparison)).strip(), "bold")
    _show_decisions(comparison, console)
    _show_code(comparison, console)
    show_command(console, comparison.settings.get("command"))


def _heading(comparison: Comparison) -> str:
    strategies = words.several(len(comparison.ranking), "strategy")
    finalists = rungs.finalists(comparison)
    updates = comparison.settings.get("updates")
    length = "" if updates is None else words.several(updates, "update")
    if rungs.is_race(comparison):
        with_seeds = f" with {words.seeds_each(finalists)}" if finalists else ""
        full = f"{len(finalists) or 'none'} in full ({length}){with_seeds}"
        return " · ".join([comparison.task["name"], f"race of {strategies}", full])
    parts = [comparison.task["name"], strategies, words.seeds_each(finalists), length]
    return " · ".join(filter(None, parts))


def _ranking(comparison: Comparison, console: Console) -> RenderableType:
    """Give a table with one line per place where that fits, else with two; else a list."""
    wide = _wide_table(comparison, console)
    if _width(console, wide) <= console.width:
        return wide
    narrow = _narrow_table(comparison, console)
    strategies = max(_width(console, cell) for cell in narrow.columns[1].cells)
    others = _width(console, narrow) - strategies
    enough = others + min(strategies, ROOM) <= console.width
    return narrow if enough else _stacked(comparison, console)


def _width(console: Console, shown: RenderableType) -> int:
    """Give the columns that something takes when there is no end of them."""
    unlimited = console.options.update(width=10_000)
    return Measurement.get(console, unlimited, shown).maximum


def _wide_table(comparison: Comparison, console: Console) -> Table:
    table = _table("#", "strategy", "outcome")
    _add_value_columns(table, comparison)
    table.add_column("difference", justify="right")
    table.add_column("95% interval", justify="right")
    table.add_column("")
    for rank, place in _shown(comparison):
        numbers = _numbers(comparison, place)
        outcome, stand = _outcome(console, place), _standing(comparison, place)
        table.add_row(rank, _strategy(console, place), outcome, *numbers, stand)
    return table


def _narrow_table(comparison: Comparison, console: Console) -> Table:
    table = _table("#", "strategy")
    _add_value_columns(table, comparison)
    table.add_column("difference\n95% interval", justify="right", no_wrap=True)
    for rank, place in _shown(comparison):
        *values, difference, interval = _numbers(comparison, place)
        stand = _standing(comparison, place)
        ending = Text.assemble("\n", _outcome(console, place), ", " if stand else "", stand)
        last = f"{difference}\n{interval}"
        table.add_row(rank, Text.assemble(_strategy(console, place), ending), *values, last)
    return table


def _stacked(comparison: Comparison, console: Console) -> RenderableType:
    """Give a list with a line for each number, for a terminal that is too narrow for a table."""
    names = list(
        filter(None, ["loss", words.metric_name(comparison), "difference", "95% interval"])
    )
    shown, places = _shown(comparison), list[Text]()
    for rank, place in shown:
        stand = _standing(comparison, place)
        lines = [
            _strategy(console, place),
            Text.assemble(_outcome(console, place), ", " if stand else "", stand),
            *(
                Text(f"{name} {number}")
                for name, number in zip(names, _numbers(comparison, place), strict=True)
                if number
            ),
        ]
        head = Text(f"{rank:>{len(str(len(shown)))}} ", style="bold")
        places.append(hanging(console, head, Text("\n").join(lines)))
    return Group(*places)


def _table(*columns: str) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    for column in columns:
        table.add_column(column, justify="right" if column == "#" else "left")
    return table


def _add_value_columns(table: Table, comparison: Comparison) -> None:
    table.add_column("loss", justify="right", no_wrap=True)
    name = words.metric_name(comparison)
    if name is not None:
        table.add_column(name, justify="right", no_wrap=True)


def _shown(comparison: Comparison) -> list[tuple[str, Place]]:
    return [(str(rank), place) for rank, place in enumerate(_listed(comparison), 1)]


def _listed(comparison: Comparison) -> list[Place]:
    return rungs.finalists(comparison)[:ROWS]


def _strategy(console: Console, place: Place) -> Text:
    return Text(fit(console, place.strategy))


def _outcome(console: Console, place: Place) -> Text:
    words_and_mark = f"{words.MARKS[place.outcome]} {place.outcome}"
    return Text(fit(console, words_and_mark), style=_STYLES[place.outcome])


def _standing(comparison: Comparison, place: Place) -> Text:
    stand = words.standing(comparison, place)
    texts = {"winner": ("winner", "bold green"), "tie": ("= tie", "cyan"), "behind": ("", "")}
    return Text(*texts.get(stand, (stand, "dim")))


def _numbers(comparison: Comparison, place: Place) -> list[str]:
    """Write a row's loss, metric (where the task has one), difference and interval."""
    losses = _digits(comparison, "loss")
    values = [losses.plain(place.loss)]
    ranked = losses
    if words.metric_name(comparison) is not None:
        metrics = _digits(comparison, "metric")
        values.append(metrics.plain(place.metric))
        ranked = losses if words.ranked_by(comparison) == "loss" else metrics
    return [*values, *_difference(comparison, place, ranked)]


def _digits(comparison: Comparison, name: str) -> Digits:
    return words.digits_for(getattr(place, name) for place in _listed(comparison))


def _difference(comparison: Comparison, place: Place, digits: Digits) -> tuple[str, str]:
    if place is words.best(comparison):
        return "", ""
    low, high = (digits.signed(bound) for bound in place.interval)
    interval = words.MISSING if words.MISSING in (low, high) else f"[{low}, {high}]"
    return digits.signed(words.difference(comparison, place)), interval


def _rest(comparison: Comparison) -> str:
    more = len(rungs.finalists(comparison)) - ROWS
    beyond = f"and {more} more. " if more > 0 else ""
    endings = [f"{runs}: {words.in_words(counts)}." for runs, counts in words.endings(comparison)]
    return f"{beyond}{' '.join(endings)} {words.cost_in_words(comparison)}".rstrip()


def _show_dropped(comparison: Comparison, console: Console) -> None:
    """Print what each rung dropped as one line, and why the best of it did not go on."""
    if not rungs.is_race(comparison):
        return
    say(console, words.dropped_title(comparison), "bold")
    show_list(console, words.dropped_in_words(comparison))
    say(console, words.what_copies_are(comparison), "dim")
    console.print()
    say(console, "The best of these", "bold")
    best = [place for rung in rungs.rungs(comparison) for place in rung.dropped[:BEST_DROPPED]]
    show_list(console, [f"{place.strategy}\n{place.note}" for place in best])
    console.print()


def _show_decisions(comparison: Comparison, console: Console) -> None:
    if not comparison.decisions:
        return
    console.print()
    say(console, "Decided by étude", "bold")
    show_list(console, comparison.decisions)


def _show_code(comparison: Comparison, console: Console) -> None:
    if comparison.winner is not None:
        show_code(console, "The winner in PyTorch", comparison.winner.code)
