"""MLflow's file store: `mlruns/<experiment>/<run>/metrics/<key>`, a text file for each metric.

A line is `timestamp value step`, with the name and digest of a data set after them where there is
one (mlflow/store/tracking/file_store.py). A key with slashes lies in folders.
"""

import math
import os
from pathlib import Path

import numpy as np

from etude.errors import LogError
from etude.readers.series import Raw, Series, number
from etude.readers.text import text

FORM = "mlflow"
_LR_NAMES = ("lr", "learning_rate", "peak_lr", "max_lr")


def claims(folder: Path) -> bool:
    """Tell a run's folder by what lies in it."""
    # os.path, for Path raises where a folder may not be looked into
    return os.path.isfile(folder / "meta.yaml") and os.path.isdir(folder / "metrics")  # noqa: PTH112, PTH113


def read(folder: Path) -> Raw:
    """Read the metrics of one run.

    Raises:
        LogError: none can be read.
    """
    series, notes = dict[str, Series](), list[str]()
    metrics = folder / "metrics"
    for path in sorted(metrics.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            key = path.relative_to(metrics).as_posix()
            points, bad = _points(text(path))
            if points:
                series[key] = Series(*np.array(points).T)
            if bad:
                notes.append(f"{bad} lines of metric {key} are none of MLflow's and were left out")
    if not series:
        raise LogError(f"an MLflow run must have metrics, but {folder} has none")
    return Raw(
        _name(folder), str(folder), FORM, series, step="step", lr=_lr(folder), notes=tuple(notes)
    )


def _points(content: str) -> tuple[list[tuple[float, float]], int]:
    points, bad = list[tuple[float, float]](), 0
    for line in content.splitlines():
        words = line.split()
        value = number(words[1]) if len(words) > 1 else None
        step = number(words[2]) if len(words) > 2 else float(len(points))  # noqa: PLR2004 - old stores have no step
        if value is None or step is None or not math.isfinite(step):
            bad += bool(words)
        else:
            points.append((step, value))
    return points, bad


def _name(folder: Path) -> str:
    """Give the run's name out of `meta.yaml`, of which this one line is all that is needed."""
    for line in text(folder / "meta.yaml").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "run_name" and value.strip(" '\""):
            return value.strip(" '\"")
    return folder.name


def _lr(folder: Path) -> float:
    for name in _LR_NAMES:
        path = folder / "params" / name
        if path.is_file():
            value = number(text(path).strip())
            return math.nan if value is None else value
    return math.nan
