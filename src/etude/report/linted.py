"""Shows what the linter found in the terminal: readable in a pipe and without colour."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from etude.linter.files import Linted
from etude.linter.record import Remark
from etude.records import Level
from etude.report.console import fit

_STYLES = {Level.ERROR: "bold red", Level.WARNING: "yellow", Level.HINT: "cyan"}
_WIDEST = 120
"""Characters of a source line that are shown."""


def show_linted(linted: Linted, console: Console, least: Level) -> None:
    """Print a file's remarks, each with its line, or why it could not be linted."""
    if linted.failure:
        _say(console, (f"{linted.path}: ", "bold"), (linted.failure, "red"))
    for remark, line in zip(linted.remarks, linted.lines, strict=True):
        if at_least(remark, least):
            _show(remark, line, console)


def at_least(remark: Remark, least: Level) -> bool:
    """Say whether a remark is to be shown."""
    order = list(Level)
    return order.index(remark.level) <= order.index(least)


def where(remark: Remark) -> str:
    """Write a place as editors and terminals understand it: `train.py:12:5`."""
    cell = f":cell {remark.cell}" if remark.cell else ""
    return f"{remark.path or '<string>'}{cell}:{remark.place.line}:{remark.place.column}"


def _show(remark: Remark, line: str, console: Console) -> None:
    style = _STYLES[remark.level]
    _say(
        console,
        (where(remark), "bold"),
        (" ", ""),
        (f"{remark.level} {remark.code}", style),
        (f" {remark.name}", "dim"),
    )
    _say(console, (f"  {remark.message}", ""))
    _show_line(remark, line, console, style)
    fixable = " (--fix does it)" if remark.fix else ""
    _say(console, (f"  = {remark.remedy}{fixable}", "green"))
    console.print()


def _show_line(remark: Remark, line: str, console: Console, style: str) -> None:
    """Print the source line and a caret under the place."""
    shown = "".join(" " if char == "\t" else char for char in line.rstrip()[:_WIDEST])
    start = remark.place.column - 1
    one_line = remark.place.end_line == remark.place.line
    end = min(remark.place.end_column - 1 if one_line else len(shown), len(shown))
    if start >= len(shown):
        return
    number = f"{remark.place.line:>6} "
    _say(console, (f"{number}| ", "dim"), (shown, ""))
    caret = "^" * max(end - start, 1)
    _say(console, (" " * len(number) + "| ", "dim"), (" " * start + caret, style))


def _say(console: Console, *parts: tuple[str, str]) -> None:
    text = Text()
    for words, style in parts:
        text.append(fit(console, _printable(words)), style)
    console.print(text, soft_wrap=True)


def _printable(words: str) -> str:
    """Show what a terminal would obey, such as escapes in a file's name, as question marks."""
    return "".join(char if char.isprintable() else "?" for char in words)


def summary(many: Sequence[Linted], least: Level) -> str:
    """Say in one sentence what was found."""
    if not many:
        return "there is no Python file or notebook to lint"
    counts = Counter(remark.level for linted in many for remark in linted.remarks)
    failed = sum(bool(linted.failure) for linted in many)
    parts = [_several(counts[level], str(level)) for level in Level if counts[level]]
    found = ", ".join(parts) or "nothing found"
    said = f"{found} in {_several(len(many) - failed, 'file')}"
    if failed:
        said += f"; {_several(failed, 'file')} could not be linted"
    hidden = sum(not at_least(remark, least) for each in many for remark in each.remarks)
    return said + (f"; --level hint shows {_all(hidden)}" if hidden else "")


def _all(hidden: int) -> str:
    return "the one that is not shown" if hidden == 1 else f"the {hidden} that are not shown"


def _several(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def shown(many: Iterable[Linted], least: Level) -> list[Remark]:
    """Give the remarks of all files that are to be shown."""
    return [remark for each in many for remark in each.remarks if at_least(remark, least)]
