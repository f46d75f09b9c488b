"""A small terminal chart of loss against lr, with the usable range marked under it."""

import math
from collections.abc import Callable, Iterator

from etude.records import LrRange
from etude.report.found_words import loss_by_lr

HEIGHT = 8
LABEL = 9


def chart(each: LrRange, *, width: int) -> Iterator[str]:
    """Give the lines of the chart: losses of the longest copies, and under them the range.

    ● a rate's mean loss, ✗ on the top row a rate at which a copy failed; ├──◆──┤ the usable range
    and the suggestion in it.
    """
    if not each.trials:
        return
    longest = max(trial.updates for trial in each.trials)
    points = loss_by_lr(each, longest)
    lrs = sorted({trial.lr for trial in each.trials})
    left, right = math.log10(lrs[0]), math.log10(lrs[-1])
    columns = width - LABEL - 2

    def column(lr: float) -> int:
        share = (math.log10(lr) - left) / (right - left) if right > left else 0.5
        return min(max(round(share * (columns - 1)), 0), columns - 1)

    known = [loss for _, loss in points if math.isfinite(loss)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    rows = [[" "] * columns for _ in range(HEIGHT)]
    for lr, loss in points:
        failed = not math.isfinite(loss)
        row = 0 if failed else _row(loss, low, high)
        rows[row][column(lr)] = "✗" if failed else "●"
    yield f"loss of copies of {longest:,} updates"
    labels = {1: f"{high:.3g}", HEIGHT - 1: f"{low:.3g}"}
    for number, row in enumerate(rows):
        yield f"{labels.get(number, ''):>{LABEL}} │{''.join(row)}".rstrip()
    yield " " * LABEL + " └" + "─" * columns
    yield " " * (LABEL + 2) + _ticks(left, right, columns, column)
    if each.suggestion is not None and each.low is not None and each.high is not None:
        first, middle, last = (
            column(measured.value) for measured in (each.low, each.suggestion, each.high)
        )
        bar = [" "] * columns
        bar[first : last + 1] = "─" * (last + 1 - first)
        bar[first], bar[last] = "├", "┤"
        bar[middle] = "◆"
        yield f"{'usable':>{LABEL}}  {''.join(bar)}".rstrip()


def _row(loss: float, low: float, high: float) -> int:
    """Give the row of a loss, 1 the highest; by the logarithm where losses are positive."""
    if high <= low:
        return HEIGHT - 1
    share = math.log(loss / low) / math.log(high / low) if low > 0 else (loss - low) / (high - low)
    return HEIGHT - 1 - round(share * (HEIGHT - 2))


def _ticks(left: float, right: float, columns: int, column: Callable[[float], int]) -> str:
    line = [" "] * (columns + 8)
    at = -1
    for power in range(math.ceil(left), math.floor(right) + 1):
        place, text = column(10.0**power), f"{10.0**power:g}"
        if place > at:
            line[place : place + len(text)] = text
            at = place + len(text)
    return "".join(line).rstrip()
