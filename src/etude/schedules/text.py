"""Schedules from text: `warmup 5% -> cosine to 0.1`.

    schedule := product (("->" | ">>") product)*
    product  := atom ("*" atom)*
    atom     := number | name argument* | "(" schedule ")" window?
    window   := "[" number? ":" number? "]"
    argument := span | key=value | "to" value

The first bare arguments are the family's main field (most often its length); `to 0.1` is
`end=0.1`. A window takes a stretch, in updates, as Python's slices do. Writing is
`str(schedule)`. Every error shows the text and points at the character.
"""

import re
from collections.abc import Callable
from typing import Any, NoReturn

from etude.errors import ScheduleError
from etude.schedules.base import Schedule, build_known, options_of
from etude.schedules.codec import FAMILIES
from etude.schedules.compose import Product, Sequence
from etude.schedules.options import Knots, Option, Positions, closest
from etude.schedules.shapes import constant
from etude.schedules.units import NUMBER
from etude.schedules.warmups import WSD_OPTIONS, wsd

_WORD = re.compile(r"(?:(?!->|>>)[^\s()\[\]*])+")
_MORE = re.compile(r"[\d.](?:(?!->|>>)[^\s()\[\]*=])*")
_WINDOW = re.compile(r"\[\s*(\d*)\s*:\s*(\d*)\s*\]")
_ARROW = re.compile(r"->|>>")
_DEEPEST = 50
"""Brackets within brackets: more is a slip of the keyboard, and would exhaust the stack."""


def parse(text: str, start: int = 0) -> Schedule:
    """Read a schedule from text.

    Args:
        text: As `str(schedule)` writes it, or by hand: `warmup 5% -> cosine to 0.1`.
        start: Where in `text` the schedule begins; errors point into the whole text.

    Raises:
        ScheduleError: The text is no schedule; the message shows where and what was expected.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - users err
        raise ScheduleError(f"a schedule's text must be a string, got {text!r}")
    parser = Parser(text, start)
    schedule = parser.schedule()
    if parser.at < len(text):
        parser.fail("expected ->, * or the end here", parser.at)
    return schedule


class Parser:
    """Reads from left to right; `at` is the next character that was not read yet."""

    def __init__(self, text: str, start: int) -> None:
        self.text, self.at, self.depth = text, start, 0
        self.skip_space()

    def schedule(self) -> Schedule:
        """Read products with arrows between them."""
        begin, parts = self.at, [self.product()]
        while self.take(_ARROW):
            parts.append(self.product())
        return parts[0] if len(parts) == 1 else self.make(begin, lambda: Sequence(tuple(parts)))

    def product(self) -> Schedule:
        """Read atoms with stars between them."""
        begin, factors = self.at, [self.atom()]
        while self.factor_follows() and self.take("*"):
            factors.append(self.atom())
        if len(factors) == 1:
            return factors[0]
        return self.make(begin, lambda: Product(tuple(factors)))

    def factor_follows(self) -> bool:
        """Say whether a star here would be followed by a schedule; always so in a schedule."""
        return True

    def atom(self) -> Schedule:
        """Read a number, a family with its arguments, or a schedule in brackets."""
        begin = self.at
        if self.take("("):
            return self.bracket(begin)
        word = self.take(_WORD)
        if not word:
            self.fail("expected a schedule's name, a number or (", begin)
        if NUMBER.fullmatch(word):
            return self.make(begin, lambda: constant(float(word)))
        if word == "wsd":
            values = self.arguments(word, None, WSD_OPTIONS)
            return self.make(begin, lambda: wsd(**values))
        if word not in FAMILIES:
            self.fail(f"unknown schedule {word!r}; {closest(word, [*FAMILIES, 'wsd'])}", begin)
        family = FAMILIES[word]
        values = self.arguments(word, family.main, options_of(family))
        return self.make(begin, lambda: build_known(family, values))

    def bracket(self, begin: int) -> Schedule:
        """Read what follows an open bracket, and the one that closes it."""
        self.depth += 1
        if self.depth > _DEEPEST:
            self.fail(f"expected at most {_DEEPEST} open brackets", begin)
        inside = self.schedule()
        if not self.take(")"):
            self.fail("expected ) here", self.at)
        self.depth -= 1
        return self.window(inside, begin)

    def window(self, inside: Schedule, begin: int) -> Schedule:
        """Read the window `[2:5]` that may follow a schedule in brackets."""
        if not self.text.startswith("[", self.at):
            return inside
        bounds = _WINDOW.fullmatch(self.take(_WINDOW).strip())
        if bounds is None:
            self.fail("expected a window such as [2:5] here", self.at)
        start, stop = (int(bound) if bound else None for bound in bounds.groups())
        return self.make(begin, lambda: inside[start:stop])

    def arguments(self, name: str, main: str | None, options: dict[str, Option]) -> dict[str, Any]:
        """Read what follows a name, checked: bare values for `main`, `key=value`, `to value`."""
        values: dict[str, Any] = {}
        keep = self.at
        while word := self.take(_WORD):
            key, equals, written = word.partition("=")
            begin = keep + len(key) + 1
            if word == "to":
                key, begin, written = "end", self.at, self.take(_WORD)
            elif not equals and main is None:
                self.fail(f"{name} takes key=value: {', '.join(options)}", keep)
            elif not equals:
                key, begin, written = str(main), keep, self.bare(word, options[str(main)])
            if key not in options:
                self.fail(f"{name} has no {key!r}; {closest(key, list(options))}", keep)
            if key in values:
                self.fail(f"{name} has its {key} already", keep)
            values[key] = self.value(f"{name} {key}", options[key], written, begin)
            keep = self.at
        return values

    def bare(self, word: str, option: Option) -> str:
        """Read on where a field takes many values: `30% 60%`."""
        words, many = [word], isinstance(option, Positions | Knots)
        while many and (word := self.take(_MORE)):
            words.append(word)
        return " ".join(words)

    def value(self, label: str, option: Option, written: str, begin: int) -> Any:
        """Read one argument's value."""
        if not written:
            self.fail(f"expected a value for {label}", begin)
        return self.make(begin, lambda: option.check(label, option.read(written)))

    def make(self, begin: int, build: Callable[[], Any]) -> Any:
        """Build something; what it refuses is shown at the character where it begins."""
        try:
            return build()
        except ScheduleError as error:
            self.fail(str(error), begin)

    def take(self, wanted: str | re.Pattern[str]) -> str:
        """Read a token, if it is next, and the space after it; "" if it is not."""
        pattern = re.compile(re.escape(wanted)) if isinstance(wanted, str) else wanted
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        self.skip_space()
        return match.group()

    def skip_space(self) -> None:
        """Go to the next character that is no space."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def fail(self, why: str, at: int) -> NoReturn:
        """Raise the error that shows the text and points at a character."""
        shown = re.sub(r"\s", " ", self.text)
        raise ScheduleError(f"{why}\n  {shown}\n  {' ' * at}^") from None
