"""From one Markdown file to one item: its front matter, its headings, its lists."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from etude.curriculum.items import (
    LEVELS,
    AnyItem,
    Card,
    Choice,
    Evidence,
    Fact,
    Flash,
    FollowUp,
    Interview,
    Kind,
    Lesson,
    Myth,
    Option,
    Pitfall,
    Practice,
    Proof,
    Question,
    Section,
    Verdict,
)
from etude.curriculum.markdown import (
    Entry,
    Part,
    Prose,
    code_of,
    entries,
    sections,
    split_front,
)
from etude.curriculum.places import Place, Problem, Refused, refuse, unknown
from etude.curriculum.plain_yaml import Strict, build, read
from etude.curriculum.variation import Variants

LessonPart = Literal[
    "overview", "model", "step", "hood", "expert", "limits", "production", "connections",
    "takeaways", "topic",
]  # fmt: skip
"""What part of a lesson an item can be; a topic goes beyond the first lesson."""
HEADINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "lesson": (
        (),
        (
            "What it is", "Why it matters", "Before", "After", "Core idea", "Picture", "Process",
            "Predict", "Explanation", "Result", "When it fails", "Take-away", "Note", "Pattern",
            "Connection", "Point", "Why so designed",
        ),
    ),
    "question": (("Options", "Hints", "Explanation"), ("Caution",)),
    "practice": (
        ("Options", "Hint", "Steps", "Quick check", "Common mistakes"),
        ("Caution", "Variants"),
    ),
    "interview": (("Short answer", "Full answer"), ("Follow-up",)),
    "myth": (("Ask", "Belief", "Reality", "Why it matters"), ()),
    "pitfall": (("Wrong", "Right", "Cause"), ("Caution",)),
    "fact": (("Measured",), ("Commonly said", "Caution")),
    "flash": (("Cards",), ()),
}  # fmt: skip
"""Headings by kind: those that must be there, and those that may. All may have `Flash`."""
REPEATED = ("Note", "Pattern", "Connection", "Point", "Follow-up")
"""Headings that may be there more than once, each with a title of its own."""
SOURCE = re.compile(r"new|00[0-3]/[a-z0-9-]+")


class Front(Strict):
    """The front matter of every kind."""

    kind: Kind
    title: str
    source: str
    """Ids separated by commas."""
    concept: str
    level: str = "foundation"
    minutes: Annotated[int, Field(ge=1, le=60)] = 2

    @field_validator("level")
    @classmethod
    def _is_a_level(cls, level: str) -> str:
        if level not in LEVELS:
            raise ValueError(unknown("level", level, LEVELS))
        return level

    @field_validator("source")
    @classmethod
    def _is_a_source(cls, source: str) -> str:
        for name in source.split(","):
            if not SOURCE.fullmatch(name.strip()):
                raise ValueError(f"a source is 'new' or such as 001/challenge-1, not {name!r}")
        return source


class _LessonFront(Front):
    part: LessonPart


class _QuestionFront(Front):
    style: Literal["conceptual", "predict-output", "model-choice", "hyperparameter", "metrics"]
    seconds: Annotated[int, Field(ge=10, le=3600)] = 120
    attempts: Annotated[int, Field(ge=1, le=10)] = 2


class _FactFront(Front):
    verdict: Verdict


FRONTS: dict[str, type[Front]] = {
    "lesson": _LessonFront,
    "question": _QuestionFront,
    "fact": _FactFront,
}
FOLDERS: dict[str, Kind] = {
    "lessons": "lesson",
    "questions": "question",
    "practice": "practice",
    "interview": "interview",
    "myths": "myth",
    "pitfalls": "pitfall",
    "facts": "fact",
    "flash": "flash",
}
"""The folder of each kind."""


def read_item(text: str, name: str, place: Place) -> AnyItem:
    """Read one file.

    Args:
        text: what is in it.
        name: the item's id: the file's name without its ending.
        place: its first line.

    Raises:
        Refused: it cannot be read; everything wrong with it.
    """
    yaml, yaml_at, rest, rest_at = split_front(text, place)
    data, lines = read(yaml, yaml_at)
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in get_args(Kind):
        line = lines.get(("kind",), place.line)
        raise refuse(place.at(line), unknown("kind", kind, get_args(Kind)))
    front = build(FRONTS.get(str(kind), Front), data, lines, yaml_at)
    parts = sections(rest, rest_at)
    _check_headings(front.kind, parts, place)
    return _READERS[front.kind](front, _Parts(name, parts, place))


def _check_headings(kind: Kind, parts: Sequence[Part], place: Place) -> None:
    must, may = HEADINGS[kind]
    allowed = (*must, *may, "Flash")
    found = [part.heading for part in parts[1:]]
    wrong = [
        Problem(part.place, unknown(f"heading of a {kind}", part.heading, allowed))
        for part in parts[1:]
        if part.heading not in allowed
    ]
    wrong += [
        Problem(part.place, f"the heading '## {part.heading}' is there twice; keep one")
        for number, part in enumerate(parts[1:])
        if part.heading in found[:number] and part.heading not in REPEATED
    ]
    missing = [
        Problem(place, f"the heading '## {name}' is missing") for name in must if name not in found
    ]
    if wrong or missing:
        raise Refused(*wrong, *missing)


class _Parts:
    """The parts of one file, by heading."""

    def __init__(self, name: str, parts: Sequence[Part], place: Place) -> None:
        self.name, self.place = name, place
        self.body = parts[0].prose
        if parts[0].trailers:
            raise refuse(parts[0].trailers[0][2], "proof: stands at the end of a section")
        self._parts = parts[1:]

    def prose(self, heading: str) -> Prose:
        """Give the text under a heading; empty where there is none."""
        parts = self.all(heading)
        return parts[0].prose if parts else Prose("", self.place)

    def all(self, heading: str) -> list[Part]:
        """Give all parts under a heading."""
        return [part for part in self._parts if part.heading == heading]

    def list(self, heading: str) -> tuple[Prose, ...]:
        """Give the entries of the list under a heading."""
        return tuple(Prose(each.text, each.place) for each in entries(self.bare(heading)))

    def bare(self, heading: str) -> Prose:
        """Give the text under a heading that states nothing and so carries no evidence."""
        for part in self.all(heading):
            if part.trailers:
                message = f"no proof is read under '## {heading}'; give it with what it proves"
                raise refuse(part.trailers[0][2], message)
        return self.prose(heading)

    def sections(self, *, without: Sequence[str] = ()) -> tuple[Section, ...]:
        """Give all parts but those that are read otherwise."""
        return tuple(
            Section(part.heading, part.title, part.prose, evidence_of(part), part.place)
            for part in self._parts
            if part.heading not in (*without, "Flash", "Cards")
        )

    def cards(self, heading: str = "Flash") -> tuple[Card, ...]:
        """Give the cards: `front :: back`, one an entry."""
        return tuple(self._card(each) for each in entries(self.bare(heading)))

    def _card(self, entry: Entry) -> Card:
        front, mark, back = entry.text.partition("::")
        if not mark or not front.strip() or not back.strip():
            raise refuse(entry.place, "a card is 'front :: back'")
        at = entry.place
        return Card(self.name, Prose(front.strip(), at), Prose(back.strip(), at))

    def choice(self, heading: str, ask: Prose | None = None) -> Choice:
        """Give the options under a heading; the question stands before them unless given."""
        self.bare(heading)
        (part, *_) = self.all(heading)
        text, place = part.prose.markdown, part.prose.place
        first = re.search(r"^[-*] +\[", text, re.MULTILINE)
        if first is None:
            raise refuse(part.place, "expected options: lines that begin with - [ ] or - [x]")
        line = place.line + text.count("\n", 0, first.start())
        before = Prose(text[: first.start()].strip(), place)
        listed = Prose(text[first.start() :], place.at(line))
        options = [_option(n, each) for n, each in enumerate(entries(listed))]
        right = sum(option.right for option in options)
        if right != 1 or len(options) < 2:  # noqa: PLR2004 - a choice needs two
            got = f"got {len(options)} and {right}"
            raise refuse(part.place, f"expected two options or more, one of them [x]; {got}")
        return Choice(before if ask is None else ask, tuple(options))


def proofs(text: str, place: Place) -> tuple[Proof, ...]:
    """Read `experiment/check, experiment/check`.

    Raises:
        Refused: one is not of that form.
    """
    found: list[Proof] = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        experiment, slash, check = name.partition("/")
        if not slash or not experiment or not check:
            raise refuse(place, f"a proof is written experiment/check, got {name!r}")
        found.append(Proof(experiment, check))
    return tuple(found)


def evidence_of(part: Part) -> Evidence:
    """Read the last lines of a section."""
    named = [
        proof for key, text, at in part.trailers if key == "proof" for proof in proofs(text, at)
    ]
    reasons = [text for key, text, _ in part.trailers if key == "unproved"]
    return Evidence(tuple(named), " ".join(reasons))


def _option(number: int, entry: Entry) -> Option:
    if entry.ticked is None:
        raise refuse(entry.place, "an option begins with - [ ] or, the right one, - [x]")
    details, place = entry.details, entry.place
    claims = proofs(details.get("claim", ""), place)
    if len(claims) > 1:
        raise refuse(place, "an option has one claim; further ones are proof: lines")
    return Option(
        letter="ABCDEFGH"[number],
        text=Prose(entry.text, place),
        right=entry.ticked,
        why=Prose(details.get("why", ""), place),
        claim=claims[0] if claims else None,
        evidence=Evidence(proofs(details.get("proof", ""), place), details.get("unproved", "")),
        place=place,
    )


def _common(front: Front, parts: _Parts, *without: str) -> dict[str, Any]:
    """Give the fields that all kinds have."""
    return {
        "id": parts.name,
        "kind": front.kind,
        "title": front.title,
        "sources": tuple(name.strip() for name in front.source.split(",")),
        "concept": front.concept,
        "level": front.level,
        "minutes": front.minutes,
        "body": parts.body,
        "sections": parts.sections(without=without),
        "cards": parts.cards(),
        "place": parts.place,
    }


def _lesson(front: Any, parts: _Parts) -> Lesson:
    predict = parts.choice("Predict") if parts.all("Predict") else None
    return Lesson(**_common(front, parts, "Predict"), part=front.part, predict=predict)


def _question(front: Any, parts: _Parts) -> Question:
    return Question(
        **_common(front, parts, "Options", "Hints"),
        style=front.style,
        answer=parts.choice("Options", parts.body),
        hints=parts.list("Hints"),
        seconds=front.seconds,
        attempts=front.attempts,
    )


def _practice(front: Any, parts: _Parts) -> Practice:
    lists = ("Hint", "Steps", "Quick check", "Common mistakes", "Variants")
    return Practice(
        **_common(front, parts, "Options", *lists),
        answer=parts.choice("Options", parts.body),
        hints=(parts.bare("Hint"),),
        steps=parts.list("Steps"),
        quick_check=parts.bare("Quick check"),
        mistakes=parts.list("Common mistakes"),
        variants=_variants(parts),
    )


def _variants(parts: _Parts) -> Variants | None:
    if not parts.all("Variants"):
        return None
    prose = parts.prose("Variants")
    text = code_of(prose)
    if text is None:
        raise refuse(prose.place, "expected a fenced block of yaml")
    at = prose.place.at(prose.place.line + 1)
    return build(Variants, *read(text, at), at)


def _interview(front: Any, parts: _Parts) -> Interview:
    return Interview(
        **_common(front, parts, "Follow-up"),
        short=parts.prose("Short answer"),
        full=parts.prose("Full answer"),
        follow_ups=tuple(
            FollowUp(part.title, part.prose, evidence_of(part)) for part in parts.all("Follow-up")
        ),
    )


def _myth(front: Any, parts: _Parts) -> Myth:
    return Myth(**_common(front, parts, "Ask"), ask=parts.choice("Ask"))


def _pitfall(front: Any, parts: _Parts) -> Pitfall:
    def code(heading: str) -> str:
        found = code_of(parts.prose(heading))
        if found is None:
            raise refuse(parts.all(heading)[0].place, "expected a fenced block of code")
        return found

    return Pitfall(**_common(front, parts), wrong=code("Wrong"), right=code("Right"))


def _fact(front: Any, parts: _Parts) -> Fact:
    evidence = evidence_of(parts.all("Measured")[0])
    return Fact(**_common(front, parts), verdict=front.verdict, evidence=evidence)


def _flash(front: Any, parts: _Parts) -> Flash:
    fields: dict[str, Any] = {**_common(front, parts), "cards": parts.cards("Cards")}
    return Flash(**fields)


_READERS: dict[str, Callable[[Any, _Parts], AnyItem]] = {
    "lesson": _lesson,
    "question": _question,
    "practice": _practice,
    "interview": _interview,
    "myth": _myth,
    "pitfall": _pitfall,
    "fact": _fact,
    "flash": _flash,
}
