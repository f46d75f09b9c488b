"""Where a run's randomness comes from: named seeds, and a scope that leaves no trace.

Two strategies are compared fairly only when a seed gives both the same initial weights and the
same batches. So every use of randomness has its own seed, derived from the task, the run's seed and
the purpose, and none depends on what was drawn before it.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import nn

from etude.tasks.task import Task


def seed_for(task_name: str, seed: int, purpose: str) -> int:
    """Derive the seed of one use of randomness in a run.

    Args:
        task_name: The task's name.
        seed: The run's seed, as the user counts them.
        purpose: "weights", "batches", "dropout" or "evaluation".

    Returns:
        The first 63 bits of SHA-256 over the three: seeds of neighbours share no structure.
    """
    digest = sha256(f"{task_name}\0{seed}\0{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def seeded(value: int) -> Iterator[None]:
    """Seed the global generators of torch, numpy and Python; put all back on leaving.

    Model factories, dropout layers and data transforms draw from the global generators.
    """
    with untouched():
        seed_all(value)
        yield


@contextmanager
def untouched() -> Iterator[None]:
    """Put the global generators of torch, numpy and Python back on leaving."""
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)


def seed_all(value: int) -> None:
    """Seed the global generators of torch, numpy and Python."""
    # torch.manual_seed would write down where it was called from, once for each GPU that is not in
    # use: milliseconds, and memory that is never freed.
    torch.default_generator.manual_seed(value)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(value)
    random.seed(value)
    np.random.seed(value % 2**32)  # noqa: NPY002  users' code draws from it


def random_state() -> dict[str, Any]:
    """Give the state of the global generators of torch, numpy and Python."""
    return {
        "torch": torch.get_rng_state(),
        # Asking an unused GPU for its state would initialise it, which costs seconds and memory.
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": np.random.get_state(),  # noqa: NPY002  users' code draws from it
        "python": random.getstate(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Go back to a state given by `random_state`."""
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    np.random.set_state(state["numpy"])  # noqa: NPY002  users' code draws from it
    random.setstate(state["python"])


def build_model(task: Task, seed: int) -> nn.Module:
    """Build the model of a run: the same weights for the same task and seed, wherever it runs."""
    with seeded(seed_for(task.name, seed, "weights")):
        return task.model()
