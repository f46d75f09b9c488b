"""What a rule says about a place in training code: frozen, ready for JSON, without behaviour."""

import ast
import re
from dataclasses import dataclass, replace

from etude.records import Level


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a source text."""

    line: int
    """From 1."""
    column: int
    """In characters, from 1."""
    end_line: int
    end_column: int
    """One past the last character."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A rewrite that keeps comments and formatting; `etude.linter.fixing` has the kinds."""

    kind: str
    place: Place
    """The node that it changes."""
    old: str = ""
    new: str = ""
    """What it puts there, depending on the kind."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong at a place: what was seen, what follows from it, what to write instead."""

    code: str
    """The rule's code, stable for ever: `LR104`. `etude explain` shows its page."""
    level: Level
    """An error only where both sides of the contradiction are visible."""
    place: Place
    message: str
    """What was seen and what follows from it, with numbers where they are known."""
    remedy: str
    """The right code, or how to get there."""
    fix: Fix | None = None
    path: str = ""
    """The file as it was named; empty where a text was checked."""
    name: str = ""
    """The rule's name: `unit-mismatch`."""
    cell: int = 0
    """The notebook cell that `place` counts in, from 1; 0 elsewhere."""


def place_of(node: ast.AST) -> Place:
    """Give a node's place, with columns in bytes as `ast` has them; `in_characters` corrects."""
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    end_line = getattr(node, "end_lineno", None) or line
    end = getattr(node, "end_col_offset", None)
    return Place(line, column + 1, end_line, (column if end is None else end) + 1)


def lines_of(source: str) -> list[str]:
    """Cut a text into lines as Python counts them: a form feed, say, ends none."""
    return re.split(r"\r\n|\r|\n", source)


def in_characters(place: Place, lines: list[str]) -> Place:
    """Turn columns from bytes of UTF-8 into characters."""
    return replace(
        place,
        column=_characters(lines, place.line, place.column),
        end_column=_characters(lines, place.end_line, place.end_column),
    )


def _characters(lines: list[str], line: int, column: int) -> int:
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    if text.isascii():
        return column
    return len(text.encode()[: column - 1].decode(errors="ignore")) + 1
