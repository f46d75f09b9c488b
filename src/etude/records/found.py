"""What `etude find` leaves: the lr to start from, its range, and how it was measured."""

from dataclasses import asdict, dataclass, field
from typing import Any

from etude.records.plain import plain
from etude.records.run import Outcome


@dataclass(frozen=True, slots=True)
class Measured:
    """A number measured with several seeds."""

    value: float
    low: float
    """Where its interval begins; nan where there is none."""
    high: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One short run of a search for the lr."""

    lr: float
    """Its peak lr."""
    seed: int
    updates: int
    """Length of the copy."""
    loss: float
    """Final validation loss; nan when the run diverged."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Stability:
    """The lr that is stable on a quadratic with the network's curvature, along one short run."""

    lr: float
    """Peak lr of the run: the suggestion."""
    updates: tuple[int, ...]
    """Updates done at each look."""
    sharpness: tuple[float, ...]
    """Largest eigenvalue of the Hessian; for Adam's like of the preconditioned one."""
    limit: tuple[float, ...]
    """Largest stable lr at each look; infinite where there is no upward curvature."""
    sentence: str
    """What it says beside the measured failure rate."""


@dataclass(frozen=True, slots=True)
class NoiseScale:
    """The gradient noise scale along one short run, in examples."""

    updates: tuple[int, ...]
    """Updates done at each look."""
    scale: tuple[Measured, ...]
    """At each look, with a 95 % bootstrap interval over batches; infinite where the mean
    gradient does not show above its noise."""


@dataclass(frozen=True, slots=True)
class LrRange:
    """What was found out about the peak lr of one optimizer."""

    optimizer: str
    """The text form without lr and schedule: `sgd momentum=0.9`."""
    schedule: str
    batch_size: int
    updates: int
    """Length of the run that the suggestion is for."""
    suggestion: Measured | None
    """The lr to start from, a 95 % interval over seeds; None where nothing trained."""
    low: Measured | None
    """Where the usable range begins."""
    high: Measured | None
    """Where it ends."""
    failure: Measured | None
    """The lowest rate at which a run diverged or collapsed; the interval begins at the highest
    below it at which none did, and ends at the lowest at which all did. None where none did."""
    strategy: str
    """The suggestion's text form; empty where there is none."""
    code: str
    """A PyTorch program that trains it."""
    start: float
    """Validation loss of the untrained model, a mean over seeds."""
    best: tuple[tuple[int, float], ...]
    """Length of copies and the lr that was best at it, the shorter first."""
    trials: tuple[Trial, ...]
    cost: int
    """Updates that its trials have."""
    of_seeds: tuple[float, ...] = ()
    """What each seed alone would suggest."""
    rules: dict[str, Measured] = field(default_factory=dict[str, Measured])
    """What each rule of the classic range test says, where that was asked for."""
    stability: Stability | None = None
    noise: NoiseScale | None = None
    notes: tuple[str, ...] = ()
    """What a reader must know, one sentence each."""


@dataclass(frozen=True, slots=True)
class BatchScaling:
    """What happened to an optimizer's lr when the batch size changed."""

    optimizer: str
    batch_sizes: tuple[int, ...]
    measured: tuple[Measured | None, ...]
    """The suggestion at each batch size."""
    linear: tuple[float, ...]
    """What the linear rule makes of the suggestion at the task's own batch size."""
    sqrt: tuple[float, ...]
    """What the square-root rule makes of it."""
    power: Measured | None
    """The power p of lr ~ batch size ^ p, fitted: 1 is the linear rule, 0.5 the square root."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of a search for the learning rate, with its evidence."""

    task: dict[str, Any]
    """As of a `Comparison`."""
    settings: dict[str, Any]
    """`method` ("ladder" or "ramp"), `updates`, `seeds`, `batch_size`, `device`, `command`."""
    versions: dict[str, str]
    ranges: tuple[LrRange, ...]
    """One for each optimizer and batch size."""
    scaling: tuple[BatchScaling, ...] = ()
    """One for each optimizer, where several batch sizes were asked for."""
    decisions: tuple[str, ...] = ()
    """What étude decided by itself, one sentence each."""
    cost: dict[str, int] = field(default_factory=dict[str, int])
    """`runs` and their `updates` in all, runs `reused` from the store, updates `trained` now."""
    complete: bool = True
    """False when the search was interrupted."""


def found_json(found: Found) -> dict[str, Any]:
    """Give the answer as `etude find --json` writes it; what is not finite becomes null."""
    return plain(asdict(found))
