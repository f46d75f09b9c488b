"""What a rule gives: a sign, from which a finding is made.

A rule is a module of `rules/`: its docstring is the manual page, `CODE` and `NAME` are stable for
ever, `REMEDY` and `REFUTED_BY` are sentences, and `look` gives a `Sign` or nothing.
"""

from dataclasses import dataclass
from typing import Protocol

from etude.diagnosis.view import View
from etude.records import Finding, Level


@dataclass(frozen=True, slots=True)
class Sign:
    """What a rule saw."""

    message: str
    span: tuple[int, int]
    evidence: dict[str, float]
    level: Level = Level.WARNING


class Rule(Protocol):
    """A module of `rules/`."""

    CODE: str
    NAME: str
    REMEDY: str
    REFUTED_BY: str
    __doc__: str | None

    def look(self, view: View) -> Sign | None:
        """Give what is wrong with a run, or nothing."""
        ...


def finding(rule: Rule, sign: Sign) -> Finding:
    """Make a finding of what a rule saw."""
    return Finding(
        code=rule.CODE,
        name=rule.NAME,
        level=sign.level,
        message=sign.message,
        span=sign.span,
        evidence={name: float(value) for name, value in sign.evidence.items()},
        remedy=rule.REMEDY,
        refuted_by=rule.REFUTED_BY,
    )


def show(value: float) -> str:
    """Write a number with three digits."""
    return f"{value:.3g}"
