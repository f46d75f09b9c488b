"""A schedule as a list of pieces with fields: read from a form or a link, and drawn.

A piece is one family of `etude.schedules` with its options; étude's own text form is what a link
holds. Values come from the schedule itself, bound to a run: the page computes none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from etude.errors import LabError, ScheduleError
from etude.lab import limits
from etude.report.schedules import drawn, numbers
from etude.schedules import Schedule
from etude.schedules.base import Family, options_of
from etude.schedules.codec import FAMILIES
from etude.schedules.compose import Sequence as InSequence
from etude.schedules.conventions import Imported
from etude.schedules.conventions.exports import to_torch_code
from etude.schedules.text import parse

KINDS = {
    "warmup": "rises to the peak",
    "constant": "stays",
    "cosine": "falls along half a cosine",
    "linear": "a line from start to end",
    "1-sqrt": "falls steeply first",
    "polynomial": "a power of the time left",
    "exponential": "falls by one factor at every update",
    "inverse-sqrt": "falls with the root of time",
    "step": "drops every so often",
    "multistep": "drops at milestones",
    "restarts": "cosines, one after another",
    "cyclic": "up and down",
    "one-cycle": "up once, down to almost 0",
}
"""The families that the page offers, each with what it does."""
MOST_PIECES = 6
USUAL = ("warmup 5%", "constant", "1-sqrt 20%")
FRESH = {
    "warmup": "warmup 5%",
    "exponential": "exponential gamma=0.01",
    "inverse-sqrt": "inverse-sqrt 10%",
    "step": "step 30%",
    "multistep": "multistep 3%,6%",
    "restarts": "restarts 25%",
    "cyclic": "cyclic 10%",
}
"""How a family that needs a field begins."""
UNSAID = {"length": "what is left", "start": "1 / length"}
"""What counts for a field that has no value of its own."""
POINTS = 400
FURTHER = "10%"


@dataclass(frozen=True, slots=True)
class Field:
    """One option of a piece, as it stands in the form."""

    name: str
    value: str
    usual: str
    """What counts when the field is empty."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece."""

    kind: str
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Design:
    """A schedule of pieces over a run."""

    pieces: tuple[Piece, ...]
    updates: int
    peak_lr: float

    @property
    def text(self) -> str:
        """The schedule in étude's own text form."""
        return " -> ".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Sketch:
    """What the page shows of a design."""

    text: str
    x: list[int]
    y: list[float]
    bounds: list[int]
    """The update at which each piece but the first begins."""
    numbers: list[tuple[str, str]]
    warnings: list[str]
    code: str
    differences: list[str]
    """What the code does otherwise, one sentence each."""
    summary: str


def read_pieces(texts: Sequence[str], *, updates: int, peak_lr: float) -> Design:
    """Read the pieces of a link.

    Raises:
        LabError: there are too many, or one is no single family that the page offers.
        ScheduleError: a text does not parse.
    """
    if not 1 <= len(texts) <= MOST_PIECES:
        raise LabError(f"a schedule here has 1 to {MOST_PIECES} pieces, got {len(texts)}")
    return Design(tuple(map(_piece, texts)), updates, peak_lr)


def pieces_of(words: str) -> list[str]:
    """Split a schedule's text into its pieces.

    Raises:
        ScheduleError: it does not parse.
    """
    found = parse(limits.no_code(words))
    parts = found.parts if isinstance(found, InSequence) else (found,)
    return [str(part) for part in parts]


def text_of(kind: str, given: Mapping[str, str]) -> str:
    """Write a piece's text from its fields; an empty field leaves the family's own value."""
    if kind not in KINDS:
        raise LabError(f"a piece must be one of {', '.join(KINDS)}, got {kind!r}")
    family = FAMILIES[kind]
    words = [kind]
    for name in options_of(family):
        value = given.get(name, "").strip().replace(" ", ",")
        if value:
            words.append(f"{name}={value}")
    if len(words) == 1:
        return FRESH.get(kind, kind)
    return " ".join(words)


def fresh(kind: str, before: Sequence[str]) -> str:
    """Write a further piece's text; with a length where another one takes what is left."""
    text = text_of(kind, {})
    taken = any(parse(each).open for each in before)
    return f"{text} length={FURTHER}" if taken and parse(text).open else text


def _piece(words: str) -> Piece:
    found = parse(limits.no_code(words))
    if not isinstance(found, Family) or found.kind not in KINDS:
        raise LabError(f"a piece must be one of {', '.join(KINDS)}, got {words!r}")
    usual = {field.name: field.default for field in fields(found)}
    options = options_of(type(found))
    return Piece(
        found.kind,
        str(found),
        tuple(
            _field(name, option, getattr(found, name), usual[name])
            for name, option in options.items()
        ),
    )


def _field(name: str, option: Any, value: Any, usual: Any) -> Field:
    known = isinstance(usual, str | int | float | bool)
    shown = option.write(usual) if known else UNSAID.get(name, "")
    return Field(name, "" if value == usual or value is None else option.write(value), shown)


def sketch(design: Design) -> Sketch:
    """Evaluate a design over its run.

    Raises:
        ScheduleError: it does not fit into the run.
    """
    bound = parse(design.text).bind(design.updates, epoch=max(1, design.updates // 10))
    one = drawn(design.text, Imported("étude", design.text, bound), design.updates)
    kept = np.unique(
        np.linspace(0, design.updates - 1, min(design.updates, POINTS)).round()
    ).astype(int)
    code, differences = _code(bound, design.peak_lr)
    said = numbers(one, design.peak_lr)
    return Sketch(
        text=design.text,
        x=kept.tolist(),
        y=[float(f"{design.peak_lr * one.values[t]:.6g}") for t in kept],
        bounds=_bounds(bound),
        numbers=said,
        warnings=list(one.warnings),
        code=code,
        differences=list(differences),
        summary=f"Learning rate over {design.updates:,} updates: "
        + ", ".join(f"{name} {value}" for name, value in said)
        + ".",
    )


def _code(bound: Schedule, peak_lr: float) -> tuple[str, tuple[str, ...]]:
    try:
        written = to_torch_code(bound, peak_lr=peak_lr)
    except ScheduleError:
        return bound.source(), ()
    return written.code, written.differences


def _bounds(bound: Schedule) -> list[int]:
    if not isinstance(bound, InSequence):
        return []
    found, at = [], 0
    for part in bound.parts[:-1]:
        at += part.length if isinstance(part.length, int) else 0
        found.append(at)
    return found
