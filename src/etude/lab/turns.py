"""One question being answered, and several in a row: attempts, hints, and the server's clock.

Nothing here knows pages. Time comes from outside, in seconds of one clock.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from etude.errors import LabError


@dataclass(slots=True)
class Turn:
    """One question being answered."""

    attempts: int
    """Attempts that are left."""
    tried: list[str] = field(default_factory=list)
    """Letters that were tried."""
    hints: int = 0
    """Hints that were shown."""
    steps: int = 0
    """Steps of the solution that were shown."""
    solved: bool = False
    expired: bool = False
    deadline: float | None = None
    """When it is over; None where there is no clock, or it was not begun."""

    @property
    def over(self) -> bool:
        """Whether its key is spent: it may be shown now."""
        return self.solved or self.expired or self.attempts <= 0

    def begin(self, now: float, seconds: int | None) -> None:
        """Start its clock, unless it runs; and note that its time is up."""
        if self.deadline is None and seconds is not None and not self.over:
            self.deadline = now + seconds
        if self.deadline is not None and now >= self.deadline and not self.over:
            self.expired = True

    def left(self, now: float) -> int | None:
        """Give the whole seconds that are left; None without a clock."""
        return None if self.deadline is None else max(0, int(self.deadline - now + 0.999))

    def answer(self, letter: str, key: str, letters: Sequence[str]) -> None:
        """Take an answer; once it is over nothing changes any more.

        Raises:
            LabError: the letter is none of the options', or was tried.
        """
        if self.over:
            return
        if letter not in letters:
            raise LabError("an answer must be one of the options; choose one")
        if letter in self.tried:
            raise LabError(f"{letter} was tried already; choose another option")
        self.tried.append(letter)
        self.solved = letter == key
        self.attempts -= 1

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `as_dict` gave."""
        return cls(**data)


@dataclass(slots=True)
class Sitting:
    """Several questions in a row, each answered before the next."""

    kind: str
    """`challenge` or `placement`."""
    items: tuple[str, ...]
    turns: list[Turn]
    seconds: int | None
    """Time for each; None is no clock."""
    began: float
    ended: float | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))

    @property
    def at(self) -> int:
        """The place of the question that is to be answered; the number of questions at the end."""
        return next((n for n, turn in enumerate(self.turns) if not turn.over), len(self.turns))

    @property
    def over(self) -> bool:
        """Whether all are answered."""
        return self.at == len(self.turns)

    @property
    def solved(self) -> int:
        """How many are right."""
        return sum(turn.solved for turn in self.turns)

    @property
    def perfect(self) -> bool:
        """Whether all are right."""
        return self.solved == len(self.turns)

    def may_see(self, place: int) -> bool:
        """Whether a question's turn has come: all before it are answered."""
        return 0 <= place <= min(self.at, len(self.turns) - 1)

    def settle(self, now: float) -> None:
        """Note when the last question was answered."""
        if self.over and self.ended is None:
            self.ended = now

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `as_dict` gave."""
        turns = [Turn.from_dict(each) for each in data["turns"]]
        return cls(**{**data, "items": tuple(data["items"]), "turns": turns})


def sit(
    kind: str, items: Sequence[str], *, attempts: int, seconds: int | None, now: float
) -> Sitting:
    """Begin a sitting."""
    return Sitting(kind, tuple(items), [Turn(attempts) for _ in items], seconds, now)
