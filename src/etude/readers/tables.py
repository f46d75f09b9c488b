"""Delimited text as rows of numbers: what CSV of every tool has in common.

Cells that are empty, `NA`, `None` or `-` are missing; `nan` and `inf` are values.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from etude.errors import LogError
from etude.readers.series import Row, number

_DELIMITERS = ",;\t|"
_MISSING = frozenset({"", "na", "n/a", "none", "null", "-", "--"})


@dataclass(frozen=True, slots=True)
class Table:
    """A delimited file: its columns, and its rows of the cells that are numbers."""

    header: tuple[str, ...]
    rows: list[Row]
    notes: tuple[str, ...] = ()


def parse(content: str, path: Path) -> Table:
    """Read delimited text with a header line.

    A later line that is the header again, as after a resume, is left out, and so is a last line
    that was cut off. A header that grew within the file is followed.

    Raises:
        LogError: it has no header, no rows, or cells beyond all measure.
    """
    lines = content.splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        cells = [
            [cell.strip() for cell in row]
            for row in csv.reader(lines, delimiter=delimiter)
            if row and not row[0].startswith("#")
        ]
    except csv.Error as error:
        raise LogError(f"{path} must be delimited text, but {error}") from error
    if not cells or not any(cells[0]):
        raise LogError(f"{path} must have a header and rows, but it is empty")
    if all(number(cell) is not None for cell in cells[0]):
        raise LogError(f"{path} must begin with the names of its columns, but has numbers there")
    rows = list(_rows(cells, decimal_comma=delimiter == ";"))
    header = tuple(dict.fromkeys(name for line in cells if _is_header(line) for name in line))
    return Table(header, rows)


def _rows(cells: Sequence[Sequence[str]], *, decimal_comma: bool) -> Iterator[Row]:
    header: Sequence[str] = cells[0]
    for line in cells[1:]:
        if _is_header(line) and len(line) >= len(header):
            header = line
            continue
        if line is cells[-1] and len(line) < len(header):
            continue
        pairs = (
            (name, _cell(cell, decimal_comma)) for name, cell in zip(header, line, strict=False)
        )
        yield {name: value for name, value in pairs if name and value is not None}


def _is_header(line: Sequence[str]) -> bool:
    return len(line) > 0 and all(
        number(cell) is None and cell.lower() not in _MISSING for cell in line
    )


def _cell(cell: str, decimal_comma: bool) -> float | None:
    if cell.lower() in _MISSING:
        return None
    value = number(cell.replace(",", ".") if decimal_comma else cell)
    # Python reads 1_000 as a number, which no log means.
    return None if value is None or "_" in cell else value


def settled(rows: Sequence[Row]) -> tuple[Sequence[Row], tuple[str, ...]]:
    """Drop nan where it stands for "nothing logged here", and say so.

    It does where most of a column is nan and numbers follow it: a run that broke stays broken.
    """
    empty = [name for name in {name for row in rows for name in row} if _sparse(rows, name)]
    kept = [{k: v for k, v in row.items() if not (k in empty and math.isnan(v))} for row in rows]
    said = f"nan in {', '.join(sorted(empty))} was read as nothing logged there"
    return kept, (said,) if empty else ()


def _sparse(rows: Sequence[Row], name: str) -> bool:
    column = [row[name] for row in rows if name in row]
    gone = [math.isnan(value) for value in column]
    return 2 * sum(gone) > len(gone) and not all(gone[gone.index(True) :])
