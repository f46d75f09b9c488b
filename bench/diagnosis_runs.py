"""The runs that diagnosis is measured on: made by étude, labelled by what another rate would do.

A cell is a task with an optimizer and a seed. It is trained at half-decades of constant rates from
1e-6 to 10 and, so that healthy runs are as many as faulty ones, at rates near the best of these.
A run's label is counterfactual: with f the share of the attainable progress,

    f = (log L_rest - log L_end) / (log L_rest - log L_best),

L_end its training loss over its last tenth, L_rest that of the untrained model on the same
batches and L_best the lowest of the cell, a run is `keep` where f >= 0.8, `raise` where f < 0.8
and the best rate is higher, `lower` where f < 0.8 and it is lower, or the loss is not finite. No
eye judged.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from etude.records import Array
from etude.strategies import strategy
from etude.tasks import Prepared, Task, load_task, plain_arithmetic, prepare
from etude.training import Plan
from etude.training.stacked import StackedCohort

OPTIMIZERS = ("sgd", "sgd momentum=0.9", "adamw")
SEEDS = {"cnn": (0,)}
"""Seeds of a family; two where nothing is said. Convolutions cost several times as much."""
UPDATES = 300
BATCH = 32
GAINS = 5
"""Updates between two measured gains."""
RATES = tuple(float(f"{10 ** (k / 2):.3g}") for k in range(-12, 3))
NEAR = tuple(float(f"{2 ** (k / 6):.3g}") for k in (-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6))
"""Further rates, as multiples of the best, within a factor of 2: the healthy controls."""
REST = 1e-30
"""A rate at which no weight moves: the same batches at the same weights."""
FORK_AT, FORK_UPDATES = 100, 80
FACTORS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Forks of each run, as multiples of its rate; 0 rests."""
ENOUGH = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One run with its label."""

    task: str
    family: str
    """Tasks of a family are held out together."""
    optimizer: str
    seed: int
    lr: float
    loss: Array
    """[updates]; shorter where the run diverged, its last entry then not finite."""
    grad_norm: Array
    update_ratio: Array
    gain_update: Array
    gain: Array
    zeros: Array
    forks: Array
    """Losses of the forks on the same batches, [factors, fork updates]."""
    fork_gains: Array
    """[factors, gains]."""
    fork_zeros: Array
    start: float
    """Mean loss of the untrained model on the forks' batches."""
    label: str
    share: float
    """f of the module's formula."""


def _friedman(scale: float) -> tuple[Tensor, Tensor]:
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(n_samples=1200, noise=0.5, random_state=0)
    y = scale * (y - y.mean()) / y.std()
    inputs = (x - x.mean(0)) / x.std(0)
    return torch.tensor(inputs).float(), torch.tensor(y).float().unsqueeze(1)


def _mlp(*sizes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes[:-1]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def _cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def _ready(name: str, /, **changes: Any) -> Task:
    return replace(load_task(name), batch_size=BATCH, **changes)


def _regression(name: str, data: tuple[Tensor, Tensor], *sizes: int) -> Task:
    return Task(lambda: _mlp(*sizes), functional.mse_loss, data, batch_size=BATCH, name=name)


def _autoencoder() -> Task:
    (pixels, _) = load_task("digits").train
    return _regression("autoencoder", (pixels, pixels), 64, 32, 16, 32, 64)


def _hundredfold() -> Task:
    task = _ready("diabetes", name="diabetes-hundredfold")
    (x, y), (vx, vy) = task.train, task.val
    return replace(task, train=(x, 100 * y), val=(vx, 100 * vy))


def _noisy_line() -> tuple[Tensor, Tensor]:
    """Half of the target's variance is noise: most of the loss cannot be learned."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(1200, 20, generator=draw)
    signal = x @ torch.randn(20, 1, generator=draw)
    y = signal / signal.std() + torch.randn(1200, 1, generator=draw)
    return x, y / y.std()


def _noisy_labels() -> Task:
    """A fifth of the labels is drawn at random."""
    from sklearn.datasets import make_classification

    x, y = make_classification(1500, 20, n_informative=8, flip_y=0.2, random_state=0)
    data = torch.tensor(x).float(), torch.tensor(y)
    return Task(
        lambda: _mlp(20, 32, 2),
        functional.cross_entropy,
        data,
        batch_size=BATCH,
        name="noisy-labels",
    )


TASKS: dict[str, tuple[str, Callable[[], Task]]] = {
    "digits": ("digits", lambda: _ready("digits")),
    "cnn": ("cnn", lambda: _ready("digits-cnn", model=_cnn, name="digits-cnn-bn")),
    "friedman": ("friedman", lambda: _regression("friedman", _friedman(1), 10, 32, 32, 1)),
    "friedman x100": (
        "friedman",
        lambda: _regression("friedman-hundredfold", _friedman(100), 10, 32, 32, 1),
    ),
    "diabetes": ("diabetes", lambda: _ready("diabetes")),
    "diabetes x100": ("diabetes", _hundredfold),
    "characters": ("characters", lambda: _ready("characters")),
    "autoencoder": ("autoencoder", _autoencoder),
    "linear": ("linear", lambda: _regression("linear", _noisy_line(), 20, 1)),
    "noisy labels": ("noisy labels", _noisy_labels),
}
"""Each task's family and how it is made."""


def _zeroed(model: nn.Module) -> nn.Module:
    for weight in model.parameters():
        nn.init.zeros_(weight)
    return model


def _dead(model: nn.Module) -> nn.Module:
    first = next(model.children())
    nn.init.constant_(first.bias, -100.0)  # pyright: ignore[reportArgumentType]
    return model


BROKEN: dict[str, Callable[[], Task]] = {
    "zero weights": lambda: _ready(
        "digits", model=lambda: _zeroed(_mlp(64, 64, 64, 10)), name="zero-weights"
    ),
    "dead units": lambda: _ready(
        "digits", model=lambda: _dead(_mlp(64, 64, 64, 10)), name="dead-units"
    ),
    "dead regression": lambda: replace(
        _regression("dead-regression", _friedman(1), 10, 32, 32, 1),
        model=lambda: _dead(_mlp(10, 32, 32, 1)),
    ),
}
"""Tasks that no rate helps: what is wrong is not the rate."""


def traces(folder: Path, names: Sequence[str] = tuple(TASKS)) -> list[Trace]:
    """Give the labelled runs of the tasks; those in the folder are not trained again."""
    found: list[Trace] = []
    for name in names:
        family, make = TASKS[name]
        for optimizer in OPTIMIZERS:
            found += _cell_traces(folder, name, family, optimizer, make)
    return found


def broken_traces(folder: Path) -> list[Trace]:
    """Give the runs that no rate helps."""
    found: list[Trace] = []
    lrs = RATES[4::2]
    for name, make in BROKEN.items():
        for optimizer in OPTIMIZERS:
            wanted = [(lr, 0) for lr in (REST, *lrs)]
            table = _kept(folder / f"{name} {optimizer}.npz", make, optimizer, wanted)
            start = _rest_level(table, 0)
            for row, (lr, seed) in enumerate(wanted[1:], start=1):
                found.append(
                    _trace(table, row, name, name, optimizer, seed, lr, start, "not the rate", 0)
                )
    return found


def _cell_traces(
    folder: Path, name: str, family: str, optimizer: str, make: Callable[[], Task]
) -> Iterator[Trace]:
    seeds = SEEDS.get(family, (0, 1))
    rates = [(lr, seed) for seed in seeds for lr in (REST, *RATES)]
    grid = _kept(folder / f"{name} {optimizer} grid.npz", make, optimizer, rates)
    best = {seed: _best(grid, rates, seed) for seed in seeds}
    near = [(float(f"{m * best[seed]:.4g}"), seed) for seed in seeds for m in NEAR]
    controls = _kept(folder / f"{name} {optimizer} near.npz", make, optimizer, near)
    for seed in seeds:
        rows = [(grid, row, lr) for row, (lr, s) in enumerate(rates) if s == seed]
        rows += [(controls, row, lr) for row, (lr, s) in enumerate(near) if s == seed]
        ends = [_end(table, row) for table, row, _ in rows]
        rest = ends[0]
        least, best_lr = min((end, lr) for end, (_, _, lr) in zip(ends, rows, strict=True))
        start = _rest_level(grid, rows[0][1])
        for (table, row, lr), end in zip(rows[1:], ends[1:], strict=True):
            share = (rest - end) / (rest - least)
            label = "keep" if share >= ENOUGH else "raise" if lr < best_lr else "lower"
            yield _trace(table, row, name, family, optimizer, seed, lr, start, label, share)


def _rest_level(table: dict[str, Array], row: int) -> float:
    return float(np.mean(table["loss"][row, FORK_AT : FORK_AT + FORK_UPDATES]))


def _best(table: dict[str, Array], rates: Sequence[tuple[float, int]], seed: int) -> float:
    return min((_end(table, row), lr) for row, (lr, s) in enumerate(rates) if s == seed)[1]


def _end(table: dict[str, Array], row: int) -> float:
    """Give the log of the training loss over the last tenth; infinite where it is not finite."""
    loss = table["loss"][row]
    last = loss[-UPDATES // 10 :]
    return math.log(float(np.mean(last))) if np.isfinite(loss).all() else math.inf


def _trace(
    table: dict[str, Array],
    row: int,
    name: str,
    family: str,
    optimizer: str,
    seed: int,
    lr: float,
    start: float,
    label: str,
    share: float,
) -> Trace:
    count, gains = int(table["rows"][row]), int(table["gains"][row])
    return Trace(
        task=name,
        family=family,
        optimizer=optimizer,
        seed=seed,
        lr=lr,
        loss=table["loss"][row, :count],
        grad_norm=table["grad_norm"][row, :count],
        update_ratio=table["update_ratio"][row, :count],
        gain_update=np.arange(gains) * float(GAINS),
        gain=table["gain"][row, :gains],
        zeros=table["zeros"][row, :gains],
        forks=table["forks"][row],
        fork_gains=table["fork_gains"][row],
        fork_zeros=table["fork_zeros"][row],
        start=start,
        label=label,
        share=share,
    )


def _kept(
    file: Path, make: Callable[[], Task], optimizer: str, wanted: Sequence[tuple[float, int]]
) -> dict[str, Array]:
    if file.exists():
        with np.load(file) as kept:
            table = dict(kept)
        if table["wanted"].tolist() == [list(pair) for pair in wanted]:
            return table
    table = _trained(prepare(make()), optimizer, wanted)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, **table)
    return table


def _trained(
    prepared: Prepared, optimizer: str, wanted: Sequence[tuple[float, int]]
) -> dict[str, Array]:
    plans = [Plan(strategy(f"{optimizer} lr={lr!r}"), seed, gains=GAINS) for lr, seed in wanted]
    forks: dict[tuple[int, int], int] = {}
    with plain_arithmetic():
        cohort = StackedCohort(prepared, plans, updates=UPDATES)
        cohort.advance(FORK_AT)
        for run in list(cohort.alive):
            for number, factor in enumerate(FACTORS):
                own = plans[run].strategy
                lr = min(max(own.peak_lr * factor, REST), 1e6)
                forks[run, number] = run if factor == 1 else cohort.fork(run, own.with_lr(lr))
        cohort.advance(FORK_UPDATES)
        cohort.drop({number for (run, _), number in forks.items() if number != run})
        cohort.advance(UPDATES)
    table = _empty(len(plans))
    table["wanted"] = np.array(wanted, dtype=float)
    for run in range(len(plans)):
        curve = cohort.curve(run)
        table["rows"][run], table["gains"][run] = len(curve.loss), len(curve.gain_ratio)
        for name in ("loss", "grad_norm", "update_ratio"):
            table[name][run, : len(curve.loss)] = getattr(curve, name)
        table["gain"][run, : len(curve.gain_ratio)] = curve.gain_ratio
        table["zeros"][run, : len(curve.gain_ratio)] = curve.zero_share
    for (run, number), fork in forks.items():
        curve = cohort.curve(fork)
        after = curve.loss[FORK_AT : FORK_AT + FORK_UPDATES]
        table["forks"][run, number, : len(after)] = after
        first, last = FORK_AT // GAINS, (FORK_AT + FORK_UPDATES) // GAINS
        gains = curve.gain_ratio[first:last]
        table["fork_gains"][run, number, : len(gains)] = gains
        table["fork_zeros"][run, number, : len(gains)] = curve.zero_share[first:last]
    return table


def _empty(runs: int) -> dict[str, Any]:
    shapes = {
        **dict.fromkeys(("loss", "grad_norm", "update_ratio"), (UPDATES,)),
        **dict.fromkeys(("gain", "zeros"), (UPDATES // GAINS,)),
        "forks": (len(FACTORS), FORK_UPDATES),
        **dict.fromkeys(("fork_gains", "fork_zeros"), (len(FACTORS), FORK_UPDATES // GAINS)),
    }
    table: dict[str, Any] = {
        name: np.full((runs, *shape), np.nan) for name, shape in shapes.items()
    }
    return table | {name: np.zeros(runs, dtype=np.int64) for name in ("rows", "gains")}
