"""Draws lines as an SVG picture: plain text, both themes, told apart without colour."""

from collections.abc import Sequence
from html import escape

WIDTH, PLOT = 720, 300
_LEFT, _TOP, _ROW = 64, 24, 22
_COLOURS = ("#0a66b7", "#bf4a0b", "#0a7a56", "#8a3fa0", "#8a6400", "#0b7c92", "#b8245f", "#50545e")
_DASHES = ("", "9 4", "2 3", "12 3 2 3", "5 2", "18 5", "2 7", "9 3 2 3 2 3")
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1c1d21}.paper{fill:#fcfbf8}"
    ".grid{stroke:#dfdcd3}path{fill:none;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#ecebe6}.paper{fill:#15161a}"
    ".grid{stroke:#34363e}path{filter:brightness(1.6)}}"
)
_MOST = 1000
"""Points that a line keeps."""


def svg(
    title: str, lines: Sequence[tuple[str, Sequence[float]]], *, axis: str, low: float = 0.0
) -> str:
    """Give lines over updates as an SVG document.

    Args:
        title: What the picture shows.
        lines: Each line's name and values >= low by update, none longer than the first.
        axis: What the values are.
        low: Where the axis begins.
    """
    top = max(max(values) for _, values in lines)
    top = top if top > low else low + 1.0
    last = max(len(lines[0][1]) - 1, 1)
    height = _TOP + PLOT + 52 + _ROW * len(lines)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        *_axes(low, top, last, axis),
    ]
    for index, (name, values) in enumerate(lines):
        look = f'stroke="{_COLOURS[index % 8]}" stroke-dasharray="{_DASHES[index % 8]}"'
        parts.append(f'<path {look} d="{_path([(v - low) / (top - low) for v in values], last)}"/>')
        y = _TOP + PLOT + 52 + _ROW * index
        parts.append(f'<path {look} d="M{_LEFT} {y}h40"/>')
        parts.append(f'<text x="{_LEFT + 50}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _axes(low: float, top: float, last: int, axis: str) -> list[str]:
    right, bottom = WIDTH - 16, _TOP + PLOT
    found = [f'<text x="{_LEFT}" y="{_TOP - 10}">{escape(axis)}</text>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = bottom - share * PLOT
        found.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:g}" y2="{y:g}"/>')
        value = f"{low + (top - low) * share:.3g}"
        found.append(f'<text x="{_LEFT - 8}" y="{y + 4:g}" text-anchor="end">{value}</text>')
    found.append(f'<text x="{_LEFT}" y="{bottom + 20}">0</text>')
    end = f'<text x="{right}" y="{bottom + 20}" text-anchor="end">update {last}</text>'
    return [*found, end]


def _path(values: Sequence[float], last: int) -> str:
    every = max(len(values) // _MOST, 1)
    kept = sorted({*range(0, len(values), every), len(values) - 1})
    across = (WIDTH - 16 - _LEFT) / last
    points = [f"{_LEFT + t * across:.1f} {_TOP + PLOT * (1 - values[t]):.1f}" for t in kept]
    return "M" + "L".join(points)
