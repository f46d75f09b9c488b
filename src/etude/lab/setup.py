"""The whole configuration of an experiment: read from a link, written as one, and as a command."""

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

from etude.errors import LabError
from etude.lab import limits
from etude.strategies import Strategy, strategy

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""What a fork test multiplies the rate by."""
SHORTEST_FORK = 6
"""Updates that copies are followed for at least: fewer batches say nothing."""
SEEDS = 3


@dataclass(frozen=True, slots=True)
class Fork:
    """Where one of the runs is copied, to go on at several rates."""

    strategy: int
    """Place of the strategy in the setup."""
    seed: int
    at: int
    """The update at which the run is copied."""
    length: int
    """Updates that the copies are followed for."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the lab knows of a task before anyone trains it."""

    name: str
    about: str
    updates: int
    batch_size: int


@dataclass(frozen=True, slots=True)
class Setup:
    """What is to be trained."""

    task: str
    strategies: tuple[str, ...]
    """Strategies in their text form."""
    seeds: int
    updates: int
    batch_size: int | None = None
    fork: Fork | None = None

    @property
    def id(self) -> str:
        """Name the experiment by what goes into it: the same link is the same experiment."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:16]

    @property
    def query(self) -> str:
        """Write it as the query of a link, all of it."""
        pairs: list[tuple[str, Any]] = [("task", self.task)]
        pairs += [("s", each) for each in self.strategies]
        pairs += [("seeds", self.seeds), ("updates", self.updates)]
        if self.batch_size is not None:
            pairs.append(("batch", self.batch_size))
        if self.fork is not None:
            pairs += [(f"fork_{name}", value) for name, value in asdict(self.fork).items()]
        return urlencode(pairs)

    @property
    def link(self) -> str:
        """Give the page that shows it."""
        return f"/lab?{self.query}"

    @property
    def command(self) -> str:
        """Write the command that runs it in a terminal."""
        words = ["etude", "compare", self.task]
        for each in self.strategies:
            words += ["--strategy", each]
        words += ["--exhaustive", "--seeds", str(self.seeds), "--updates", str(self.updates)]
        if self.batch_size is not None:
            words += ["--batch-size", str(self.batch_size)]
        return shlex.join(words)

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """List its runs: a key, what a line is called, the seed."""
        if self.fork is not None:
            seed = self.fork.seed
            return [(f"{i}/{seed}", f"x{factor:g}", seed) for i, factor in enumerate(FACTORS)]
        return [
            (f"{i}/{seed}", each, seed)
            for i, each in enumerate(self.strategies)
            for seed in range(self.seeds)
        ]

    @property
    def reach(self) -> int:
        """The update at which the longest of its runs ends."""
        return self.updates if self.fork is None else self.fork.at + self.fork.length

    @property
    def whole(self) -> "Setup":
        """Give the comparison that a fork test belongs to."""
        return replace(self, fork=None)

    def parsed(self) -> list[Strategy]:
        """Give the strategies as values."""
        return [strategy(each) for each in self.strategies]


def read_setup(given: Mapping[str, str], texts: Sequence[str], tasks: Mapping[str, Facts]) -> Setup:
    """Read a setup from a link or a form.

    Args:
        given: its fields.
        texts: the strategies' fields, of which empty ones do not count.
        tasks: the tasks that may be trained.

    Raises:
        LabError: a field cannot hold; the sentence says which and what to do.
        StrategyError: a strategy's text does not parse.
    """
    task = limits.text(given, "task", usual="digits")
    if task not in tasks:
        raise LabError(f"task must be one of {', '.join(tasks)}, got {task!r}")
    strategies = _strategies(texts)
    seeds = limits.whole(given, "seeds", least=1, most=limits.MOST_SEEDS, usual=SEEDS)
    usual = tasks[task].updates
    updates = limits.whole(
        given,
        "updates",
        least=limits.FEWEST_UPDATES,
        most=limits.MOST_UPDATES,
        usual=min(usual, limits.MOST_UPDATES),
    )
    batch = limits.whole(given, "batch", least=0, most=limits.MOST_BATCH, usual=0) or None
    work = len(strategies) * seeds * updates
    if work > limits.MOST_WORK:
        raise LabError(
            f"all runs together may have {limits.MOST_WORK:,} updates, got {work:,};"
            " ask for fewer seeds, strategies or updates"
        )
    setup = Setup(task, strategies, seeds, updates, batch)
    return replace(setup, fork=_fork(given, setup)) if given.get("fork_at") else setup


def _strategies(texts: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for each in texts:
        words = limits.text({"strategy": each}, "strategy")
        if words:
            found.append(str(strategy(limits.no_code(words))))
    if len(found) > limits.MOST_STRATEGIES:
        raise LabError(
            f"at most {limits.MOST_STRATEGIES} strategies fit a picture, got {len(found)}"
        )
    return tuple(dict.fromkeys(found))


def _fork(given: Mapping[str, str], setup: Setup) -> Fork:
    last = setup.updates - SHORTEST_FORK
    place = limits.whole(
        given, "fork_strategy", least=0, most=max(len(setup.strategies) - 1, 0), usual=0
    )
    at = limits.whole(given, "fork_at", least=1, most=last, usual=1)
    left = setup.updates - at
    return Fork(
        strategy=place,
        seed=limits.whole(given, "fork_seed", least=0, most=setup.seeds - 1, usual=0),
        at=at,
        length=limits.whole(
            given,
            "fork_length",
            least=SHORTEST_FORK,
            most=left,
            usual=max(SHORTEST_FORK, min(left, setup.updates // 5)),
        ),
    )
