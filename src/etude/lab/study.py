"""The course as the pages need it: what a mode holds, what is proved, what was done so far."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from etude.curriculum import (
    AnyItem,
    Choice,
    Curriculum,
    Experiment,
    Lesson,
    Measured,
    Mode,
    Proof,
    Track,
)
from etude.curriculum.items import Item
from etude.curriculum.loader import load_all
from etude.curriculum.references import references
from etude.errors import LabError
from etude.lab.experiments import ENDED
from etude.lab.experiments import Experiment as Trial
from etude.store.progress import Progress

PREDICTION = "prediction"
"""Kind of a progress entry: an answer that was given before anything ran, and never changes."""
FACTS = Mode(
    name="facts", title="Facts", about="What is commonly said, and what was measured of it"
)
"""Where the items of the mode lab are read, whose own page is the bench."""
OPEN = ("learn", "myths", "pitfalls", "practice", "interview", "facts")
"""Modes whose items have an address that anyone may follow."""
VERDICTS = {
    "holds": "✓ what is said holds",
    "limited": "◐ what is said holds within limits",
    "wrong": "✗ what is said does not hold",
    "open": "? no run can show it",
}
"""What became of what a fact says is commonly said."""
READABLE = 1e6
CONFIDENCES = (50, 60, 70, 80, 90, 100)


@dataclass(frozen=True)
class Study:
    """A course and the track that is followed."""

    course: Curriculum
    track: Track

    def mode(self, name: str) -> Mode:
        """Give what a mode is called and about."""
        return FACTS if name == FACTS.name else self.track.mode(name)

    def items(self, mode: str) -> list[AnyItem]:
        """Give the items of a mode, in the track's order."""
        shelf = "lab" if mode == FACTS.name else mode
        names = next((each.items for each in self.track.modes if each.name == shelf), ())
        return [self.course.item(name) for name in names]

    def item(self, mode: str, name: str) -> AnyItem:
        """Give an item of a mode.

        Raises:
            LabError: the mode has none of that id.
        """
        for item in self.items(mode):
            if item.id == name:
                return item
        raise LabError(f"{mode} has no item {name[:60]!r}")

    def beside(self, mode: str, item: Item) -> tuple[AnyItem | None, AnyItem | None]:
        """Give the items before and after one."""
        items = self.items(mode)
        place = [each.id for each in items].index(item.id)
        after = items[place + 1] if place + 1 < len(items) else None
        return (items[place - 1] if place else None), after

    def evidence(self, item: Item) -> list[Experiment]:
        """Give the experiments that an item stands on."""
        names = dict.fromkeys(proof.experiment for proof, *_ in references(item))  # pyright: ignore[reportArgumentType] - any item
        return [self.course.experiments[name] for name in names if name in self.course.experiments]

    @cached_property
    def of_experiment(self) -> dict[str, list[tuple[str, AnyItem]]]:
        """The items that stand on each experiment, each with its address."""
        found: dict[str, list[tuple[str, AnyItem]]] = {}
        for mode in OPEN:
            for item in self.items(mode):
                for experiment in self.evidence(item):
                    found.setdefault(experiment.id, []).append((f"/{mode}/{item.id}", item))
        return found


def study() -> Study:
    """Load the course that comes with étude.

    A slow experiment that nobody has recorded yet leaves a gap in a text, and no lab without it:
    `etude curriculum check` is where mistakes are found.
    """
    course, _ = load_all()
    return Study(course, next(iter(course.tracks.values())))


@dataclass(frozen=True, slots=True)
class Said:
    """One statement of an experiment, with what was measured."""

    sentence: str
    holds: bool
    interval: str
    """The 95 % interval over seeds; empty where there is none."""


def sentences(
    study: Study, experiment: Experiment, trial: Trial | None, *, named_by: Item | None = None
) -> list[Said]:
    """Give what an experiment says: as measured on this machine just now, or as recorded.

    Claims are left out: they are options that learners are offered.

    Args:
        study: the course.
        experiment: the experiment.
        trial: its replay, if there is one.
        named_by: only what this item names; all where it names claims alone.
    """
    named = set() if named_by is None else {str(proof) for proof, *_ in references(named_by)}  # pyright: ignore[reportArgumentType] - any item
    checks = [each for each in experiment.checks if f"{experiment.id}/{each.id}" in named]
    return [
        said(each.says, measured)
        for each in checks or experiment.checks
        if (measured := measured_of(study, Proof(experiment.id, each.id), trial)) is not None
    ]


def said(sentence: str, measured: Measured) -> Said:
    """Put what was measured into a sentence."""
    interval = "" if _says_nothing(measured) else measured.interval(sentence)
    return Said(measured.said(sentence), measured.holds, interval)


def _says_nothing(measured: Measured) -> bool:
    """Whether an interval is missing, of no width that shows, or of numbers nobody can read."""
    low, high = measured.low, measured.high
    if not math.isfinite(low) or not math.isfinite(high):
        return True
    return math.isclose(low, high, rel_tol=0.01) or max(abs(low), abs(high)) > READABLE


def measured_of(study: Study, proof: Proof, trial: Trial | None) -> Measured | None:
    """Give what was measured for a statement: in a replay that has ended, else as recorded."""
    if trial is not None and trial.state == ENDED and proof.check in trial.answer:
        return trial.answer[proof.check].measured
    return study.course.recorded.values.get(str(proof))


@dataclass(frozen=True, slots=True)
class Shown:
    """An option after its key was spent."""

    letter: str
    text: Any
    right: bool
    chosen: bool
    why: Any
    measured: Said | None


def spent(study: Study, choice: Choice, chosen: Sequence[str]) -> list[Shown]:
    """Give the options with their key, reasons and what was measured of each."""
    return [
        Shown(
            option.letter,
            option.text,
            option.right,
            option.letter in chosen,
            option.why,
            _claimed(study, option.claim),
        )
        for option in choice.options
    ]


def _claimed(study: Study, claim: Proof | None) -> Said | None:
    if claim is None:
        return None
    statement, measured = study.course.statement(claim), measured_of(study, claim, None)
    return said(statement.says, measured) if statement and measured else None


def predict(
    progress: Progress, item: Item, *, letter: str | None, confidence: int
) -> dict[str, Any]:
    """Keep a prediction for ever, or that somebody wanted to read first; give what is kept."""
    choice = item.choice
    if choice is None:
        raise LabError("a prediction must be about a question; this item asks none")
    if letter is not None and letter not in [option.letter for option in choice.options]:
        raise LabError("a prediction must be one of the options; choose one, or just read on")
    content = {"choice": letter, "confidence": confidence, "right": letter == choice.key}
    return progress.commit(PREDICTION, item.id, content)


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of one confidence."""

    confidence: int
    count: int
    right: int


def calibration(progress: Progress) -> list[Bin]:
    """Give for each confidence how many predictions were right."""
    made = [each.content for each in progress.entries(PREDICTION) if each.content["choice"]]
    return [
        Bin(confidence, len(mine), sum(each["right"] for each in mine))
        for confidence in CONFIDENCES
        if (mine := [each for each in made if each["confidence"] == confidence])
    ]


PARTS = {"overview": "Begin here", "model": "Begin here", "step": "Step by step"}
PARTS |= {"takeaways": "To keep", "topic": "Further topics"}


def parts(items: Sequence[AnyItem]) -> Iterator[tuple[str, list[AnyItem]]]:
    """Group the items of a lesson by what part of it they are, in order."""
    groups: dict[str, list[AnyItem]] = {}
    for item in items:
        part = PARTS.get(item.part, "Go deeper") if isinstance(item, Lesson) else item.kind
        groups.setdefault(part, []).append(item)
    yield from groups.items()


def done(progress: Progress) -> Mapping[str, str]:
    """Say of each item how it stands: right, wrong or read."""
    found: dict[str, str] = {}
    for each in progress.entries(PREDICTION):
        kept = each.content
        found[each.key] = (
            "read" if kept["choice"] is None else "right" if kept["right"] else "wrong"
        )
    for each in progress.entries("answer"):
        found[each.key] = "right" if each.content["solved"] else "wrong"
    for each in progress.entries("interview"):
        found[each.key] = "read"
    return found
