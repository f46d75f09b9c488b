"""What a rule is, and what it gives: a sign, from which a finding is made.

A rule is a module of `rules/`: its docstring is the manual page, `CODE` and `NAME` are stable for
ever, `REMEDY` and `REFUTED_BY` are sentences, and `look` gives a `Sign` or nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from etude.diagnosis.view import View
from etude.records import Finding, Level


@dataclass(frozen=True, slots=True)
class Sign:
    """What a rule saw."""

    message: str
    span: tuple[int, int]
    evidence: dict[str, float]
    level: Level = Level.WARNING


@dataclass(frozen=True, slots=True)
class Rule:
    """One question to a curve."""

    code: str
    name: str
    remedy: str
    refuted_by: str
    page: str
    """Its manual page: a title, then paragraphs."""
    look: Callable[[View], Sign | None]
    """Gives what is wrong with a run, or nothing."""


def rule(module: ModuleType) -> Rule:
    """Give the rule that a module is."""
    return Rule(
        code=module.CODE,
        name=module.NAME,
        remedy=module.REMEDY,
        refuted_by=module.REFUTED_BY,
        page=(module.__doc__ or "").strip(),
        look=module.look,
    )


def finding(asked: Rule, sign: Sign) -> Finding:
    """Make a finding of what a rule saw."""
    return Finding(
        code=asked.code,
        name=asked.name,
        level=sign.level,
        message=sign.message,
        span=sign.span,
        evidence={name: float(value) for name, value in sign.evidence.items()},
        remedy=asked.remedy,
        refuted_by=asked.refuted_by,
    )


def show(value: float) -> str:
    """Write a number with three digits."""
    return f"{value:.3g}"
