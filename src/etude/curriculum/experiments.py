"""Experiments as data: what is run, what is measured, and the sentences that must hold.

A *check* is a sentence that must be true, with the measurement that decides it. A *claim* is one
that a learner is offered: it may be true or false, and an answer key is compared with it. Both are
written alike, in `content/experiments/*.yaml`.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from etude.curriculum.plain_yaml import Strict

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9.]+)*$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .,:/%+-]*$")]
Speed = Literal["fast", "slow"]
Count = Annotated[int, Field(ge=1, le=100_000)]
Number = float

RUN_MEASURES: dict[str, str] = {
    "first_loss": "validation loss before the first update",
    "final_loss": "validation loss at the end; infinite when the run diverged to nan",
    "final_over_first": "validation loss at the end over that at the start",
    "lowest_loss": "lowest validation loss of all evaluations",
    "final_train": "training loss at the end: the median of the last tenth of its rows",
    "peak_over_first": "highest recorded training loss over the first",
    "rises": "recorded updates at which the training loss was higher than at the one before",
    "updates_to": "first recorded update with a training loss of at most `to`; infinite if none",
    "loss": "training loss at update `at`",
    "metric": "validation metric at the end",
    "lr": "lr that update `at` used",
    "travel": "sum of the lr of all recorded updates",
    "update_ratio": "size of the step over the size of the weights, at update `at` or the median",
    "sharpness": "largest curvature after update `at`, or at the end",
    "sharpness_x_lr": "the same times the peak lr: plain descent is stable below 2",
    "share": "share of seeds whose run ended as `outcome`",
    "share_below": "share of seeds with a final validation loss below `level`",
}
CODE_MEASURES: dict[str, str] = {
    "printed": "last number of the (last) line that begins with `name`",
    "values": "last number of each printed line (that begins with `name`), a list",
    "last_over_first": "the last of these numbers over the first",
    "rises": "how often one of these numbers is higher than the one before",
    "output": "everything that was printed",
    "raises": "the name of the exception that ended the code, or none",
    "warns": "the warnings, joined",
}
CONDITIONS = ("below", "above", "between", "equals", "contains", "interval")


class RunSpec(Strict):
    """One strategy on one task, with several seeds."""

    label: Label
    task: str | None = None
    """A ready-made task, one of the course's, or either with options: `double-well noise=0`."""
    strategy: str | None = None
    """A strategy's text; or `optimizer`, `lr` and `schedule`."""
    optimizer: str = "sgd"
    lr: Number | None = None
    schedule: str = "constant"
    updates: Count | None = None
    epochs: Count | None = None
    seeds: Annotated[int, Field(ge=1, le=1000)] | None = None

    @property
    def text(self) -> str:
        """The strategy's text."""
        return self.strategy or f"{self.optimizer} lr={self.lr!r} {self.schedule}"

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.strategy is None) == (self.lr is None):
            raise ValueError("give either strategy or optimizer, lr and schedule")
        if self.updates and self.epochs:
            raise ValueError("give updates or epochs, not both")
        return self


class Snippet(Strict):
    """Python code that is run in a process of its own."""

    label: Label
    code: str | None = None
    item: str | None = None
    """Take the code from an item instead, so that what is shown is what is run."""
    section: str = ""
    """The section of the item that holds it; empty is its body."""
    seconds: Annotated[int, Field(ge=1, le=300)] = 60
    before: str = ""
    """Code that is put in front, where a shown piece leaves out what all know."""
    after: str = ""
    """Code that is put behind it, to print what is to be looked at."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.code is None) == (self.item is None):
            raise ValueError("give either code or item")
        return self


class Check(Strict):
    """A sentence, and the measurement that decides whether it holds."""

    id: Slug
    run: str | None = None
    snippet: str | None = None
    measure: str
    against: str | None = None
    """Another run or snippet: the measurement is then a difference from it, paired by seed."""
    compare: Literal["difference", "ratio"] = "difference"
    at: Annotated[int, Field(ge=0)] | None = None
    to: Number | None = None
    level: Number | None = None
    outcome: str | None = None
    name: str | None = None
    over: Literal["every", "mean", "median"] = "every"
    """What must satisfy the condition: every seed, or their mean or median."""
    below: Number | None = None
    above: Number | None = None
    between: tuple[Number, Number] | None = None
    equals: Number | str | tuple[Number, ...] | None = None
    within: Number = 1e-6
    """Relative tolerance of `equals`."""
    contains: str | None = None
    interval: Literal["excludes 0", "includes 0", "above 0", "below 0"] | None = None
    """What the 95 % t interval of the mean over seeds must do."""
    says: str
    """The sentence, for a learner; `{value}` is what was measured, `{value:%}` as it is quoted."""

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if (self.run is None) == (self.snippet is None):
            raise ValueError("give either run or snippet")
        given = [name for name in CONDITIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(CONDITIONS)}, got {given}")
        known = RUN_MEASURES if self.run else CODE_MEASURES
        if self.measure not in known:
            raise ValueError(f"unknown measure {self.measure!r}; allowed: {', '.join(known)}")
        needs = {"updates_to": "to", "share": "outcome", "share_below": "level", "lr": "at"}
        needs |= {"loss": "at", "printed": "name"}
        need = needs.get(self.measure)
        if need and getattr(self, need) is None:
            raise ValueError(f"measure {self.measure} needs {need}")
        return self


class Experiment(Strict):
    """Runs and snippets, and what they show."""

    id: Slug
    title: str
    about: str = ""
    task: str | None = None
    """Of runs that do not say."""
    updates: Count | None = None
    epochs: Count | None = None
    seeds: Annotated[int, Field(ge=1, le=1000)] = 1
    speed: Speed = "fast"
    """Slow ones are proved by `etude curriculum prove --slow`; their numbers are recorded."""
    runs: tuple[RunSpec, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    checks: tuple[Check, ...] = ()
    claims: tuple[Check, ...] = ()

    def statement(self, name: str) -> Check | None:
        """Give the check or claim of that id."""
        return next((each for each in (*self.checks, *self.claims) if each.id == name), None)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        labels = {
            "run": [run.label for run in self.runs],
            "snippet": [each.label for each in self.snippets],
        }
        names = [each.id for each in (*self.checks, *self.claims)]
        for what, found in (*labels.items(), ("check", names)):
            twice = {name for name in found if found.count(name) > 1}
            if twice:
                raise ValueError(f"{what} {', '.join(sorted(twice))} is there twice")
        for check in (*self.checks, *self.claims):
            kind = "run" if check.run else "snippet"
            for name in filter(None, (check.run or check.snippet, check.against)):
                if name not in labels[kind]:
                    known = ", ".join(labels[kind]) or "none"
                    raise ValueError(f"check {check.id}: no {kind} {name!r}; there are: {known}")
        for run in self.runs:
            if not (run.task or self.task):
                raise ValueError(f"run {run.label}: no task; give one here or for all runs")
        return self
