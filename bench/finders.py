"""Measure what finders suggest: train each suggestion in full beside a grid of 16 rates.

    python bench/finders.py --store finders.db                     # all cells, three repeats
    python bench/finders.py --store finders.db --tasks digits --schedule constant --no-peers

A cell is a task with an optimizer. Its grid has 16 rates over four decades, each trained to the
task's own budget with the same three seeds as the suggestions. A finder searches with other seeds
than those, in each repeat with new ones. What counts is the progress in log loss,

    (log L_init - log L) / (log L_init - log L_best),

with L the mean of the final validation losses and L_best the lowest of the grid: 1 is as good as
the best rate of the grid. The peers run from their own packages (`pip install etude[bench]`) with
their defaults; what they cost is counted in updates. With --store, runs are kept and found again.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

import click
import numpy as np
import torch
from range_tests import PEERS, Case

from etude import find
from etude.jobs import FAILED, Job, Silence
from etude.records import LrRange, Run
from etude.store import Store
from etude.strategies import Strategy, strategy
from etude.strategies.usual import usual_lrs
from etude.tasks import Prepared, load_task, prepare
from etude.training import Pool

TASKS = ("digits", "diabetes", "digits-cnn", "characters")
OPTIMIZERS = ("sgd", "sgd momentum=0.9", "adam", "adamw")
POINTS, DECADES = 16, 4
SEEDS = (0, 1, 2)
"""Seeds of the grid and of the suggestions."""
FRESH = 1000
"""The first seed that a finder may use."""
WITHIN = 0.95
"""A suggestion is good from this progress on."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a finder said."""

    lr: float
    """nan where it gave no answer."""
    updates: int
    """What it trained for that."""


@dataclass(slots=True)
class Cell:
    """A task with an optimizer, and what became of every rate."""

    prepared: Prepared
    family: Strategy
    runs: dict[float, list[Run]] = field(default_factory=dict)
    said: dict[str, list[Said]] = field(default_factory=dict)
    grid: tuple[float, ...] = ()
    ladders: list[LrRange] = field(default_factory=list)

    def progress(self, lr: float) -> float:
        """Give the progress of a rate; -inf where a run of it failed, or there is no rate."""
        if math.isnan(lr) or self.failed(lr):
            return -math.inf
        start = math.log(mean(run.curve.val_loss[0] for run in self.runs[lr]))
        best = min(self.level(each) for each in self.grid)
        return (start - self.level(lr)) / (start - best)

    def interpolated(self, lr: float) -> float:
        """Give the progress of any rate, from those of the grid on both sides; failed is 0."""
        known = [max(0.0, self.progress(each)) for each in self.grid]
        return float(np.interp(math.log(lr), np.log(self.grid), known))

    def level(self, lr: float) -> float:
        """Give the log of a rate's mean final loss."""
        losses = [run.loss for run in self.runs[lr]]
        return math.inf if self.failed(lr) else math.log(mean(losses))

    def failed(self, lr: float) -> bool:
        """Say whether a run of a rate diverged or collapsed."""
        return any(run.outcome in FAILED or not math.isfinite(run.loss) for run in self.runs[lr])

    @property
    def best(self) -> float:
        """The best rate of the grid."""
        return min(self.grid, key=self.level)


def train(cell: Cell, lrs: Sequence[float], store: Store | None) -> None:
    """Train rates in full, those that the store has not."""
    updates = cell.prepared.task.budget
    job = Job(cell.prepared, updates, SEEDS, store, reuse=True, listener=Silence())
    chosen = [cell.family.with_lr(lr) for lr in dict.fromkeys(lrs) if not math.isnan(lr)]
    job.choose_engine(chosen, "auto", len(os.sched_getaffinity(0)))
    with Pool(cell.prepared, engine=job.engine) as pool:
        job.train(pool, chosen)
    for run in job.runs:
        cell.runs.setdefault(strategy(run.strategy).peak_lr, []).append(run)


def grid_of(family: Strategy) -> tuple[float, ...]:
    """Give the rates of the grid, around the middle of the usual ones."""
    middle = float(np.mean(np.log10(usual_lrs(family.label))))
    ends = middle - DECADES / 2, middle + DECADES / 2
    return tuple(float(f"{lr:.3g}") for lr in np.logspace(*ends, POINTS))


def ladder(cell: Cell, seed: int, store: Store | None) -> Said:
    """Ask étude."""
    found = find(
        cell.prepared,
        cell.family.label,
        schedule=cell.family.schedule,
        seeds=range(seed, seed + len(SEEDS)),
        store=store,
        diagnose=False,
    )
    (one,) = found.ranges
    cell.ladders.append(one)
    return Said(one.suggestion.value if one.suggestion else math.nan, one.cost)


def levels(ladder: LrRange) -> tuple[list[float], list[float]]:
    """Give the rates of the longest copies, and the mean log loss of those that did not fail."""
    longest = max(trial.updates for trial in ladder.trials)
    losses: dict[float, list[float]] = {}
    for trial in ladder.trials:
        if trial.updates == longest:
            value = math.inf if trial.outcome in FAILED else math.log(trial.loss)
            losses.setdefault(trial.lr, []).append(value)
    return sorted(losses), [mean(losses[lr]) for lr in sorted(losses)]


def smallest_within(ladder: LrRange) -> float:
    """Give the smallest rate of the longest copies whose loss is within 25 % of the lowest."""
    lrs, found = levels(ladder)
    return next(
        lr for lr, level in zip(lrs, found, strict=True) if level <= min(found) + math.log(1.25)
    )


def extrapolated(ladder: LrRange) -> float:
    """Move the best rate on as it moved between the two lengths, in log lr over log updates."""
    (short, first), (long, second) = ladder.best
    slope = min(0.0, max(-1.0, math.log(second / first) / math.log(long / short)))
    return second * (ladder.updates / long) ** slope


RULES: dict[str, Callable[[LrRange], float]] = {
    "étude's": lambda ladder: ladder.suggestion.value if ladder.suggestion else math.nan,
    "best of the longer copies": lambda ladder: ladder.best[-1][1],
    "that / 1.85": lambda ladder: ladder.best[-1][1] / 1.85,
    "smallest within 25 % of the lowest loss": smallest_within,
    "best, moved on by its shift between the lengths": extrapolated,
}
"""What else could be read off the same short copies."""


def our_ramp(rule: str) -> Callable[[Cell, int, Store | None], Said]:
    """Give étude's own range test, read by a rule."""

    def ask(cell: Cell, seed: int, store: Store | None) -> Said:
        found = find(
            cell.prepared, cell.family.label, method="ramp", seeds=[seed], store=store, workers=0
        )
        (one,) = found.ranges
        return Said(one.rules[rule].value if one.rules else math.nan, one.cost)

    return ask


def peer(name: str) -> Callable[[Cell, int, Store | None], Said]:
    """Give a finder of another package."""

    def ask(cell: Cell, seed: int, store: Store | None) -> Said:  # noqa: ARG001 - one signature
        case = Case(cell.prepared, cell.family, seed)
        try:
            return Said(*PEERS[name](case))
        except (RuntimeError, ValueError, IndexError) as error:
            click.echo(f"{name}: {type(error).__name__}: {error}", err=True)
            return Said(math.nan, 100)

    return ask


FINDERS: dict[str, Callable[[Cell, int, Store | None], Said]] = {
    "étude ladder": ladder,
    **{f"étude ramp, {rule}": our_ramp(rule) for rule in ("minimum", "valley", "steepest")},
}


def measure(
    cell: Cell, finders: dict[str, Callable[..., Said]], repeats: int, store: Store | None
) -> None:
    """Train the grid, ask all finders, and train what they said."""
    cell.grid = grid_of(cell.family)
    train(cell, cell.grid, store)
    for name, ask in finders.items():
        cell.said[name] = [ask(cell, FRESH + 10 * repeat, store) for repeat in range(repeats)]
        rates = ", ".join(f"{said.lr:.2g}" for said in cell.said[name])
        click.echo(f"{cell.prepared.task.name}, {cell.family.label}, {name}: {rates}", err=True)
    train(cell, sorted({said.lr for all_said in cell.said.values() for said in all_said}), store)


def by_cell(cells: Sequence[Cell], finders: Sequence[str]) -> Iterator[str]:
    """Give a table with a row for each cell."""
    yield f"| task, optimizer | best of the grid | {' | '.join(finders)} |"
    yield "|---|---|" + "---|" * len(finders)
    for cell in cells:
        row = [_short(cell, name) for name in finders]
        where = f"{cell.prepared.task.name}, {cell.family.label}"
        loss = math.exp(cell.level(cell.best))
        yield f"| {where} | {cell.best:.2g} ({loss:.3g}) | {' | '.join(row)} |"


def _short(cell: Cell, name: str) -> str:
    """Write the median suggestion, and the worst progress of the repeats."""
    said = cell.said[name]
    known = [each.lr for each in said if not math.isnan(each.lr)]
    worst = min(cell.progress(each.lr) for each in said)
    rate = f"{median(known):.2g}" if known else "none"
    return f"{rate} ({'failed' if math.isinf(worst) else f'{worst:.2f}'})"


def summary(cells: Sequence[Cell], finders: Sequence[str]) -> Iterator[str]:
    """Give a table with a row for each finder."""
    yield (
        "| finder | within 5 %: suggestions (95 % interval) | cells, all repeats within 5 %"
        " | failed | progress: median | worst of those that did not fail"
        " | cost, updates: median | in runs of the task |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for name in finders:
        said = [(cell, each) for cell in cells for each in cell.said[name]]
        values = [cell.progress(each.lr) for cell, each in said]
        good = sum(value >= WITHIN for value in values)
        low, high = wilson(good, len(values))
        whole = sum(all(c.progress(s.lr) >= WITHIN for s in c.said[name]) for c in cells)
        lived = [value for value in values if math.isfinite(value)]
        share = median(each.updates / cell.prepared.task.budget for cell, each in said)
        yield (
            f"| {name} | {good / len(values):.0%} of {len(values)} ({low:.0%} to {high:.0%})"
            f" | {whole} of {len(cells)} | {len(values) - len(lived)} | {median(values):.3f}"
            f" | {min(lived, default=math.nan):.2f}"
            f" | {median(each.updates for _, each in said):,.0f} | {share:.2g} |"
        )


def rules(cells: Sequence[Cell]) -> Iterator[str]:
    """Give a table with a row for each rule, its progress interpolated on the grid."""
    yield "| rule, on the same copies | within 5 % | progress: mean | worst |"
    yield "|---|---|---|---|"
    for name, rule in RULES.items():
        values = [cell.interpolated(rule(each)) for cell in cells for each in cell.ladders]
        good = mean(value >= WITHIN for value in values)
        yield f"| {name} | {good:.0%} | {mean(values):.3f} | {min(values):.2f} |"


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Give the 95 % interval of a share (Wilson 1927)."""
    z = 1.96
    share, room = hits / count, z * z / count
    half = z * math.sqrt(share * (1 - share) / count + room / count / 4)
    return (share + room / 2 - half) / (1 + room), (share + room / 2 + half) / (1 + room)


def _names(_: click.Context, __: click.Parameter, text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@click.command()
@click.option("--tasks", callback=_names, default=",".join(TASKS), show_default=True)
@click.option("--optimizers", callback=_names, default=",".join(OPTIMIZERS), show_default=True)
@click.option("--schedule", default="warmup 5% -> cosine", show_default=True)
@click.option("--repeats", default=3, show_default=True, help="Searches of each finder in a cell.")
@click.option("--store", "file", help="An SQLite file that keeps runs for the next time.")
@click.option("--peers/--no-peers", default=True, help="Ask the other packages too.")
def main(
    tasks: list[str],
    optimizers: list[str],
    schedule: str,
    repeats: int,
    file: str | None,
    peers: bool,
) -> None:
    """Print Markdown tables: what each finder is worth, all cells, and other rules."""
    torch.set_num_threads(1)
    store = Store.open(file) if file else None
    finders = FINDERS | ({name: peer(name) for name in PEERS} if peers else {})
    cells = []
    for task in tasks:
        prepared = prepare(load_task(task))
        for optimizer in optimizers:
            family = strategy(optimizer, lr=1.0, schedule=schedule)
            cells.append(Cell(prepared, family))
            measure(cells[-1], finders, repeats, store)
    names = list(finders)
    tables = [*summary(cells, names), "", *by_cell(cells, names), "", *rules(cells)]
    click.echo("\n".join(tables))
    click.echo(
        f"\nschedule `{schedule}`; grid: {POINTS} rates over {DECADES} decades; seeds"
        f" {', '.join(map(str, SEEDS))} for grid and suggestions; finders: {repeats} repeats, seeds"
        f" from {FRESH}. In cells: median suggestion (worst progress)."
    )


if __name__ == "__main__":
    main()
