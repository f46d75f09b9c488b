"""Markdown items: front matter, sections with fixed headings, lists; and rendering to HTML.

A file is `---`, YAML, `---`, a body, then sections. A section is `## Heading` or
`## Heading: its title`. Its last lines may be `proof: experiment/check, ...` or
`unproved: why no run can show it`. Headings inside fenced code are code.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from markdown_it import MarkdownIt

from etude.curriculum.places import Place, refuse, unknown

_FENCE = re.compile(r"^\s*(```+|~~~+)")
_HEADING = re.compile(r"^## +(.+?)\s*$")
_TRAILER = re.compile(r"^(proof|unproved): *(.*)$")
_ENTRY = re.compile(r"^(?:[-*]|\d+[.)]) +(?:\[([ xX])\] +)?(.*)$")
_DETAIL = re.compile(r"^\s+[-*] +([a-z]+): *(.*)$")
DETAILS = ("why", "claim", "proof", "unproved")
"""What an option may say of itself."""


@dataclass(frozen=True, slots=True)
class Prose:
    """A piece of Markdown, and where it stands."""

    markdown: str
    place: Place

    @property
    def html(self) -> str:
        """The piece as HTML; raw HTML in it is shown, not obeyed."""
        return _renderer().render(self.markdown)

    @property
    def inline(self) -> str:
        """A one-paragraph piece as HTML without the paragraph, for labels."""
        return _renderer().renderInline(self.markdown)

    def __bool__(self) -> bool:
        """Say whether there is any text."""
        return bool(self.markdown)


@dataclass(frozen=True, slots=True)
class Part:
    """A section as it stands in the file."""

    heading: str
    title: str
    prose: Prose
    trailers: tuple[tuple[str, str, Place], ...]
    """`(key, value, place)` of its last lines."""
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list, with its details."""

    text: str
    ticked: bool | None
    """None where there is no box."""
    details: dict[str, str]
    place: Place


@cache
def _renderer() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def split_front(text: str, place: Place) -> tuple[str, Place, str, Place]:
    """Split a file into its front matter and the rest, each with the place where it begins.

    Raises:
        Refused: there is no front matter.
    """
    lines = text.split("\n")
    if lines[0].strip() != "---" or "---" not in [line.strip() for line in lines[1:]]:
        raise refuse(place, "must begin with front matter between two lines of ---")
    end = next(n for n, line in enumerate(lines) if n and line.strip() == "---")
    return "\n".join(lines[1:end]), place.at(2), "\n".join(lines[end + 1 :]), place.at(end + 2)


def sections(text: str, place: Place) -> tuple[Part, ...]:
    """Split a text into its body, a part without heading, and its sections."""
    found: list[tuple[str, int, list[str]]] = [("", place.line, [])]
    fence = ""
    for number, line in enumerate(text.split("\n"), place.line):
        fence = _fence_after(line, fence)
        heading = None if fence else _HEADING.match(line)
        if heading:
            found.append((heading[1], number, []))
        else:
            found[-1][2].append(line)
    return tuple(
        _part(heading, place.at(line), rows, shift=bool(heading)) for heading, line, rows in found
    )


def _fence_after(line: str, fence: str) -> str:
    mark = _FENCE.match(line)
    if not mark:
        return fence
    if not fence:
        return mark[1]
    return "" if mark[1].startswith(fence) else fence


def _part(heading: str, place: Place, rows: list[str], *, shift: bool) -> Part:
    first = place.line + shift
    trailers: list[tuple[str, str, Place]] = []
    while rows and (not rows[-1].strip() or _TRAILER.match(rows[-1])):
        trailer = _TRAILER.match(rows.pop())
        if trailer:
            trailers.append((trailer[1], trailer[2].strip(), place.at(first + len(rows))))
    blank = next((n for n, row in enumerate(rows) if row.strip()), len(rows))
    name, _, title = heading.partition(":")
    prose = Prose("\n".join(rows[blank:]), place.at(first + blank))
    return Part(name.strip(), title.strip(), prose, tuple(reversed(trailers)), place)


def entries(prose: Prose) -> tuple[Entry, ...]:
    """Read a section that is a list; an entry's text may go on over indented lines.

    Raises:
        Refused: something in it is no entry.
    """
    return tuple(_entry(rows, place) for rows, place in _entry_rows(prose))


def _entry_rows(prose: Prose) -> Iterator[tuple[list[str], Place]]:
    rows: list[str] = []
    began, fence = prose.place, ""
    for number, line in enumerate(prose.markdown.split("\n") if prose else [], prose.place.line):
        inside, fence = bool(fence), _fence_after(line, fence)
        if not inside and _ENTRY.match(line):
            if rows:
                yield rows, began
            rows, began = [line], prose.place.at(number)
        elif rows and (inside or fence or not line.strip() or line[:1] in " \t"):
            rows.append(line)
        else:
            raise refuse(prose.place.at(number), f"expected a list entry (- or 1.), got {line!r}")
    if rows:
        yield rows, began


def _entry(rows: list[str], place: Place) -> Entry:
    first = _ENTRY.match(rows[0])
    box, text = (first[1], first[2]) if first else (None, "")
    lines, details, last = [text], dict[str, str](), ""
    for row in rows[1:]:
        detail = None if box is None else _DETAIL.match(row)
        if detail and detail[1] not in DETAILS:
            raise refuse(place, unknown("detail of an option", detail[1], DETAILS))
        if detail:
            last = detail[1]
            if last in details:
                raise refuse(place, f"{last!r} is given twice in one entry")
            details[last] = detail[2]
        elif last:
            details[last] = f"{details[last]} {row.strip()}".strip()
        else:
            lines.append(_dedented(row))
    ticked = None if box is None else box in "xX"
    return Entry("\n".join(lines).strip(), ticked, details, place)


def _dedented(row: str) -> str:
    """Take an entry's own indent from a line that goes on with it."""
    spaces = len(row) - len(row.lstrip(" "))
    return row[min(spaces, 2) :]


def code_of(prose: Prose) -> str | None:
    """Give the first fenced block of a piece, without its fences; None where there is none."""
    tokens: list[Any] = list(_renderer().parse(prose.markdown))
    return next((str(token.content) for token in tokens if token.type == "fence"), None)
