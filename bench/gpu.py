"""Measure the engines on a GPU: lane-updates a second against a plain PyTorch loop on the same GPU.

    python bench/gpu.py --lanes 1,16,64,256

All ways run in this process and take turns. The plain loop has its data on the GPU and sets its
rate by a scheduler, as an ordinary program does; it records nothing, the cohorts do.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from engine import NETWORKS, Job, Network, Updates, cohort, from_memory, plain

from etude.strategies import strategy
from etude.tasks import plain_arithmetic, prepare
from etude.training import Plan
from etude.training.stacked import StackedCohort

WAYS: dict[str, Callable[[Job], Updates]] = {
    "plain": partial(plain, batches=from_memory, fused=False),
    "fused": partial(plain, batches=from_memory, fused=True),
    "exact": partial(cohort, build=partial(StackedCohort, mode="exact")),
    "fast": partial(cohort, build=partial(StackedCohort, mode="fast")),
}
PIECE = 90
"""Updates timed at a time: between two evaluations."""
ROUNDS = 5


def timed(updates: Updates) -> float:
    """Give the lane-updates a second; the GPU's own work is waited for."""
    torch.cuda.synchronize()
    done, seconds = updates(PIECE)
    began = time.perf_counter()
    torch.cuda.synchronize()
    return done / (seconds + time.perf_counter() - began)


def measure(network: Network, lanes: int, ways: list[str]) -> list[str]:
    """Give the cells of one row of the table."""
    prepared = prepare(network.task(), "cuda")
    plans = [
        Plan(strategy(f"adamw lr={1e-4 * (1 + i)} warmup 5% -> cosine"), i % 3)
        for i in range(lanes)
    ]
    loops = {way: WAYS[way](Job(prepared, plans)) for way in ways}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(ROUNDS + 1):
        for way, updates in loops.items():
            rate = timed(updates)
            if number:  # the first round warms up
                rates[way].append(rate)
    ratios = [
        statistics.median(r / base for r, base in zip(rates[way], rates["plain"], strict=True))
        for way in ways
    ]
    plain_rate = f"{statistics.median(rates['plain']):,.0f}"
    return [network.name, str(lanes), plain_rate, *(f"{ratio:.2f}" for ratio in ratios)]


@plain_arithmetic()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--lanes", default="1,16,64,256")
    parser.add_argument("--ways", default=",".join(WAYS))
    options = parser.parse_args()
    ways = options.ways.split(",")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    heads = ["network", "lanes", "plain /s", *ways]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads), flush=True)
    for network in NETWORKS:
        for lanes in map(int, options.lanes.split(",")) if options.only in network.name else []:
            print("| " + " | ".join(measure(network, lanes, ways)) + " |", flush=True)


if __name__ == "__main__":
    main()
