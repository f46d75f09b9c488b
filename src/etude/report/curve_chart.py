"""A small terminal chart of a loss curve, with the span of a finding marked under it."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from etude.records import Array
from etude.report.plot import braille

HEIGHT = 6
LABEL = 9
_MOST = 4000


def chart(
    at: Array,
    values: Array,
    spans: Sequence[tuple[str, tuple[int, int]]],
    *,
    width: int,
    ascii_only: bool,
) -> Iterator[str]:
    """Give the lines of the chart, log scale where all values are positive.

    Args:
        at: updates.
        values: losses; what is not finite is left out.
        spans: names and first and last updates, each marked on a line of its own.
        width: characters of a line.
        ascii_only: whether the terminal knows only ASCII.
    """
    good = np.isfinite(values)
    columns = max(width - LABEL - 2, 20)
    if good.sum() < 2 or at[0] == at[-1]:  # noqa: PLR2004 - a line has two ends
        return
    log = values[good].min() > 0
    heights = np.log(values[good]) if log else values[good]
    low, high = float(heights.min()), float(heights.max())
    places = np.linspace(at[0], at[-1], min(max(at.size, 2 * columns), _MOST))
    places = places[places <= at[good][-1]]
    line = np.interp(places, at[good], heights) - low
    columns_drawn = max(round(columns * (at[good][-1] - at[0]) / (at[-1] - at[0])), 1)
    rows = _rows(line.tolist(), (high - low) or 1.0, columns_drawn, ascii_only=ascii_only)
    top, bottom = (f"{math.exp(v) if log else v:.3g}" for v in (high, low))
    labels = {0: top, HEIGHT - 1: bottom}
    bar, corner, dash = "|+-" if ascii_only else "│└─"
    for number, row in enumerate(rows):
        yield f"{labels.get(number, ''):>{LABEL}} {bar}{row}".rstrip()
    yield " " * LABEL + " " + corner + dash * (columns - 1)
    first, last = f"{at[0]:g}", f"{at[-1]:g}"
    yield " " * (LABEL + 2) + first + last.rjust(columns - len(first) - 1)
    for name, span in spans:
        yield f"{name:>{LABEL}}  {_mark(span, at, columns, ascii_only=ascii_only)}".rstrip()


def _rows(line: list[float], top: float, columns: int, *, ascii_only: bool) -> list[str]:
    if not ascii_only:
        return braille(line, top, columns, HEIGHT)
    cells = [[" "] * columns for _ in range(HEIGHT)]
    for place, value in enumerate(line):
        row = HEIGHT - 1 - round(value / top * (HEIGHT - 1))
        cells[row][min(place * columns // len(line), columns - 1)] = "*"
    return ["".join(row) for row in cells]


def _mark(span: tuple[int, int], at: Array, columns: int, *, ascii_only: bool) -> str:
    start, width = float(at[0]), float(at[-1] - at[0])
    ends = [
        round((min(max(end, start), start + width) - start) / width * (columns - 2)) for end in span
    ]
    left, line, right, point = "|-|^" if ascii_only else "├─┤▲"
    if ends[0] == ends[1]:
        return " " * ends[0] + point
    return " " * ends[0] + left + line * (ends[1] - ends[0] - 1) + right
