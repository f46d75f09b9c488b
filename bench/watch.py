"""Measure what `etude.watch` costs: paired rounds of a plain loop, with and without it.

    python bench/watch.py                    # three networks, 25 rounds
    python bench/watch.py --peer             # with Cockpit beside it (pip install etude[bench])
                                             # which imports pkg_resources: setuptools below 81
    python bench/watch.py --strides 1,10,20,40,100

Every way trains its own copy of a network, and all take turns after each update. Others use the
machine too, which only adds time: so of each update of a cycle (after which all strides are where
they were) the lower quartile of its CPU time over rounds is taken, and the sums over the cycle are
compared. One thread.
"""

import math
import random
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import etude
from etude.live.record import BLOCK
from etude.live.watching import EVERY, GAIN_EVERY

QUIET = 0.25
"""The quantile of the rounds that is taken."""
CYCLE = math.lcm(EVERY, GAIN_EVERY, BLOCK)
"""Updates after which all strides are where they were."""
Batch = tuple[Tensor, Tensor]
Way = Callable[[nn.Module, list[Batch]], Iterator[None]]
"""Does one update at each `next`."""


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


def loss_of(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Compute the loss of a batch."""
    return functional.cross_entropy(model(inputs), labels)


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
                watch.loss(loss, partial(loss_of, model, inputs, labels) if again else None)
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


def measure(kind: str, ways: dict[str, Way], rounds: int) -> dict[str, Any]:
    """Give the CPU seconds of each update of each way, [rounds, CYCLE]."""
    data = batches(kind, CYCLE)
    running: dict[str, Iterator[None]] = {}
    for name, way in {"plain": plain, **ways}.items():
        torch.manual_seed(0)
        running[name] = way(NETWORKS[kind](), data)
    spent = {name: np.empty((1 + rounds, CYCLE)) for name in running}
    turns, names = random.Random(0), list(running)
    for at in np.ndindex(1 + rounds, CYCLE):
        turns.shuffle(names)
        for name in names:
            began = time.process_time()
            next(running[name])
            spent[name][at] = time.process_time() - began
    return {name: seconds[1:] for name, seconds in spent.items()}  # the first round warms up


@contextmanager
def aside() -> Any:
    """Silence what a peer warns of, and let it write elsewhere."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory():
        warnings.simplefilter("ignore")
        yield


def typical(seconds: Any) -> float:
    """Give the time of a cycle: the lower quartile of each of its updates, summed."""
    return float(np.quantile(seconds, QUIET, axis=0).sum())


def shown(spent: Any, plain_spent: Any) -> str:
    """Write what a way costs more than the plain loop, with its 95 % bootstrap interval."""
    draw, rounds = np.random.default_rng(0), len(spent)
    rows = [slice(None), *draw.integers(0, rounds, (400, rounds))]
    found = [typical(spent[row]) / typical(plain_spent[row]) - 1 for row in rows]
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return f"{found[0]:+.1%} ({low:+.1%} to {high:+.1%})"


@click.command()
@click.option("--rounds", default=25, show_default=True)
@click.option("--strides", default="", help="Measure these strides instead of the default.")
@click.option("--networks", default=",".join(NETWORKS), show_default=True)
@click.option("--peer", is_flag=True, help="Measure Cockpit too.")
def main(rounds: int, strides: str, networks: str, peer: bool) -> None:
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
            costs = measure(kind, some, rounds)
        cells = [shown(costs[name], costs["plain"]) if name in costs else "" for name in ways]
        click.echo(f"| {kind} | {' | '.join(cells)} |")
    click.echo(f"\n{rounds} rounds of {CYCLE} updates each, torch {torch.__version__}, one thread.")


if __name__ == "__main__":
    main()
