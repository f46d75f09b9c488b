"""Variants of a practice question as data: which numbers change, and how the key is computed.

Nobody types a key here. A variant is made by drawing one value for each name in `choose`, putting
them into the templates as `{name}`, and asking the engine which option is right.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from etude.curriculum.experiments import RUN_MEASURES, Count
from etude.curriculum.plain_yaml import Strict

Choices = dict[str, tuple[float | str, ...]]


class Contender(Strict):
    """A strategy that is one option."""

    strategy: str
    text: str = ""
    """What the option says; empty shows the strategy."""


class Statement(Strict):
    """A sentence about the run that is one option."""

    text: str
    measure: str
    below: float | None = None
    above: float | None = None
    between: tuple[float, float] | None = None
    outcome: str | None = None


class Variants(Strict):
    """How a question's variants are made. Exactly one of the three ways.

    - `strategies`: which of them ends best by `measure`?
    - `code`: what does it print? The wrong options are what `others` print.
    - `strategy` and `statements`: which statement about its run holds?
    """

    choose: Choices
    ask: str
    task: str = ""
    updates: Count = 200
    seeds: Annotated[int, Field(ge=1, le=50)] = 3
    measure: str = "final_loss"
    want: Literal["lowest", "highest"] = "lowest"
    strategies: tuple[Contender, ...] = ()
    strategy: str = ""
    statements: tuple[Statement, ...] = ()
    code: str = ""
    others: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return math.prod(len(values) for values in self.choose.values())

    def values(self, number: int) -> dict[str, float | str]:
        """Give the values of one variant; numbers beyond the last begin again."""
        found: dict[str, float | str] = {}
        left = number % self.count
        for name, values in self.choose.items():
            left, place = divmod(left, len(values))
            found[name] = values[place]
        return found

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        ways = [bool(self.strategies), bool(self.code), bool(self.strategy and self.statements)]
        if sum(ways) != 1:
            raise ValueError("give strategies, or code and others, or strategy and statements")
        if not self.code and not self.task:
            raise ValueError("task is missing")
        if self.code and not self.others:
            raise ValueError("others is missing: code whose output are the wrong options")
        for measure in (self.measure, *(each.measure for each in self.statements)):
            if measure not in RUN_MEASURES:
                known = ", ".join(RUN_MEASURES)
                raise ValueError(f"unknown measure {measure!r}; allowed: {known}")
        return self


def fill(template: str, values: dict[str, float | str]) -> str:
    """Put values into a template: `{name}` only, so that other braces may stay."""
    for name, value in values.items():
        shown = value if isinstance(value, str) else f"{value:.6g}"
        template = template.replace("{" + name + "}", shown)
    return template
