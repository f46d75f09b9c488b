"""What a training run leaves behind: plain frozen records, ready for JSON, without behaviour.

Every room above this one passes these around; none of them knows torch.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Outcome(StrEnum):
    """How a run ended, best first. `etude.diagnosis.outcome` has the definitions."""

    CONVERGED = "converged"
    IMPROVING = "still improving"
    STALLED = "stalled"
    COLLAPSED = "collapsed"
    DIVERGED = "diverged"


def _nothing() -> Array:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What one run recorded.

    The first five columns have one row per recorded update, [rows]; the next four one row per
    evaluation, [evaluations]; the last three one row per update whose gain was measured, [gains].
    An evaluation at `t` sees the weights before update `t`.
    """

    update: Array = field(default_factory=_nothing)
    """Index t of the update, from 0."""
    lr: Array = field(default_factory=_nothing)
    """Absolute lr that update t used (first param group)."""
    loss: Array = field(default_factory=_nothing)
    """Training loss of update t's batch, before the update changed the weights."""
    grad_norm: Array = field(default_factory=_nothing)
    """2-norm of the whole gradient of update t, before clipping."""
    update_ratio: Array = field(default_factory=_nothing)
    """2-norm of the change of the weights over 2-norm of the weights, at update t."""
    eval_update: Array = field(default_factory=_nothing)
    """Number of updates done at each evaluation."""
    val_loss: Array = field(default_factory=_nothing)
    """Validation loss."""
    val_metric: Array = field(default_factory=_nothing)
    """Validation metric; nan where the task has none."""
    val_spread: Array = field(default_factory=_nothing)
    """How much the predictions differ between validation inputs: the standard deviation over
    inputs, averaged over outputs (output units). 0 means the same answer for every input; nan
    where outputs are not predictions."""
    gain_update: Array = field(default_factory=_nothing)
    """Index t of each update whose gain was measured; empty where none was."""
    gain_ratio: Array = field(default_factory=_nothing)
    """Actual over predicted decrease of the loss of update t's batch,
    [L(w) - L(w + dw)] / (-g . dw): near 1 where the loss is a line along the step, 0.5 at its
    minimum, negative where the step overshot."""
    zero_share: Array = field(default_factory=_nothing)
    """Largest share of gradient entries that are exactly 0 in any one parameter, at update t."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One strategy with one seed on one task, as it ended."""

    id: str
    task: str
    strategy: str
    """The strategy's text form."""
    seed: int
    outcome: Outcome
    planned: int
    """Length of the run in updates."""
    updates: int
    """Updates done; fewer than planned when the run diverged."""
    loss: float
    """Final validation loss; nan when the run diverged to a value that is not finite."""
    metric: float
    """Final validation metric; nan where the task has none."""
    seconds: float
    """Wall time that training took."""
    curve: Curve


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
    reading: "Reading"
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
    """`best`, `as good`, `too low`, `too high` or `worse`."""


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
    """What could not be read beside them, one sentence each."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all runs, in the order of the runs."""
        return tuple(finding for run in self.runs for finding in run.findings)


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
    return _plain(asdict(probe))


def found_json(found: Found) -> dict[str, Any]:
    """Give the answer as `etude find --json` writes it; what is not finite becomes null."""
    return _plain(asdict(found))


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Give the answer as `etude diagnose --json` writes it; what is not finite becomes null."""
    return {
        "runs": [_diagnosed_json(run) for run in diagnosis.runs],
        "sweep": None if diagnosis.sweep is None else _plain(asdict(diagnosis.sweep)),
        "unread": list(diagnosis.unread),
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
        "findings": [_plain(asdict(finding)) for finding in run.findings],
        "undecided": list(run.undecided),
        "facts": list(run.facts),
        "reading": _plain(asdict(run.reading)),
        "notes": list(log.notes),
    }


def _plain(value: Any) -> Any:
    """Turn a record's parts into what JSON can hold."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, StrEnum):
        return str(value)
    return finite(value) if isinstance(value, float) else value


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


def run_json(run: Run) -> dict[str, Any]:
    """Give a run without its curve, ready for JSON."""
    return {
        "id": run.id,
        "strategy": run.strategy,
        "seed": run.seed,
        "outcome": str(run.outcome),
        "planned": run.planned,
        "updates": run.updates,
        "loss": finite(run.loss),
        "metric": finite(run.metric),
        "seconds": run.seconds,
    }


_COUNTS = ("update", "eval_update", "gain_update")


def curve_json(curve: Curve) -> dict[str, list[float | None]]:
    """Give a curve's columns as lists; what is not finite becomes null, and updates are whole."""
    values = {name: getattr(curve, name).tolist() for name in Curve.__dataclass_fields__}
    return {
        name: [int(value) if name in _COUNTS else finite(value) for value in column]
        for name, column in values.items()
    }


def finite(value: float) -> float | None:
    """Give a number that JSON can hold: itself when finite, else None."""
    return value if np.isfinite(value) else None
