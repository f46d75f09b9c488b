"""What every reader gives: named series of numbers over steps, not yet anything's loss."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from etude.records import Array

STEPS = (
    "step",
    "_step",
    "global_step",
    "trainer/global_step",
    "train/global_step",
    "iteration",
    "iterations",
    "iter",
    "update",
    "updates",
    "num_updates",
    "batch",
)
"""Columns that count updates, the surest first."""
EPOCHS = ("epoch", "epochs", "train/epoch", "epoch_num")

Row = Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One quantity over steps."""

    at: Array
    values: Array


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """A run as its log has it."""

    name: str
    path: str
    form: str
    series: dict[str, Series]
    unit: str = "update"
    """What `Series.at` counts: `update` or `epoch`."""
    step: str = ""
    """The column that counts them; empty where rows were counted."""
    lr: float = math.nan
    """The lr that its settings tell."""
    notes: tuple[str, ...] = field(default=())


def number(value: Any) -> float | None:
    """Give a number of JSON or of text as a float; None where it is none.

    JSON has no word for what is not finite, so tools write it as text: "NaN", "Infinity".
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except ValueError:
        return None
    except OverflowError:  # a whole number beyond any float
        return math.inf


def from_rows(
    rows: Iterable[Row], *, step: str | None = None
) -> tuple[dict[str, Series], str, str, tuple[str, ...]]:
    """Turn rows of a table into series over its step column.

    Args:
        rows: each has the numbers that were logged together; keys may be missing.
        step: the column that counts; None looks for one.

    Returns:
        The series, the unit, the name of the step column, and notes.
    """
    kept = [row for row in rows if row]
    names = dict.fromkeys(name for row in kept for name in row)
    counter, unit = (step, _unit_of(step)) if step else _counter(kept, names)
    at, notes = _positions(kept, counter)
    series: dict[str, Series] = {}
    for name in names:
        if name == counter:
            continue
        pairs = [(at[i], row[name]) for i, row in enumerate(kept) if name in row]
        series[name] = Series(*np.array(pairs, dtype=np.float64).reshape(-1, 2).T)
    return series, unit, counter, notes


def _unit_of(name: str) -> str:
    return "epoch" if "epoch" in name.lower() else "update"


def _counter(rows: list[Row], names: Iterable[str]) -> tuple[str, str]:
    """Find the column that counts: one of updates that grows, else one of epochs, else none."""
    lower = {name.lower(): name for name in reversed(list(names))}
    for known, unit in ((STEPS, "update"), (EPOCHS, "epoch")):
        for name in known:
            found = lower.get(name)
            if found is not None and len({row.get(found) for row in rows}) > 1:
                return found, unit
    return "", "update"


def _positions(rows: list[Row], counter: str) -> tuple[list[float], tuple[str, ...]]:
    """Give each row's place; one that lacks the counter stands where the row before it does."""
    if not counter:
        said = "no column counts steps, so rows were counted; name one with --step"
        return [float(i) for i in range(len(rows))], (said,)
    at: list[float] = []
    last = 0.0
    for row in rows:
        value = row.get(counter, math.nan)
        last = value if math.isfinite(value) else last
        at.append(last)
    return _unrolled(rows, at, counter)


def _unrolled(
    rows: list[Row], at: list[float], counter: str
) -> tuple[list[float], tuple[str, ...]]:
    """Make a counter that starts anew with each epoch count on."""
    falls = [i for i in range(1, len(at)) if at[i] < at[i - 1]]
    epoch = next((name for name in rows[0] if name.lower() in EPOCHS), None) if rows else None
    if epoch is None or epoch == counter:
        return at, ()
    grew = [i for i in falls if rows[i].get(epoch, 0) > rows[i - 1].get(epoch, math.inf)]
    if not falls or len(grew) < len(falls):
        return at, ()
    length, first = max(at), rows[0].get(epoch, 0.0)
    return [
        place + length * (row.get(epoch, first) - first)
        for place, row in zip(at, rows, strict=True)
    ], (f"{counter} starts anew with each {epoch}, so {length:g} steps an epoch were assumed",)
