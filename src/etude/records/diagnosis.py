"""What `etude diagnose` leaves: logs, findings, and what runs at several lrs say together."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from etude.records.plain import plain
from etude.records.probe import Reading
from etude.records.run import Curve


class Level(StrEnum):
    """How sure a finding is, the surest first."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a run: symptom, evidence, remedy."""

    code: str
    """The rule's code, stable for ever: `ED03`. `etude explain` shows its page."""
    name: str
    """The rule's name: `loss-spikes`."""
    level: Level
    message: str
    """What was seen, one sentence with its numbers."""
    span: tuple[int, int]
    """First and last update at which it was seen."""
    evidence: dict[str, float]
    """The numbers that the rule decided by."""
    remedy: str
    """What to try, one sentence."""
    refuted_by: str
    """What would show that the finding is wrong, one sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """A run as a log has it: another tool's, or étude's own store."""

    name: str
    path: str
    form: str
    """The format that it was read as: `lightning`."""
    curve: Curve
    columns: dict[str, str] = field(default_factory=dict[str, str])
    """A column of the curve, `val_loss`, and the log's name of what it was read from."""
    left: tuple[str, ...] = ()
    """Other columns of numbers that the log has."""
    unit: str = "update"
    """What its rows count: `update` or `epoch`."""
    lr: float = float("nan")
    """The peak lr that its settings or its name tell, where no lr was logged."""
    chance: float | None = None
    """Loss of the best constant predictor, where that is known."""
    notes: tuple[str, ...] = ()
    """What a reader must know, one sentence each."""


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosed:
    """What was found about one run."""

    log: Log
    findings: tuple[Finding, ...]
    """The surest first."""
    undecided: tuple[str, ...]
    """What its log cannot tell, and what would, one sentence each."""
    facts: tuple[str, ...]
    """What was seen and is no fault, one sentence each."""
    reading: Reading
    """What the log alone says about the lr."""


@dataclass(frozen=True, slots=True)
class SweepPlace:
    """A run's place among runs at several lrs."""

    name: str
    lr: float
    """Its peak lr."""
    level: float
    """Loss at its end; nan where it diverged."""
    verdict: str
    """`best`, `as good`, `too low`, `too high`, or `worse`, which may not be for its lr."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What runs at several lrs say together."""

    judged_by: str
    """`val_loss` or `loss`."""
    places: tuple[SweepPlace, ...]
    """By lr, the lowest first."""
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """The answer of `etude.diagnose`."""

    runs: tuple[Diagnosed, ...]
    sweep: Sweep | None = None
    unread: tuple[str, ...] = ()
    """What lies beside them in a folder and could not be read, one sentence each."""
    failed: tuple[str, ...] = ()
    """Logs that were asked for and could not be read, one sentence each."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all runs, in the order of the runs."""
        return tuple(finding for run in self.runs for finding in run.findings)


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Give the answer as `etude diagnose --json` writes it; what is not finite becomes null."""
    return {
        "runs": [_diagnosed_json(run) for run in diagnosis.runs],
        "sweep": None if diagnosis.sweep is None else plain(asdict(diagnosis.sweep)),
        "unread": list(diagnosis.unread),
        "failed": list(diagnosis.failed),
    }


def _diagnosed_json(run: Diagnosed) -> dict[str, Any]:
    log = run.log
    return {
        "name": log.name,
        "path": log.path,
        "format": log.form,
        "unit": log.unit,
        "columns": log.columns,
        "rows": int(log.curve.update.size),
        "findings": [plain(asdict(finding)) for finding in run.findings],
        "undecided": list(run.undecided),
        "facts": list(run.facts),
        "reading": plain(asdict(run.reading)),
        "notes": list(log.notes),
    }
