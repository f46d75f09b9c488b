"""Ultralytics' `results.csv`: a row an epoch, the loss in parts (box, cls, dfl …), names padded.

The parts are weighted already, and their sum is what was minimised; it is not logged, so it is
made here.
"""

from pathlib import Path

import numpy as np

from etude.readers.series import Raw, Series, from_rows
from etude.readers.tables import Table

FORM = "ultralytics"
_PART = "_loss"


def claims(header: tuple[str, ...]) -> bool:
    """Tell it by the parts of its loss, or by the lr of its param groups."""
    parts = [name for name in header if name.startswith("train/") and name.endswith(_PART)]
    return len(parts) > 1 and any(name.startswith(("val/", "lr/pg", "x/lr")) for name in header)


def read(path: Path, table: Table, step: str | None = None) -> list[Raw]:
    """Read the table, and add up the parts of each split's loss."""
    series, unit, counter, notes = from_rows(table.rows, step=step)
    said = list(notes)
    for split in ("train", "val"):
        parts = [n for n in series if n.startswith(f"{split}/") and n.endswith(_PART)]
        if len({series[name].at.size for name in parts}) == 1:
            values = np.sum([series[name].values for name in parts], axis=0)
            series[f"{split}/loss"] = Series(series[parts[0]].at, values)
            said.append(f"{split}/loss is the sum of {', '.join(parts)}")
    return [Raw(path.parent.name, str(path), FORM, series, unit, counter, notes=tuple(said))]
