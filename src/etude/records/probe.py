"""What a fork test leaves: what to do about the lr of a run, and the forks that say so."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from etude.records.found import Measured
from etude.records.plain import plain


class Action(StrEnum):
    """What to do about the lr of a run."""

    RAISE = "raise"
    KEEP = "keep"
    LOWER = "lower"
    NOT_RATE = "not the rate"
    """No lr helps: the cause is elsewhere."""
    UNDECIDED = "undecided"
    """What was seen does not decide it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a run's own signals say about its lr."""

    action: Action
    confidence: float
    """Probability that a model of such runs gives the action; 1 where a rule decides."""
    rule: str
    """What decided: "loss and gain", "loss", or the name of a rule."""
    sentence: str
    evidence: dict[str, float]
    """The unit-free numbers that it was decided by."""
    caveat: str = ""
    """How often such a reading decides and is right, where that was measured."""


@dataclass(frozen=True, slots=True)
class Fork:
    """A copy of a run that went on at another multiple of its lr."""

    factor: float
    lr: float
    loss: tuple[float, ...]
    """Loss of each batch before its update; nan after one that is not finite."""
    progress: Measured
    """How far the log of its loss lies below that of the weights at rest on the last batches,
    with a 95 % interval over batches; nan when it diverged."""
    gain: Measured
    """The same against the fork at factor 1; paired, so that the batches' noise cancels."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The verdict of a fork test, with its evidence."""

    task: str
    strategy: str
    """Text form of the strategy, or the name of the optimizer's class."""
    at: int | None
    """Updates that the run had done; None where that is not known."""
    lr: float
    """The run's lr there (of its first param group)."""
    updates: int
    """Updates of each fork."""
    action: Action
    factor: float
    """Multiple of the lr that did best; nan where none did anything."""
    sentence: str
    rest: tuple[float, ...]
    """Loss of each batch at the weights as they stood."""
    forks: tuple[Fork, ...]
    evidence: dict[str, float]
    """The unit-free numbers that it was decided by."""
    reading: Reading | None = None
    """What the run's curve said before, where there is one."""
    notes: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    versions: dict[str, str] = field(default_factory=dict[str, str])


def probe_json(probe: Probe) -> dict[str, Any]:
    """Give a fork test as `--json` writes it; what is not finite becomes null."""
    return plain(asdict(probe))
