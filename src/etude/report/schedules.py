"""Shows schedules: what is drawn, the numbers beside it, the page.

A `Drawn` is a schedule over a run with its name; the terminal, the pictures and the page all show
the same ones.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etude.errors import EtudeError
from etude.report.parts import render
from etude.report.svg import svg
from etude.schedules.conventions import Imported
from etude.schedules.traits import SAME, Summary, summarise

ROWS = 13
"""Updates that a table of values shows, unless it is asked for all."""
POINTS = 1200
"""Points that a line keeps on the page."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A schedule over a run.

    Attributes:
        name: What the user called it.
        found: The schedule, étude's or imported.
        values: Its multipliers, or rates where a peak lr is given, by update.
        summary: Its numbers, as multipliers.
        warnings: What is unusual about it.
    """

    name: str
    found: Imported
    values: tuple[float, ...]
    summary: Summary
    warnings: tuple[str, ...]


def drawn(name: str, found: Imported, updates: int, *, peak_lr: float | None = None) -> Drawn:
    """Evaluate a schedule over a run of so many updates."""
    scale = 1.0 if peak_lr is None else peak_lr
    multipliers: tuple[float, ...] = tuple(found.schedule(np.arange(updates)).tolist())
    return Drawn(
        name=name,
        found=found,
        values=tuple(scale * multiplier for multiplier in multipliers),
        summary=summarise(multipliers),
        warnings=found.differences(updates),
    )


def numbers(one: Drawn, peak_lr: float | None) -> list[tuple[str, str]]:
    """Give a schedule's numbers in words: what, how much."""
    scale, s = (1.0 if peak_lr is None else peak_lr), one.summary
    return [
        ("first", f"{scale * s.first:.4g}"),
        ("last", f"{scale * s.last:.4g}"),
        ("highest", f"{scale * s.highest:.4g} at update {s.peak_at}"),
        ("area", f"{s.area:.4g} of {s.updates} updates at the peak ({s.area / s.updates:.1%})"),
    ]


def apart(first: Drawn, other: Drawn) -> tuple[float, int]:
    """Give by how much two differ at most, and the first update at which they do."""
    gaps = [abs(a - b) for a, b in zip(first.values, other.values, strict=True)]
    most = max(gaps)
    nearly = most - SAME * max(first.values)
    return most, next(t for t, gap in enumerate(gaps) if gap >= nearly)


def apart_in_words(first: Drawn, other: Drawn) -> str:
    """Say by how much a schedule differs from the first one."""
    most, t = apart(first, other)
    if most <= SAME * max(first.values):
        return "the same as a"
    gaps = zip(first.values, other.values, strict=True)
    differs = sum(abs(a - b) > SAME * max(first.values) for a, b in gaps)
    return f"differs from a at {differs} updates, most at update {t}, by {most:.3g}"


def shown_updates(many: Sequence[Drawn], most: int = ROWS) -> list[int]:
    """Give the updates that a table shows: evenly spread, and where lines differ most."""
    updates = len(many[0].values)
    if updates <= most:
        return list(range(updates))
    even = {round(i * (updates - 1) / (most - 1)) for i in range(most)}
    return sorted(even | {apart(many[0], other)[1] for other in many[1:]})


def picture(many: Sequence[Drawn], title: str, axis: str) -> str:
    """Give the schedules as an SVG document."""
    return svg(title, [(one.name, one.values) for one in many], axis=axis)


def png(many: Sequence[Drawn], title: str, axis: str, path: str | Path) -> None:
    """Write the schedules as a PNG picture.

    Raises:
        EtudeError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # pyright: ignore[reportMissingImports] - optional
    except ImportError:
        raise EtudeError(
            "a PNG needs matplotlib, which is not installed: pip install matplotlib, or write"
            " --svg or --html, which need nothing"
        ) from None
    figure = Figure(figsize=(9, 4.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for one, dash in zip(many, itertools.cycle(("-", "--", ":", "-.")), strict=False):
        axes.plot(range(len(one.values)), one.values, dash, label=one.name)
    axes.set(title=title, xlabel="update", ylabel=axis, ylim=(0, None))
    axes.grid(alpha=0.3)
    if len(many) > 1:
        axes.legend()
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise EtudeError(f"cannot write {path}: {error}") from error


def page(many: Sequence[Drawn], title: str, axis: str, peak_lr: float | None) -> str:
    """Give the schedules as one self-contained HTML page."""
    return render(
        "schedules.html",
        scripts=("charts.js", "reading.js", "schedules.js"),
        data={"axis": axis, "lines": [_line(one, i) for i, one in enumerate(many)]},
        title=title,
        axis=axis,
        many=many,
        letters="abcdefghijklmnopqrstuvwxyz",
        numbers=lambda one: numbers(one, peak_lr),
        apart=apart_in_words,
        rows=list(_rows(many)),
        picture=picture(many, title, axis),
    )


def _rows(many: Sequence[Drawn]) -> Iterator[tuple[int, list[str]]]:
    for t in shown_updates(many, 25):
        yield t, [f"{one.values[t]:.4g}" for one in many]


def _line(one: Drawn, index: int) -> dict[str, Any]:
    every = max(len(one.values) // POINTS, 1)
    kept = sorted({*range(0, len(one.values), every), len(one.values) - 1})
    return {
        "name": one.name,
        "label": "abcdefghijklmnopqrstuvwxyz"[index % 26],
        "x": kept,
        "y": [float(f"{one.values[t]:.6g}") for t in kept],
    }
