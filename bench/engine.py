"""Measure the engines: lane-updates a second against plain PyTorch on the same two cores.

    python bench/engine.py                 # all networks, 1 to 256 lanes a process
    python bench/engine.py --quick         # 64 lanes only, fewer rounds
    python bench/engine.py --only "MLP 64" --lanes 4,16

Each way of training has two processes of its own with one torch thread each, but for the ordinary
user's loop, which has one process and all threads. The ways take turns, round after round, so that
what else the machine does meets all of them alike; the ratio is the median over rounds. Updates
alone are timed: every engine does the same forward passes to evaluate. The cohorts record their
curves while they are timed, the plain loops record nothing.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from etude.strategies import Strategy, build_optimizer, strategy
from etude.tasks import Prepared, Task, build_model, load_task, prepare
from etude.training import Plan, SerialCohort
from etude.training.course import rates_for
from etude.training.order import BatchOrder
from etude.training.stacked import StackedCohort

UPDATES = 2000
"""Length of the runs; curves have a row every tenth update, as a run of this length has."""
LONGEST = UPDATES // 20 - 1
"""Updates between two evaluations."""
SERIAL_LANES = 2
LANES = (1, 4, 16, 64, 256)
USER, BASE = "user's loop", "plain x2"


@dataclass(frozen=True)
class Network:
    """A task to time, and the work of one update."""

    name: str
    task: Callable[[], Task]
    mflop: float
    """Multiplications and additions of forward and backward pass, in millions."""


def mlp(hidden: int, batch: int) -> Network:
    def model() -> nn.Module:
        return nn.Sequential(
            nn.Linear(64, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 10),
        )

    # Six per weight and example: forward, gradient of the inputs, gradient of the weights. The
    # first layer needs none of its inputs.
    work = batch * (6 * (64 * hidden + hidden**2 + 10 * hidden) - 2 * 64 * hidden) / 1e6
    return Network(f"MLP {hidden}, batch {batch}", partial(digits, "digits", model, batch), work)


def normed(batch: int) -> Network:
    def model() -> nn.Module:
        return nn.Sequential(
            nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64),
            nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip

    work = batch * (6 * (64 * 64 * 2 + 640) - 2 * 64 * 64) / 1e6
    return Network(
        f"BatchNorm MLP 64, batch {batch}", partial(digits, "digits", model, batch), work
    )


def digits(name: str, model: Callable[[], nn.Module] | None, batch: int) -> Task:
    ready = load_task(name)
    return Task(
        model or ready.model, functional.cross_entropy, ready.train, batch_size=batch, name="bench"
    )


def cnn(batch: int) -> Network:
    # Weights times places: 72 x 64 (no gradient of the inputs), 1152 x 16, 640 x 1.
    work = batch * (4 * 72 * 64 + 6 * 1152 * 16 + 6 * 640) / 1e6
    return Network(f"digits CNN, batch {batch}", partial(digits, "digits-cnn", None, batch), work)


NETWORKS = [
    mlp(32, 32),
    mlp(64, 32),
    mlp(128, 32),
    mlp(128, 128),
    mlp(512, 128),
    cnn(16),
    cnn(128),
    Network("characters, batch 64", partial(load_task, "characters"), 64 * 6 * 45056 / 1e6),
    normed(32),
]


@dataclass(frozen=True)
class Job:
    """What a process is to time."""

    prepared: Prepared
    plans: list[Plan]

    @property
    def strategy(self) -> Strategy:
        return self.plans[0].strategy


Updates = Callable[[int], tuple[int, float]]
"""Does so many updates of each lane; gives the lane-updates done, and the seconds they took."""


def plain(job: Job, batches: Callable[[Job], Iterator[Any]], *, fused: bool) -> Updates:
    """The loop of any tutorial, its rate set by a scheduler."""
    task, rates = job.prepared.task, rates_for(job.prepared, job.strategy, UPDATES)
    model = build_model(task, 0).to(job.prepared.device)
    optimizer = build_optimizer(job.strategy, model.parameters())
    for group in optimizer.param_groups:
        group.update(fused=fused, foreach=False) if fused else None
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda t: rates[t % UPDATES] / job.strategy.peak_lr
    )
    feed = batches(job)

    def updates(count: int) -> tuple[int, float]:
        began = time.perf_counter()
        for _ in range(count):
            inputs, targets = next(feed)
            optimizer.zero_grad()
            task.loss(model(inputs), targets).backward()
            optimizer.step()
            scheduler.step()
        return count, time.perf_counter() - began

    return updates


def from_memory(job: Job) -> Iterator[Any]:
    order = BatchOrder(job.prepared.train.size, job.prepared.task.batch_size, 0)
    while True:
        yield job.prepared.train.take(order.draw())


def from_loader(job: Job) -> Iterator[Any]:
    data = TensorDataset(*job.prepared.train.take(torch.arange(job.prepared.train.size)))
    loader = DataLoader(data, job.prepared.task.batch_size, shuffle=True, drop_last=True)
    while True:
        yield from loader


def cohort(job: Job, build: Callable[..., Any]) -> Updates:
    """Updates between two evaluations, again and again from the same start."""
    runs = build(job.prepared, job.plans, updates=UPDATES)
    runs.advance(1)
    start = runs.state()
    room = LONGEST

    def updates(count: int) -> tuple[int, float]:
        nonlocal room
        if count > room:
            runs.restore(start)
            room = LONGEST
        began = time.perf_counter()
        runs.advance(count)
        room -= count
        return count * len(job.plans), time.perf_counter() - began

    return updates


WAYS: dict[str, Callable[[Job], Updates]] = {
    USER: partial(plain, batches=from_loader, fused=False),
    BASE: partial(plain, batches=from_memory, fused=False),
    "fused x2": partial(plain, batches=from_memory, fused=True),
    "serial x2": lambda job: cohort(Job(job.prepared, job.plans[:SERIAL_LANES]), SerialCohort),
    "exact x2": partial(cohort, build=partial(StackedCohort, mode="exact")),
    "fast x2": partial(cohort, build=partial(StackedCohort, mode="fast")),
}


def work(pipe: Connection, way: str, job: Job) -> None:
    """Time one way of training whenever the pipe says so; the life of a process."""
    torch.set_num_threads(os.cpu_count() or 1 if way == USER else 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    updates = WAYS[way](job)
    updates(2)
    first = time.perf_counter() - began
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    pipe.send((first, memory / len(job.plans)))
    piece = 1
    while (seconds := pipe.recv()) is not None:
        done, spent = 0, 0.0
        while spent < seconds:
            last, took = updates(piece)
            done, spent = done + last, spent + took
            if took < seconds / 10:
                piece = min(2 * piece, LONGEST)
        pipe.send(done / spent)


class Team:
    """The processes of one way of training."""

    def __init__(self, way: str, job: Job) -> None:
        self.processes, self.pipes = [], []
        for _ in range(2 if way.endswith("x2") else 1):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.get_context("fork").Process(
                target=work, args=(theirs, way, job), daemon=True
            )
            process.start()
            self.processes.append(process)
            self.pipes.append(ours)
        starts = [pipe.recv() for pipe in self.pipes]
        self.first, self.memory = (max(column) for column in zip(*starts, strict=True))

    def rate(self, seconds: float) -> float:
        """Give the lane-updates a second of all processes together."""
        for pipe in self.pipes:
            pipe.send(seconds)
        return sum(pipe.recv() for pipe in self.pipes)

    def stop(self) -> None:
        for pipe, process in zip(self.pipes, self.processes, strict=True):
            pipe.send(None)
            process.join()


def measure(
    network: Network, lanes: int, optimizer: str, *, rounds: int, seconds: float
) -> list[str]:
    """Give the cells of one row of the table."""
    prepared = prepare(network.task())
    plans = [
        Plan(strategy(f"{optimizer} lr={1e-4 * (1 + i)} warmup 5% -> cosine"), i % 3)
        for i in range(lanes)
    ]
    teams = {way: Team(way, Job(prepared, plans)) for way in WAYS}
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, team in teams.items():
            rates[way].append(team.rate(seconds))
    for team in teams.values():
        team.stop()
    ratios = [
        statistics.median(r / base for r, base in zip(rates[way], rates[BASE], strict=True))
        for way in WAYS
    ]
    exact, fast = teams["exact x2"], teams["fast x2"]
    return [
        network.name,
        f"{network.mflop:.1f}",
        str(lanes),
        f"{statistics.median(rates[BASE]):,.0f}",
        *(f"{ratio:.2f}" for ratio in ratios),
        f"{exact.memory:.1f}",
        f"{exact.first:.1f}",
        f"{fast.first:.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="64 lanes only, fewer rounds")
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--lanes", default="", help="lanes a process, such as 4,16")
    parser.add_argument("--optimizer", default="adamw", help='such as "sgd momentum=0.9"')
    options = parser.parse_args()
    counts = [int(count) for count in options.lanes.split(",") if count]
    counts = counts or ([64] if options.quick else list(LANES))
    torch.set_num_threads(1)  # threads that run here would be missing in a forked process
    rounds, seconds = (4, 0.4) if options.quick else (8, 0.6)
    heads = ["network", "MFLOP", "lanes", f"{BASE} /s", *WAYS]
    heads += ["exact MB/lane", "exact start s", "fast start s"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads), flush=True)
    for network in NETWORKS:
        for lanes in counts if options.only in network.name else []:
            row = measure(network, lanes, options.optimizer, rounds=rounds, seconds=seconds)
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
