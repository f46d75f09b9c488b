"""Shows a fork test: in the terminal, and as one HTML file that needs no network."""

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etude.records import Action, Fork, Measured, Probe
from etude.report.console import fit, say, show_list
from etude.report.facts import facts
from etude.report.parts import render
from etude.report.svg import svg
from etude.report.words import MISSING, number

SMOOTHED = 5
"""Batches whose mean is a point of the chart."""
FAR = math.log(10)
"""A loss of ten times the other is far above it, and no percentage says more."""
LEAST_FALL = 0.002
"""A chart shows at least so large a share of the loss at rest, to each side."""
COLUMNS = ("lr", "end loss", "below rest", "below x1 (95% interval)")


def headline(probe: Probe) -> str:
    """Say what to do, in one line."""
    lr = number(probe.lr)
    if probe.action is Action.NOT_RATE:
        return f"{probe.task}: it is not the learning rate"
    if probe.action is Action.UNDECIDED:
        return f"{probe.task}: undecided whether lr {lr} is right"
    if probe.action is Action.KEEP:
        return f"{probe.task}: keep lr {lr}"
    if math.isnan(probe.factor):
        return f"{probe.task}: {probe.action.value} lr {lr}"
    to = number(probe.lr * probe.factor)
    return f"{probe.task}: {probe.action.value} lr {lr}; of those tried {to} did best"


def rows(probe: Probe) -> Iterator[tuple[str, ...]]:
    """Give each fork's name and cells of `COLUMNS`."""
    for fork in probe.forks:
        end = _end(fork.loss)
        gone = "diverged" if math.isnan(end) else number(end)
        against = "-" if fork.factor == 1 else _interval(fork.gain)
        yield f"x{fork.factor:g}", number(fork.lr), gone, _percent(fork.progress.value), against


def evidence(probe: Probe) -> list[str]:
    """Give what the verdict rests on, one sentence each."""
    found = [f"{probe.sentence[0].upper()}{probe.sentence[1:]}."]
    if probe.reading is not None:
        reading = probe.reading
        found.append(f"The run's own curve says {reading.action.value}: {reading.sentence}.")
    return [*found, *probe.notes]


def where(probe: Probe) -> str:
    """Say what was forked."""
    at = "" if probe.at is None else f" after {probe.at:,} updates"
    return f"{probe.strategy}{at} · forks of {probe.updates} updates on the same batches"


def show_probe(probe: Probe, console: Console) -> None:
    """Print the verdict, the forks and what it rests on."""
    say(console, headline(probe), "bold")
    say(console, where(probe), "dim")
    if probe.forks:
        console.print()
        console.print(_table(probe, console))
    console.print()
    show_list(console, evidence(probe))


def _table(probe: Probe, console: Console) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("fork")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for name, *cells in rows(probe):
        best = name == f"x{probe.factor:g}"
        texts = (Text(fit(console, cell)) for cell in (name, *cells))
        table.add_row(*texts, style="bold" if best else "")
    return table


def probe_page(probe: Probe) -> str:
    """Give the fork test as a self-contained HTML page."""
    return render(
        "probe.html",
        scripts=(),
        data=None,
        probe=probe,
        headline=headline(probe),
        where=where(probe),
        columns=COLUMNS,
        rows=list(rows(probe)),
        evidence=evidence(probe),
        picture=probe_svg(probe) if probe.forks else "",
        facts=facts({}, probe.settings, probe.versions),
        command=probe.settings.get("command"),
    )


def probe_svg(probe: Probe) -> str:
    """Draw the forks' losses over their updates, and the weights at rest, as an SVG document."""
    lines = {"at rest": [1.0] * len(probe.rest)}
    lines |= {_name(fork): _relative(fork.loss, probe.rest) for fork in probe.forks}
    reach = max(LEAST_FALL, *(1 - min(line, default=1.0) for line in lines.values()))
    own = next(_relative(fork.loss, probe.rest) for fork in probe.forks if fork.factor == 1)
    reach = max(reach, *(value - 1 for value in own), 0.0) if own else reach
    low, high = 1 - reach, 1 + reach
    title = f"Loss of forks of {probe.task} at multiples of its learning rate"
    drawn = [(name, [min(v, high) for v in line]) for name, line in lines.items() if line]
    axis = f"training loss over that of the weights at rest, means of {SMOOTHED} batches"
    return svg(title, drawn, axis=axis, low=low)


def _name(fork: Fork) -> str:
    gone = " (diverged)" if math.isnan(fork.loss[-1]) else ""
    return f"x{fork.factor:g}: lr {number(fork.lr)}{gone}"


def _relative(loss: Sequence[float], rest: Sequence[float]) -> list[float]:
    """Give the running mean over that at rest, up to a value that is not finite."""
    count = sum(map(math.isfinite, loss))
    spans = [slice(max(0, end - SMOOTHED), end) for end in range(1, count + 1)]
    return [sum(loss[span]) / (sum(rest[span]) or 1.0) for span in spans]


def _end(loss: Sequence[float]) -> float:
    last = loss[-max(1, round(len(loss) / 3)) :]
    return sum(last) / len(last)


def _interval(gain: Measured) -> str:
    if math.isnan(gain.value) or gain.value < -FAR:
        return _percent(gain.value)
    return f"{_percent(gain.value)} [{_percent(gain.low)}, {_percent(gain.high)}]"


def _percent(logs: float) -> str:
    """Write a difference of logs as a share of the loss: 0.69 is 50 % lower."""
    if math.isnan(logs):
        return MISSING
    return "far above" if logs < -FAR else f"{-math.expm1(-logs):+.1%}"
