"""Draws lines in the terminal, readable without colour and on a narrow screen.

One line is drawn in Braille dots, 2 x 4 to a character. Several lines are drawn in letters, one
letter a line, `=` where they meet; so they can be told apart without colour.
"""

import math
from collections.abc import Sequence

HEIGHT = 12
"""Rows of a plot."""
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Braille's bit for each of the four rows and two columns of dots."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def plot(
    lines: Sequence[Sequence[float]], *, width: int, ascii_only: bool = False, height: int = HEIGHT
) -> list[str]:
    """Draw lines of the same length over their index, from 0 up.

    Args:
        lines: Values >= 0 by update, each line as long as the others.
        width: Characters that a row may take, at least 20.
        ascii_only: Whether the terminal knows only ASCII.
        height: Rows of the plot itself.

    Returns:
        Rows of text, the two axes included.
    """
    top = max(max(line) for line in lines) or 1.0
    labels = [f"{top * share:.3g}" for share in (1, 0.5, 0)]
    margin = max(map(len, labels))
    columns = max(width, 20) - margin - 2
    if len(lines) == 1 and not ascii_only:
        rows = braille(lines[0], top, columns, height)
    else:
        rows = _letters(lines, top, columns, height, LETTERS if len(lines) > 1 else "*")
    at = {0: labels[0], (height - 1) // 2: labels[1], height - 1: labels[2]}
    tick, bar, corner, dash = "|||+-"[1:] if ascii_only else "┤│└─"
    drawn = [
        f"{at.get(i, ''):>{margin}} {tick if i in at else bar}{row}".rstrip()
        for i, row in enumerate(rows)
    ]
    last = str(len(lines[0]) - 1)
    axis = " " * (margin + 1) + corner + dash * (columns - 1)
    return [*drawn, axis, " " * (margin + 2) + "0" + f"update {last}".rjust(columns - 2)]


def _sampled(line: Sequence[float], count: int) -> list[tuple[float, float]]:
    """Give the lowest and the highest value in each of so many equal spans of updates."""
    spans: list[tuple[float, float]] = []
    for i in range(count):
        first = min(math.floor(i * len(line) / count), len(line) - 1)
        past = max(math.floor((i + 1) * len(line) / count), first + 1)
        part = line[first:past]
        spans.append((min(part), max(part)))
    return spans


def braille(line: Sequence[float], top: float, columns: int, height: int) -> list[str]:
    """Draw one line, from 0 to `top`, in rows of Braille characters."""
    cells = [[0] * columns for _ in range(height)]
    dots = 4 * height - 1
    before: float | None = None
    for x, (low, high) in enumerate(_sampled(line, 2 * columns)):
        rows = [dots - round(value / top * dots) for value in (low, high)]
        start, stop = min(rows), max(rows)
        if before is not None:  # no gap where the curve is steep
            start, stop = min(start, round(before)), max(stop, round(before))
        before = (rows[0] + rows[1]) / 2
        for y in range(start, stop + 1):
            cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    return ["".join(chr(0x2800 + cell) if cell else " " for cell in row) for row in cells]


def _letters(
    lines: Sequence[Sequence[float]], top: float, columns: int, height: int, letters: str
) -> list[str]:
    cells = [[" "] * columns for _ in range(height)]
    for letter, line in zip(letters, lines, strict=False):
        for x, (low, high) in enumerate(_sampled(line, columns)):
            y = height - 1 - round((low + high) / 2 / top * (height - 1))
            cells[y][x] = letter if cells[y][x] == " " else "="
    return ["".join(row) for row in cells]
