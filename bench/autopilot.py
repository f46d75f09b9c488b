"""Measure the autopilot from 13 starting rates, 1e-6 to 1, beside what else needs no tuning.

    python bench/autopilot.py --store tuned.db                       # five tasks, all methods
    python bench/autopilot.py --tasks noisy-bowl --methods autopilot

The reference is tuned: of 36 strategies (nine rates, 1e-4 to 1 for AdamW, 1e-3 to 10 for SGD with
momentum 0.9; constant, or warmup 5 % and then cosine, linear, or constant with 1-sqrt 20 %),
trained with seeds 0 to 2, the five best are trained again with the seeds of the measurement, and
the best of those is the reference: it is chosen on the very seeds that count. Start k of 13 has
seed 40 + k, which no one looked at while the autopilot was made. Progress on a task is

    (log L_init - log L) / (log L_init - log L_ref),

each L the mean over the 13 seeds of the final validation loss: 1 is as good as the reference. Its
interval is the middle 95 % of 2000 draws of seeds, method and reference drawn together. The worst
single run is set against the mean reference, and so is the reference's own. A run is lost where it
diverged or ended no lower than it began. Cost is in updates of one run; the autopilot's copies
count, and each forward pass of its own as a third of an update.
From one seed it ends with the same bits wherever it starts (tests/live/test_piloting.py).
Peers run from their packages (`pip install etude[bench]`) at their defaults, with AdamW's other
options where they have an lr; those that have none ignore the start.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean
from typing import Any

import click
import numpy as np
import torch

import etude
from etude.jobs import Job, Silence
from etude.records import Run
from etude.store import Store
from etude.strategies import Strategy, strategy
from etude.tasks import Prepared, build_model, load_task, prepare, seed_for
from etude.training import Pool
from etude.training.order import BatchOrder
from etude.training.signals import evaluate

TASKS = ("digits", "digits-cnn", "diabetes", "noisy-bowl", "characters")
STARTS = tuple(10 ** (k / 2) for k in range(-12, 1))
FIRST_SEED = 40
TUNING_SEEDS = (0, 1, 2)
RATES = {
    "adamw": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0),
    "sgd momentum=0.9": (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0),
}
SCHEDULES = (
    "constant",
    "warmup 5% -> cosine",
    "warmup 5% -> linear",
    "warmup 5% -> constant -> 1-sqrt 20%",
)
FINALISTS = 5
DRAWS = 2000
WITHIN = 0.95
WEIGHT_DECAY = 0.01


@dataclass(frozen=True, slots=True)
class Ended:
    """How one run ended."""

    loss: float
    """Final validation loss; infinite where it is not finite."""
    cost: float
    """In updates of one run."""


class Loop:
    """A plain training loop over a task."""

    def __init__(self, prepared: Prepared, seed: int, kind: str) -> None:
        self.task, self._prepared, self.total = prepared.task, prepared, prepared.task.budget
        self.model = build_model(self.task, seed)
        self._kind = kind
        size, batch = prepared.train.size, self.task.batch_size
        self._order = BatchOrder(size, batch, seed_for(self.task.name, seed, "batches"))

    def __iter__(self) -> Iterator[Callable[[], torch.Tensor]]:
        """Give the loss of each batch as a function."""
        for _ in range(self.total):
            inputs, targets = self._prepared.train.take(self._order.draw())
            yield lambda x=inputs, y=targets: self.task.loss(self.model(x), y)

    def optimizer(self, lr: float) -> torch.optim.Optimizer:
        """Make the optimizer of the reference."""
        weights = self.model.parameters()
        if self._kind == "adamw":
            return torch.optim.AdamW(weights, lr=lr, weight_decay=WEIGHT_DECAY)
        return torch.optim.SGD(weights, lr=lr, momentum=0.9)

    def ended(self, cost: float = 1.0) -> Ended:
        """Evaluate the model."""
        loss = evaluate(self.model, self._prepared).loss
        return Ended(loss if math.isfinite(loss) else math.inf, cost)


Method = Callable[[Loop, float], Ended]


def autopilot(loop: Loop, start: float) -> Ended:
    """étude's autopilot."""
    pilot = etude.autopilot(loop.model, loop.optimizer(start), total=loop.total)
    for loss in loop:
        pilot.step(loss)
    return loop.ended(1 + pilot.forks / loop.total)


def constant(loop: Loop, start: float) -> Ended:
    """The optimizer at the starting rate."""
    return trained(loop, loop.optimizer(start))


def plateau(loop: Loop, start: float) -> Ended:
    """The optimizer with torch's ReduceLROnPlateau, on the mean loss of each twentieth."""
    optimizer = loop.optimizer(start)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=1)
    recent: list[float] = []
    for loss in loop:
        recent.append(update(optimizer, loss))
        if len(recent) >= loop.total // 20:
            scheduler.step(mean(recent))
            recent.clear()
    return loop.ended()


def update(optimizer: Any, loss: Callable[[], torch.Tensor], *, told: bool = False) -> float:
    """Do one update; `told`: the optimizer's step wants the loss."""
    optimizer.zero_grad()
    value = loss()
    value.backward()
    optimizer.step(**({"loss": value.detach()} if told else {}))
    return value.item()


def trained(loop: Loop, optimizer: Any, *, scheduler: Any = None, told: bool = False) -> Ended:
    """Train to the end."""
    for loss in loop:
        update(optimizer, loss, told=told)
        if scheduler:
            scheduler.step()
    return loop.ended()


def prodigy(loop: Loop, _: float) -> Ended:
    """Prodigy with cosine annealing, as its page advises."""
    from prodigyopt import Prodigy

    optimizer = Prodigy(loop.model.parameters(), lr=1.0, weight_decay=WEIGHT_DECAY)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, loop.total)
    return trained(loop, optimizer, scheduler=cosine)


def d_adaptation(loop: Loop, _: float) -> Ended:
    """D-Adaptation's Adam, with cosine annealing."""
    from dadaptation import DAdaptAdam

    optimizer = DAdaptAdam(
        loop.model.parameters(), lr=1.0, weight_decay=WEIGHT_DECAY, decouple=True
    )
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, loop.total)
    return trained(loop, optimizer, scheduler=cosine)


def schedule_free(loop: Loop, start: float) -> Ended:
    """Schedule-free AdamW, from the starting rate; its weights are averaged before they count."""
    from schedulefree import AdamWScheduleFree

    optimizer = AdamWScheduleFree(loop.model.parameters(), lr=start, weight_decay=WEIGHT_DECAY)
    optimizer.train()
    for loss in loop:
        update(optimizer, loss)
    optimizer.eval()
    return loop.ended()


def dog(loop: Loop, _: float) -> Ended:
    """DoG with its polynomial averaging."""
    from dog import DoG, PolynomialDecayAverager

    optimizer = DoG(loop.model.parameters())
    averager = PolynomialDecayAverager(loop.model)
    for loss in loop:
        update(optimizer, loss)
        averager.step()
    loop.model = averager.averaged_model
    return loop.ended()


def momo(loop: Loop, start: float) -> Ended:
    """MoMo-Adam, from the starting rate."""
    from momo import MomoAdam

    optimizer = MomoAdam(loop.model.parameters(), lr=start, weight_decay=WEIGHT_DECAY)
    return trained(loop, optimizer, told=True)


METHODS: dict[str, Method] = {
    "autopilot": autopilot,
    "constant": constant,
    "reduce on plateau": plateau,
    "Prodigy": prodigy,
    "D-Adaptation": d_adaptation,
    "schedule-free": schedule_free,
    "DoG": dog,
    "MoMo-Adam": momo,
}


def train(prepared: Prepared, chosen: list[Strategy], seeds: tuple[int, ...], store: Any) -> Any:
    """Train strategies, those that the store has not; give their runs by text."""
    listener = Silence()
    job = Job(prepared, prepared.task.budget, seeds, store, reuse=True, listener=listener)
    job.choose_engine(chosen, "stacked", 1)
    with Pool(prepared, engine=job.engine, workers=1) as pool:
        job.train(pool, chosen)
    runs: dict[str, list[Run]] = {}
    for run in sorted(job.runs, key=lambda run: run.seed):
        runs.setdefault(run.strategy, []).append(run)
    return runs


def level(runs: list[Run]) -> float:
    """Give the mean final loss of a strategy's runs; infinite where one failed."""
    losses = [run.loss for run in runs]
    return mean(losses) if all(map(math.isfinite, losses)) else math.inf


@dataclass(frozen=True, slots=True)
class Reference:
    """The tuned strategy, and what it reached."""

    strategy: str
    losses: list[float]
    """Final validation loss, seed by seed."""
    start: float
    """Mean validation loss of the untrained models."""

    @property
    def loss(self) -> float:
        """Their mean."""
        return mean(self.losses)

    def progress(self, losses: list[float]) -> float:
        """Give the progress of runs, by their mean loss."""
        begin = math.log(self.start)
        return (begin - math.log(mean(losses))) / (begin - math.log(self.loss))

    def interval(self, losses: list[float]) -> tuple[float, float]:
        """Give the middle 95 % of the progress over draws of seeds, with replacement."""
        places = np.random.default_rng(0).integers(len(losses), size=(DRAWS, len(losses)))
        mine, theirs = (np.log(np.array(x)[places].mean(1)) for x in (losses, self.losses))
        begin = math.log(self.start)
        low, high = np.percentile((begin - mine) / (begin - theirs), (2.5, 97.5))
        return float(low), float(high)


def reference(prepared: Prepared, optimizer: str, seeds: tuple[int, ...], store: Any) -> Reference:
    """Tune on other seeds than those that count."""
    rates = RATES[optimizer]
    grid = [strategy(optimizer, lr=lr, schedule=text) for lr in rates for text in SCHEDULES]
    tuned = train(prepared, grid, TUNING_SEEDS, store)
    best = sorted(tuned, key=lambda text: level(tuned[text]))[:FINALISTS]
    again = train(prepared, [strategy(text) for text in best], seeds, store)
    winner = min(again, key=lambda text: level(again[text]))
    start = mean(float(run.curve.val_loss[0]) for run in again[winner])
    return Reference(winner, [run.loss for run in again[winner]], start)


def measure(prepared: Prepared, method: Method, kind: str, seeds: dict[float, int]) -> list[Ended]:
    """Train from starts, each with its seed."""
    ended = []
    for start, seed in seeds.items():
        loop = Loop(prepared, seed, kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ended.append(method(loop, start))
    return ended


def cell(ended: list[Ended], found: Reference) -> str:
    """Write a method's progress on a task, and how many of its runs were lost."""
    lost = sum(not each.loss < found.start for each in ended)
    losses = [min(each.loss, found.start) for each in ended]
    note = f", {lost} lost" if lost else ""
    low, high = found.interval(losses)
    worst = found.progress([max(losses)])
    return f"{found.progress(losses):.3f} ({low:.3f} to {high:.3f}; worst {worst:.2f}{note})"


def _names(_: click.Context, __: click.Parameter, text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@click.command()
@click.option("--tasks", callback=_names, default=",".join(TASKS), show_default=True)
@click.option("--methods", callback=_names, default=",".join(METHODS), show_default=True)
@click.option("--optimizer", type=click.Choice(list(RATES)), default="adamw", show_default=True)
@click.option("--starts", default=len(STARTS), show_default=True, help="Of the 13, evenly spread.")
@click.option("--first-seed", default=FIRST_SEED, show_default=True, help="That of 1e-6.")
@click.option("--store", "file", help="An SQLite file that keeps the reference's runs.")
def main(
    tasks: list[str],
    methods: list[str],
    optimizer: str,
    starts: int,
    first_seed: int,
    file: str | None,
) -> None:
    """Print a Markdown table: progress of each method on each task, over 13 starts."""
    torch.set_num_threads(1)
    store = Store.open(file) if file else None
    places = sorted({round(k * (len(STARTS) - 1) / max(1, starts - 1)) for k in range(starts)})
    seeds = {STARTS[place]: first_seed + place for place in places}
    rows: dict[str, list[str]] = {name: [] for name in ("the reference itself", *methods)}
    costs: dict[str, list[float]] = {name: [1.0] for name in rows}
    told = []
    for name in tasks:
        prepared = prepare(load_task(name))
        found = reference(prepared, optimizer, tuple(seeds.values()), store)
        told.append(f"{name} `{found.strategy}` ({found.loss:.4g})")
        rows["the reference itself"].append(cell([Ended(x, 1.0) for x in found.losses], found))
        for method in methods:
            ended = measure(prepared, METHODS[method], optimizer, seeds)
            rows[method].append(cell(ended, found))
            costs[method] += [each.cost for each in ended]
            click.echo(f"{name}, {method}: {rows[method][-1]}", err=True)
    click.echo(f"| method | {' | '.join(tasks)} | cost, at most |")
    click.echo("|---|" + "---|" * (len(tasks) + 1))
    for method, cells in rows.items():
        click.echo(f"| {method} | {' | '.join(cells)} | {max(costs[method]):.2f} |")
    click.echo(f"\nReferences: {'; '.join(told)}. torch {torch.__version__}, {len(places)} starts.")


if __name__ == "__main__":
    main()
