"""Plain logs: CSV, JSON lines, a JSON list of rows, a JSON object of columns."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from etude.errors import LogError
from etude.readers.series import Raw, from_rows, number
from etude.readers.tables import Table, settled

CSV, JSONL = "csv", "jsonl"
_DEEPEST = 4
"""Nested objects that become one name: `{"train": {"loss": 1}}` is `train/loss`."""


def read_table(path: Path, table: Table, step: str | None = None) -> list[Raw]:
    """Read a table of any tool."""
    rows, notes = settled(table.rows)
    series, unit, counter, more = from_rows(rows, step=step)
    return [Raw(path.stem, str(path), CSV, series, unit, counter, notes=(*notes, *more))]


def read_lines(path: Path, lines: list[dict[str, Any]], step: str | None = None) -> list[Raw]:
    """Read rows, each an object."""
    rows = [dict(_flat(line)) for line in lines]
    series, unit, counter, notes = from_rows(rows, step=step)
    return [Raw(path.stem, str(path), JSONL, series, unit, counter, notes=notes)]


def document(content: str) -> Any:
    """Give a JSON document, which may hold NaN and Infinity; None where it is none.

    Raises:
        LogError: it is nested beyond all measure.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise LogError("JSON must be nested less deeply to be a log") from error
    except ValueError:
        return None


def lines_of(content: str, path: Path) -> tuple[list[dict[str, Any]], int]:
    """Give the objects of JSON lines, and how many lines are none; a cut last line is no fault.

    Raises:
        LogError: no line is an object.
    """
    found, bad = list[dict[str, Any]](), 0
    written = content.splitlines()
    for place, line in enumerate(written):
        if not line.strip():
            continue
        value = document(line)
        if isinstance(value, dict):
            found.append(value)
        else:
            bad += place < len(written) - 1
    if not found:
        raise LogError(f"{path} must be JSON or JSON lines, but no line of it is a JSON object")
    return found, bad


def rows_of(value: Any) -> list[dict[str, Any]] | None:
    """Give the rows of a list of objects or of an object of lists; None where it is neither."""
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, dict)]
        return rows or None
    if isinstance(value, dict):
        columns = {k: v for k, v in value.items() if isinstance(v, list)}
        length = max(map(len, columns.values()), default=0)
        if length > 1:
            return [{k: v[i] for k, v in columns.items() if i < len(v)} for i in range(length)]
    return None


def _flat(line: dict[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, float]]:
    for key, value in line.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _flat(value, f"{name}/", depth + 1)
            continue
        found = number(value)
        if found is not None:
            yield name, found
