"""Lightning's `metrics.csv`: rows with many empty cells, each metric on rows of its own."""

from pathlib import Path

from etude.readers.series import Raw, from_rows
from etude.readers.tables import Table

FORM = "lightning"


def claims(header: tuple[str, ...], path: Path) -> bool:
    """Tell it by its two counters, and by its name or the suffixes that `self.log` gives."""
    suffixed = any(name.endswith(("_step", "_epoch")) for name in header)
    return {"epoch", "step"} <= set(header) and (suffixed or path.name == "metrics.csv")


def read(path: Path, table: Table, step: str | None = None) -> list[Raw]:
    """Read the table; its run is named after the folder, which is `version_0` or the like."""
    series, unit, counter, notes = from_rows(table.rows, step=step)
    series.pop("epoch", None)
    return [Raw(path.parent.name, str(path), FORM, series, unit, counter, notes=notes)]
