"""CSV that W&B's web page exports: `Step`, and for each run `name - metric`, with its range beside.

One file has one metric of several runs, or several of one.
"""

from pathlib import Path

from etude.readers.series import Raw, Series, from_rows
from etude.readers.tables import Table

FORM = "wandb-csv"
_BETWEEN = " - "
_RANGE = ("__MIN", "__MAX")
_COUNTERS = ("Step", "Relative Time (Process)", "Relative Time (Wall)", "Wall Time")


def claims(header: tuple[str, ...]) -> bool:
    """Tell it by the names of its columns."""
    return any(_BETWEEN in name and name.endswith(_RANGE) for name in header)


def read(path: Path, table: Table, step: str | None = None) -> list[Raw]:
    """Give the runs of the file, each with its metrics."""
    counter = step or next((name for name in _COUNTERS if name in table.header), None)
    series, unit, found, notes = from_rows(table.rows, step=counter)
    runs: dict[str, dict[str, Series]] = {}
    for name, each in series.items():
        run, between, metric = name.rpartition(_BETWEEN)
        if between and not name.endswith(_RANGE) and metric != "_step":
            runs.setdefault(run, {})[metric] = each
    return [Raw(run, str(path), FORM, runs[run], unit, found, notes=notes) for run in runs]
