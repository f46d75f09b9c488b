"""The items of the course as frozen values: what a page, a terminal or a test shows.

Every statement carries its `Evidence`: the checks that prove it, or why none can.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from etude.curriculum.markdown import Prose
from etude.curriculum.places import Place
from etude.curriculum.variation import Variants

Kind = Literal["lesson", "question", "practice", "interview", "myth", "pitfall", "fact", "flash"]
Difficulty = Literal["easy", "medium", "hard"]
Verdict = Literal["holds", "limited", "wrong", "open"]

LEVELS: dict[str, Difficulty] = {
    "foundation": "easy",
    "easy": "easy",
    "intermediate": "medium",
    "medium": "medium",
    "advanced": "hard",
    "hard": "hard",
    "expert": "hard",
}
"""The words for how hard something is, and which of the three steps of the placement test."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A check or claim of an experiment."""

    experiment: str
    check: str

    def __str__(self) -> str:
        """Give `experiment/check`."""
        return f"{self.experiment}/{self.check}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a statement may stand."""

    proofs: tuple[Proof, ...] = ()
    """Checks that must hold."""
    unproved: str = ""
    """Why no run can show it; empty where one does."""

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return bool(self.proofs or self.unproved)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an item with its heading."""

    heading: str
    """One of the headings that the item's kind allows."""
    title: str
    """What followed the colon: `## Note: batch size` has the title `batch size`."""
    prose: Prose
    evidence: Evidence
    place: Place


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose."""

    letter: str
    text: Prose
    right: bool
    """The key. It must never reach a page before the attempt is spent."""
    why: Prose
    """Why it is right or wrong; shown after the answer."""
    claim: Proof | None
    """The option's own statement as a measurement: holds if and only if the option is right."""
    evidence: Evidence
    """Checks that hold and show why it is right or wrong, besides the claim."""
    place: Place


@dataclass(frozen=True, slots=True)
class Choice:
    """A question with options, exactly one of which is right."""

    ask: Prose
    options: tuple[Option, ...]

    @property
    def key(self) -> str:
        """The letter of the right option."""
        return next(option.letter for option in self.options if option.right)


@dataclass(frozen=True, slots=True)
class Card:
    """A flash card."""

    item: str
    front: Prose
    back: Prose

    @property
    def id(self) -> str:
        """A name that stays when cards are moved, and changes when the question does."""
        return f"{self.item}#{sha256(self.front.markdown.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What all items have."""

    id: str
    kind: Kind
    title: str
    sources: tuple[str, ...]
    """Where its claims come from: ids such as `001/challenge-1`, or `new`."""
    concept: str
    """One of the track's concepts."""
    level: str
    """A word of `LEVELS`."""
    minutes: int
    body: Prose
    sections: tuple[Section, ...]
    cards: tuple[Card, ...]
    place: Place

    @property
    def difficulty(self) -> Difficulty:
        """How hard it is, in the three steps of the placement test."""
        return LEVELS[self.level]

    def section(self, heading: str) -> Section | None:
        """Give the first section of that heading."""
        return next((each for each in self.sections if each.heading == heading), None)

    def all(self, heading: str) -> tuple[Section, ...]:
        """Give all sections of that heading."""
        return tuple(each for each in self.sections if each.heading == heading)

    @property
    def choice(self) -> Choice | None:
        """What is to be answered, if anything is."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson(Item):
    """A part of the lesson; one with `predict` asks before it tells."""

    part: str
    """Which part of a lesson it is, such as `step` or `takeaways`."""
    predict: Choice | None
    """Asked before `sections` are shown."""

    @property
    def choice(self) -> Choice | None:
        """The prediction."""
        return self.predict


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Item):
    """A challenge question."""

    style: str
    """conceptual, predict-output, model-choice, hyperparameter, metrics, ..."""
    answer: Choice
    hints: tuple[Prose, ...]
    seconds: int
    """Time allowed where there is a clock."""
    attempts: int

    @property
    def choice(self) -> Choice | None:
        """The question."""
        return self.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice(Item):
    """A question without a clock, with its solution step by step, and variants."""

    answer: Choice
    hints: tuple[Prose, ...]
    steps: tuple[Prose, ...]
    quick_check: Prose
    mistakes: tuple[Prose, ...]
    variants: Variants | None
    """How variants with other numbers are made, if there are any; `variants.make` makes them."""

    @property
    def choice(self) -> Choice | None:
        """The question."""
        return self.answer


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A further question of an interview, and its answer."""

    ask: str
    answer: Prose
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Interview(Item):
    """A question that is answered in one's own words."""

    short: Prose
    full: Prose
    follow_ups: tuple[FollowUp, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Myth(Item):
    """A belief, asked before it is corrected."""

    ask: Choice

    @property
    def choice(self) -> Choice | None:
        """The yes-or-no question."""
        return self.ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Pitfall(Item):
    """Code that shows a fault, and code that does not; both run."""

    wrong: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Item):
    """A claim, what is commonly said, and what was measured."""

    verdict: Verdict
    """Of the common claim."""
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Flash(Item):
    """A deck of flash cards that belong to no other item."""


AnyItem = Lesson | Question | Practice | Interview | Myth | Pitfall | Fact | Flash
