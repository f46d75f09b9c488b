"""open-mmlab's JSON lines: `20240101_000000.log.json` of mmcv, `scalars.json` of mmengine.

A line has `epoch`, `iter`, `lr`, `loss` and maybe `grad_norm`; in mmcv `mode` says train or val and
`iter` starts anew with each epoch, in mmengine `step` counts on and validation has no `loss`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from etude.readers.series import Raw, from_rows, number

FORM = "mmlab"
_COUNTERS = frozenset({"epoch", "iter", "step", "lr"})


def claims(lines: Sequence[dict[str, Any]]) -> bool:
    """Tell it by the counters of its lines."""
    return any(
        {"epoch", "iter"} <= set(line) and ("mode" in line or "lr" in line) for line in lines
    )


def read(path: Path, lines: Sequence[dict[str, Any]], step: str | None = None) -> list[Raw]:
    """Read the lines; what was validated is named `val_loss` and so on."""
    train = [_row(line) for line in lines if _is_training(line)]
    counter = step or ("step" if any("step" in row for row in train) else "iter")
    series, unit, found, notes = from_rows(train, step=counter)
    series.pop("epoch", None)
    series |= _validated(lines, train, series)
    return [Raw(path.stem.partition(".")[0], str(path), FORM, series, unit, found, notes=notes)]


def _is_training(line: dict[str, Any]) -> bool:
    return line.get("mode", "train") == "train" and "loss" in line


def _row(line: dict[str, Any]) -> dict[str, float]:
    row = {key: number(value) for key, value in line.items()}
    return {key: value for key, value in row.items() if value is not None}


def _validated(
    lines: Sequence[dict[str, Any]], train: list[dict[str, float]], series: dict[str, Any]
) -> dict[str, Any]:
    """Place each validation where its epoch ended, which is all that its lines tell."""
    ends: dict[float, float] = {}
    if "loss" in series and series["loss"].at.size == len(train):
        for row, at in zip(train, series["loss"].at, strict=True):
            ends[row.get("epoch", 0.0)] = float(at)
    rows = list[dict[str, float]]()
    for line in lines:
        row = _row(line)
        epoch = row.get("epoch", row.get("step", float("nan")))
        if not _is_training(line) and epoch in ends:
            values = {
                f"val_{k}": v for k, v in row.items() if k not in {"epoch", "iter", "step", "lr"}
            }
            rows.append({"at": ends[epoch], **values})
    return from_rows(rows, step="at")[0] if rows else {}
