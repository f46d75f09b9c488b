"""What a family's fields may hold: one small class per kind of value.

A field names its option once, in its type (`end: NotNegative = 0.0`); checking, binding, JSON
and text all follow from it, so a new family writes none of them.
"""

import math
from abc import ABC, abstractmethod
from difflib import get_close_matches
from numbers import Real
from typing import Annotated, Any, cast

from etude.errors import ScheduleError
from etude.schedules.units import NUMBER, Budget, Length, Span, number_text, read_span


class Option(ABC):
    """What one field may hold, and how it is checked, bound, written and read."""

    @abstractmethod
    def check(self, label: str, value: Any) -> Any:
        """Give the value in its one stored form, or raise a `ScheduleError` that names `label`."""

    def bind(self, value: Any, run: Budget) -> Any:  # noqa: ARG002 - only spans need the run
        """Give the value with its spans turned into updates."""
        return value

    def bound(self, value: Any) -> bool:  # noqa: ARG002 - only spans can be unbound
        """Say whether the value holds no span that waits for `bind`."""
        return True

    def plain(self, value: Any) -> Any:
        """Give the value as JSON holds it."""
        return value

    def write(self, value: Any) -> str:
        """Give the value as text."""
        return str(self.plain(value))

    def read(self, words: str) -> Any:
        """Give what `check` takes from text, or raise a `ScheduleError`."""
        return words


class Number(Option):
    """A finite number within bounds, stored as a float."""

    def __init__(
        self,
        *,
        least: float = -math.inf,
        above: float = -math.inf,
        most: float = math.inf,
        optional: bool = False,
    ) -> None:
        """Keep the bounds: `least` and `most` are allowed, `above` is not."""
        self.least, self.above, self.most, self.optional = least, above, most, optional

    def check(self, label: str, value: Any) -> float | None:
        """Give a float."""
        if value is None and self.optional:
            return None
        if isinstance(value, bool) or not isinstance(value, Real) or not self._holds(float(value)):
            raise ScheduleError(f"{label} must be a finite number {self._bounds()}, got {value!r}")
        return float(value)

    def write(self, value: float) -> str:
        """Give the shortest text that reads back exactly."""
        return number_text(value)

    def read(self, words: str) -> float:
        """Read a number; `10%` is 0.1."""
        digits = words.removesuffix("%")
        if NUMBER.fullmatch(digits.removeprefix("-")) is None:
            raise ScheduleError(f"expected a number, got {words!r}")
        return float(digits) / 100 if words.endswith("%") else float(digits)

    def _holds(self, value: float) -> bool:
        return self.least <= value <= self.most and value > self.above and math.isfinite(value)

    def _bounds(self) -> str:
        low = f"> {self.above:g}" if self.above > self.least else f">= {self.least:g}"
        return low if math.isinf(self.most) else f"{low} and <= {self.most:g}"


class Count(Option):
    """A whole number from `least` on."""

    def __init__(self, *, least: int = 0) -> None:
        """Keep the bound."""
        self.least = least

    def check(self, label: str, value: Any) -> int:
        """Give an int; `10.0` is 10, as text reads it."""
        number = -1 if isinstance(value, bool) or not isinstance(value, Real) else float(value)
        if not (number == number // 1 and number >= self.least):
            raise ScheduleError(f"{label} must be a whole number >= {self.least}, got {value!r}")
        return int(number)

    def read(self, words: str) -> float:
        """Read a number, which `check` wants whole."""
        return Number().read(words)


class Choice(Option):
    """One of a few words."""

    def __init__(self, *names: str) -> None:
        """Keep the words."""
        self.names = names

    def check(self, label: str, value: Any) -> str:
        """Give the word."""
        if value not in self.names:
            raise ScheduleError(f"{label} must be one of {', '.join(self.names)}; got {value!r}")
        return value


class Flag(Option):
    """True or false."""

    def check(self, label: str, value: Any) -> bool:
        """Give the bool."""
        if not isinstance(value, bool):
            raise ScheduleError(f"{label} must be true or false, got {value!r}")
        return value

    def write(self, value: bool) -> str:
        """Give `true` or `false`."""
        return str(value).lower()

    def read(self, words: str) -> bool:
        """Read `true` or `false`."""
        if words not in {"true", "false"}:
            raise ScheduleError(f"expected true or false, got {words!r}")
        return words == "true"


class Stretch(Option):
    """A span of training; None where it may be left open."""

    def __init__(self, *, optional: bool = False) -> None:
        """Keep whether None is allowed."""
        self.optional = optional

    def check(self, label: str, value: Any) -> Length:
        """Give updates or a `Span`."""
        return None if value is None and self.optional else read_span(label, value)

    def bind(self, value: Length, run: Budget) -> int | None:
        """Give updates."""
        return None if value is None else run.updates(value)

    def bound(self, value: Length) -> bool:
        """Say whether the span counts updates."""
        return not isinstance(value, Span)

    def plain(self, value: Length) -> int | str | None:
        """Give updates as a number, other units as text."""
        return str(value) if isinstance(value, Span) else value


class Positions(Option):
    """Spans from the start of the part, in order, at least one."""

    def check(self, label: str, value: Any) -> tuple[int | Span, ...]:
        """Give a tuple of spans."""
        many = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
        spans = tuple(read_span(label, item) for item in many)
        if not spans:
            raise ScheduleError(f"{label} must hold at least one position, got none")
        check_order(label, spans)
        return spans

    def bind(self, value: tuple[int | Span, ...], run: Budget) -> tuple[int, ...]:
        """Give updates."""
        return tuple(run.updates(span) for span in value)

    def bound(self, value: tuple[int | Span, ...]) -> bool:
        """Say whether all count updates."""
        return not any(isinstance(span, Span) for span in value)

    def plain(self, value: tuple[int | Span, ...]) -> list[int | str]:
        """Give a list of numbers and text."""
        return [str(span) if isinstance(span, Span) else span for span in value]

    def write(self, value: tuple[int | Span, ...]) -> str:
        """Give `30%,60%`."""
        return ",".join(map(str, value))

    def read(self, words: str) -> list[str]:
        """Read `30%,60%` or `30% 60%`."""
        return words.replace(",", " ").split()


_HEIGHT = Number(least=0.0)


class Knots(Option):
    """Pairs of a position and a multiplier, in order, at least two."""

    def check(self, label: str, value: Any) -> tuple[tuple[int | Span, float], ...]:
        """Give a tuple of pairs."""
        wanted = f"{label} must be at least two pairs (position, multiplier), got {value!r}"
        if not isinstance(value, list | tuple):
            raise ScheduleError(wanted)
        pairs = cast("list[Any]", value)
        if len(pairs) < 2 or not all(map(_is_pair, pairs)):  # noqa: PLR2004 - two points, a line
            raise ScheduleError(wanted)
        knots = tuple(
            (read_span(f"{label} position", at, zero=True), _height(f"{label} value", height))
            for at, height in pairs
        )
        check_order(label, tuple(at for at, _ in knots))
        return knots

    def bind(
        self, value: tuple[tuple[int | Span, float], ...], run: Budget
    ) -> tuple[tuple[int, float], ...]:
        """Give positions in updates."""
        return tuple((run.updates(at), height) for at, height in value)

    def bound(self, value: tuple[tuple[int | Span, float], ...]) -> bool:
        """Say whether all positions count updates."""
        return not any(isinstance(at, Span) for at, _ in value)

    def plain(self, value: tuple[tuple[int | Span, float], ...]) -> list[list[Any]]:
        """Give a list of pairs."""
        return [[str(at) if isinstance(at, Span) else at, height] for at, height in value]

    def write(self, value: tuple[tuple[int | Span, float], ...]) -> str:
        """Give `0:0.1,50%:1`."""
        return ",".join(f"{at}:{number_text(height)}" for at, height in value)

    def read(self, words: str) -> list[list[Any]]:
        """Read `0:0.1,50%:1` or `0:0.1 50%:1`."""
        pairs = [word.partition(":") for word in words.replace(",", " ").split()]
        if not all(colon for _, colon, _ in pairs):
            raise ScheduleError(f"expected points as 0:0.1,50%:1, got {words!r}")
        return [[at, _HEIGHT.read(height)] for at, _, height in pairs]


def _height(label: str, value: Any) -> float:
    return cast("float", _HEIGHT.check(label, value))


def _is_pair(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(cast("list[Any]", item)) == 2  # noqa: PLR2004


def check_order(label: str, spans: tuple[int | Span, ...]) -> None:
    """Refuse spans of one unit that are not in order; units mix only once bound."""
    by_unit: dict[str, float] = {}
    for span in spans:
        unit, amount = (span.unit, span.amount) if isinstance(span, Span) else ("", span)
        if amount < by_unit.get(unit, 0.0):
            raise ScheduleError(f"{label} must be in order, got {', '.join(map(str, spans))}")
        by_unit[unit] = amount


NotNegative = Annotated[float, Number(least=0.0)]
Positive = Annotated[float, Number(above=0.0)]
Factor = Annotated[float, Number(above=0.0, most=1.0)]
Fraction = Annotated[float, Number(least=0.0, most=1.0)]
MaybeFraction = Annotated[float | None, Number(least=0.0, most=1.0, optional=True)]
Given = Annotated[Length, Stretch()]
"""A span that must be given."""
Open = Annotated[Length, Stretch(optional=True)]
"""A span that may be left out."""


def closest(word: str, known: list[str]) -> str:
    """Give the hint for a word that is not known: the closest one, or all of them."""
    near = get_close_matches(word, known, n=1, cutoff=0.7)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
