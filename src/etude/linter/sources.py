"""From files to source texts: encodings, notebooks, standard input, and what cannot be read."""

import io
import json
import re
import stat
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etude.errors import SourceError
from etude.linter.record import lines_of

LARGEST = 4_000_000
"""Bytes of a file above which it is no code that anybody wrote."""
_MAGIC = re.compile(r"^\s*([%!?]|\w+\s*\?+\s*$)")
_CELL_MAGIC = re.compile(r"^\s*%%(?!time|capture|prun)")


@dataclass(frozen=True, slots=True)
class Source:
    """A text to lint; a notebook's cells stand in it one after another."""

    text: str
    starts: tuple[int, ...] = ()
    """The line at which each cell begins, from 1."""
    cells: tuple[int, ...] = ()
    """The number of each cell in the notebook, from 1."""


def read(path: str) -> Source:
    """Read a file, or standard input where the path is `-`.

    Raises:
        SourceError: It cannot be read, is too large, or is no text.
    """
    return decoded(_bytes(path), notebook=path.endswith(".ipynb"))


def _bytes(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    try:
        if stat.S_ISREG(Path(path).stat().st_mode):
            with Path(path).open("rb") as file:
                return file.read(LARGEST + 1)
    except OSError as error:
        raise SourceError(f"it cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise SourceError(f"it cannot be read ({error})") from None
    # A pipe or a device might never end.
    raise SourceError("it cannot be read (it is not a file)")


def decoded(data: bytes, *, notebook: bool = False) -> Source:
    """Decode what a file holds, by its own declaration or as UTF-8."""
    if len(data) > LARGEST:
        raise SourceError(f"it must have at most {LARGEST // 1_000_000} MB, and is larger")
    if b"\0" in data:
        raise SourceError("it is not text: it holds null bytes")
    try:
        encoding = (
            "utf-8-sig" if notebook else tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        )
        text = io.TextIOWrapper(io.BytesIO(data), encoding, newline=None).read()
    except SyntaxError as error:
        raise SourceError(f"it is in no encoding that Python knows ({error.msg})") from None
    except (UnicodeDecodeError, LookupError) as error:
        reason = getattr(error, "reason", str(error))
        raise SourceError(
            f"it is not text in the encoding that it names or UTF-8 ({reason})"
        ) from None
    return _notebook(text) if notebook else Source(text.removeprefix("\ufeff"))


def _notebook(text: str) -> Source:
    """Put the code cells of a notebook one after another, without what only notebooks know."""
    try:
        found: Any = json.loads(text)
        cells = [_code(cell) for cell in found["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SourceError("it is not a notebook (JSON with cells)") from None
    starts: list[int] = []
    numbers: list[int] = []
    lines: list[str] = []
    for number, code in enumerate(cells, 1):
        if code:
            starts.append(len(lines) + 1)
            numbers.append(number)
            lines.extend(code)
    return Source("\n".join(lines) + "\n", tuple(starts), tuple(numbers))


def _code(cell: dict[str, Any]) -> list[str]:
    if cell["cell_type"] != "code":
        return []
    given = cell["source"]
    text = given if isinstance(given, str) else "".join(given)
    lines = lines_of(text.removesuffix("\n"))
    if not text or _CELL_MAGIC.match(lines[0]):
        return []
    return [_without_magic(line) for line in lines]


def _without_magic(line: str) -> str:
    """Keep a line's place, and its indentation: a magic may be all that a block has."""
    if not _MAGIC.match(line):
        return line
    return line[: len(line) - len(line.lstrip())] + "pass"
