"""What `etude compare` leaves: a ranking with its evidence."""

from dataclasses import dataclass, field
from typing import Any

from etude.records.plain import finite
from etude.records.run import Outcome, Run, run_json


@dataclass(frozen=True, slots=True)
class Place:
    """A strategy's place in a ranking, over its paired seeds."""

    strategy: str
    """The strategy's text form."""
    optimizer: str
    """The text form without lr and schedule: `sgd momentum=0.9`."""
    peak_lr: float
    schedule: str
    """The schedule's text form."""
    outcome: Outcome
    """The commonest outcome of its runs; the worse one of two that are as common."""
    loss: float
    """Mean final validation loss over seeds; nan when a seed has none."""
    metric: float
    """Mean final validation metric over seeds; nan where the task has none."""
    interval: tuple[float, float]
    """95 % interval of (this strategy - the winner) in the ranked quantity, paired by seed;
    (0, 0) for the winner itself, (nan, nan) where it cannot be had."""
    tie: bool
    """No difference from the winner is shown: the interval holds 0, and as many seeds failed."""
    seeds: tuple[int, ...]
    updates: int = 0
    """Length of the runs that it was judged by."""
    note: str = ""
    """Why it was dropped before the end of a race, if it was."""


@dataclass(frozen=True, slots=True)
class Winner:
    """The strategy to keep."""

    strategy: str
    code: str
    """A PyTorch program that trains it."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The answer of a comparison, with its evidence."""

    task: dict[str, Any]
    """`name`, `about`, `metric` (name or null), `maximize` (bool), `chance` (loss of the best
    constant predictor, or null), sizes."""
    settings: dict[str, Any]
    """`ranked_by` ("loss" or the metric's name), `updates`, `seeds`, `batch_size`, `device`,
    `command` (to run it again)."""
    versions: dict[str, str]
    ranking: tuple[Place, ...]
    """Best first; in a race the finalists, then what was dropped, the last dropped first."""
    runs: tuple[Run, ...]
    winner: Winner | None
    """None when every strategy diverged, collapsed or ended no better than a constant answer."""
    decisions: tuple[str, ...]
    """What étude decided by itself, one sentence each."""
    cost: dict[str, int] = field(default_factory=dict[str, int])
    """What the answer took: `runs` and their `updates` in all, runs `reused` from the store,
    updates `trained` now (starts that runs share counted once), and `exhaustive`, the updates of
    every strategy in full with every seed."""
    complete: bool = True
    """False when the comparison was interrupted: the ranking covers what is done."""


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Give the comparison as `etude compare --json` writes it; what is not finite becomes null."""
    return {
        "task": comparison.task,
        "settings": comparison.settings,
        "versions": comparison.versions,
        "ranking": [_place_json(place) for place in comparison.ranking],
        "runs": [run_json(run) for run in comparison.runs],
        "winner": None
        if comparison.winner is None
        else {"strategy": comparison.winner.strategy, "code": comparison.winner.code},
        "decisions": list(comparison.decisions),
        "cost": comparison.cost,
        "complete": comparison.complete,
    }


def _place_json(place: Place) -> dict[str, Any]:
    return {
        "strategy": place.strategy,
        "optimizer": place.optimizer,
        "peak_lr": place.peak_lr,
        "schedule": place.schedule,
        "outcome": str(place.outcome),
        "loss": finite(place.loss),
        "metric": finite(place.metric),
        "interval": [finite(bound) for bound in place.interval],
        "tie": place.tie,
        "seeds": list(place.seeds),
        "updates": place.updates,
        "note": place.note,
    }
