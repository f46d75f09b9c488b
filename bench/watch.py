"""Measure what `etude.watch` costs: paired rounds of a plain loop, with and without it.

    python bench/watch.py                    # three networks, 60 rounds
    python bench/watch.py --peer             # with Cockpit beside it (pip install etude[bench])
    python bench/watch.py --strides 1,10,20,40,100

In each of many short rounds every way trains its own copy of a network for the same updates, in
an order that is drawn. Others use the machine too, which only adds time: so compared are the lower
deciles of the CPU time over rounds, as ratios to the plain loop's. One thread.
"""

import random
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import etude
from etude.live.watching import EVERY, GAIN_EVERY

QUIET = 0.1
"""The quantile of the rounds that is compared."""
Batch = tuple[Tensor, Tensor]
Way = Callable[[nn.Module, list[Batch]], Iterator[None]]
"""Trains on the batches once at each `next`."""


class Transformer(nn.Module):
    """Two small encoder layers that guess the next token."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(96, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.1, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(64, 96)

    def forward(self, tokens: Tensor) -> Tensor:
        """Guess from tokens [n, time] the token that follows, [n, 96]."""
        return self.head(self.layers(self.embed(tokens))[:, -1])


def mlp() -> nn.Module:
    """64-128-128-10, with ReLU."""
    return nn.Sequential(
        *(nn.Linear(64, 128), nn.ReLU()), *(nn.Linear(128, 128), nn.ReLU()), nn.Linear(128, 10)
    )


def cnn() -> nn.Module:
    """Two convolutions with BatchNorm."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 4 * 4, 10)),
    )


def batches(kind: str, count: int) -> list[Batch]:
    """Draw batches: what is in them does not change what they cost."""
    draw = torch.Generator().manual_seed(0)
    shapes = {"MLP": (128, 64), "CNN": (64, 1, 16, 16), "transformer": (32, 32)}
    found = []
    for _ in range(count):
        labels = torch.randint(0, 10, (shapes[kind][0],), generator=draw)
        if kind == "transformer":
            found.append((torch.randint(0, 96, shapes[kind], generator=draw), labels))
        else:
            found.append((torch.randn(shapes[kind], generator=draw), labels))
    return found


NETWORKS = {"MLP": mlp, "CNN": cnn, "transformer": Transformer}


def plain(model: nn.Module, data: list[Batch]) -> Iterator[None]:
    """Train without any watch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    while True:
        for inputs, labels in data:
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
        yield


def watched(every: int, gain_every: int, *, again: bool) -> Way:
    """Train under a watch with these strides."""

    def train(model: nn.Module, data: list[Batch]) -> Iterator[None]:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        watch = etude.watch(
            model, optimizer, total=10**6, every=every, gain_every=gain_every, store=False
        )
        while True:
            for inputs, labels in data:
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(inputs), labels)
                loss.backward()
                if again:
                    watch.loss(
                        loss, lambda x=inputs, y=labels: functional.cross_entropy(model(x), y)
                    )
                else:
                    watch.loss(loss)
                optimizer.step()
            yield

    return train


def cockpit(configuration: str, stride: int) -> Way:
    """Train with Cockpit's quantities, every so many updates, without its plots."""

    def train(model: nn.Module, data: list[Batch]) -> Iterator[None]:
        from backpack import extend
        from cockpit import Cockpit
        from cockpit.utils import schedules
        from cockpit.utils.configuration import configuration as quantities

        model, mean = extend(model), extend(nn.CrossEntropyLoss())
        each = nn.CrossEntropyLoss(reduction="none")
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        wanted = quantities(configuration, track_schedule=schedules.linear(stride))
        tracker = Cockpit(model.parameters(), quantities=wanted)
        step = 0
        while True:
            for inputs, labels in data:
                optimizer.zero_grad()
                outputs = model(inputs)
                loss = mean(outputs, labels)
                info = {
                    "batch_size": len(inputs),
                    "individual_losses": each(outputs, labels),
                    "loss": loss,
                    "optimizer": optimizer,
                }
                with tracker(step, info=info):
                    loss.backward(create_graph=tracker.create_graph(step))
                optimizer.step()
                step += 1
            yield

    return train


def measure(kind: str, ways: dict[str, Way], updates: int, rounds: int) -> dict[str, list[float]]:
    """Give the CPU seconds of each way in each round."""
    data = batches(kind, updates)
    running: dict[str, Iterator[None]] = {}
    for name, way in {"plain": plain, **ways}.items():
        torch.manual_seed(0)
        running[name] = way(NETWORKS[kind](), data)
        next(running[name])  # warms up
    costs: dict[str, list[float]] = {name: [] for name in running}
    turns = random.Random(0)
    for _ in range(rounds):
        names = list(running)
        turns.shuffle(names)
        spent = {}
        for name in names:
            began = time.process_time()
            next(running[name])
            spent[name] = time.process_time() - began
        for name, seconds in spent.items():
            costs[name].append(seconds)
    return costs


@contextmanager
def aside() -> Any:
    """Silence what a peer warns of, and let it write elsewhere."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory():
        warnings.simplefilter("ignore")
        yield


def extra(spent: list[float], plain_spent: list[float]) -> float:
    """Give what a way costs more than the plain loop, as a share, by the lower deciles."""
    return float(np.quantile(spent, QUIET) / np.quantile(plain_spent, QUIET) - 1)


def shown(spent: list[float], plain_spent: list[float]) -> str:
    """Write it with its 95 % interval: a bootstrap over rounds."""
    both, draw = np.array([spent, plain_spent]), np.random.default_rng(0)
    rows = draw.integers(0, len(spent), (1000, len(spent)))
    low, high = np.quantile([extra(*both[:, row]) for row in rows], [0.025, 0.975])
    return f"{extra(spent, plain_spent):+.1%} ({low:+.1%} to {high:+.1%})"


@click.command()
@click.option("--updates", default=40, show_default=True, help="Of one way in one round.")
@click.option("--rounds", default=60, show_default=True)
@click.option("--strides", default="", help="Measure these strides instead of the default.")
@click.option("--networks", default=",".join(NETWORKS), show_default=True)
@click.option("--peer", is_flag=True, help="Measure Cockpit too.")
def main(updates: int, rounds: int, strides: str, networks: str, peer: bool) -> None:
    """Print a Markdown table: what a watch costs beside the plain loop."""
    torch.set_num_threads(1)
    ways: dict[str, Way] = {
        f"watch (every {EVERY})": watched(EVERY, GAIN_EVERY, again=False),
        f"watch with gain ratio (every {EVERY}, {GAIN_EVERY})": watched(
            EVERY, GAIN_EVERY, again=True
        ),
    }
    if strides:
        every = [int(each) for each in strides.split(",")]
        ways = {f"every {n}, gain {n}": watched(n, n, again=True) for n in every}
    if peer:
        for name in ("economy", "full"):
            ways[f"Cockpit {name}, every {EVERY}"] = cockpit(name, EVERY)
    click.echo(f"| network | {' | '.join(ways)} |")
    click.echo("|---|" + "---|" * len(ways))
    for kind in networks.split(","):
        some = {n: w for n, w in ways.items() if kind != "transformer" or "Cockpit" not in n}
        with aside():
            costs = measure(kind, some, updates, rounds)
        cells = [shown(costs[name], costs["plain"]) if name in costs else "" for name in ways]
        click.echo(f"| {kind} | {' | '.join(cells)} |")
    click.echo(
        f"\n{rounds} rounds of {updates} updates each, torch {torch.__version__}, one thread."
    )


if __name__ == "__main__":
    main()
