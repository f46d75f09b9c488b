"""Keras' CSVLogger: a row an epoch, the other columns by name, `NA` for what is missing."""

from pathlib import Path

from etude.readers.series import Raw, from_rows
from etude.readers.tables import Table

FORM = "keras"


def claims(header: tuple[str, ...]) -> bool:
    """Tell it by its order: `epoch`, then the keys of the logs sorted."""
    rest = list(header[1:])
    return header[:1] == ("epoch",) and "loss" in rest and rest == sorted(rest)


def read(path: Path, table: Table, step: str | None = None) -> list[Raw]:
    """Read the table."""
    series, unit, counter, notes = from_rows(table.rows, step=step)
    return [Raw(path.stem, str(path), FORM, series, unit, counter, notes=notes)]
