"""What a page may send: every number and text has its bounds, and is refused in one sentence."""

import math
from collections.abc import Mapping

from etude.errors import LabError

LONGEST_TEXT = 300
"""Characters of a strategy, a schedule, an answer in one line."""
MOST_STRATEGIES = 6
MOST_SEEDS = 5
FEWEST_UPDATES, MOST_UPDATES = 10, 5_000
MOST_WORK = 60_000
"""Updates of all runs of one experiment together: a minute or two on one core."""
MOST_BATCH = 4_096
MOST_BODY = 2_000_000
"""Bytes of a request: a log file is the largest thing that a page sends."""


def text(given: Mapping[str, str], name: str, *, most: int = LONGEST_TEXT, usual: str = "") -> str:
    """Read a text that is not too long.

    Raises:
        LabError: it is.
    """
    found = str(given.get(name, usual)).strip() or usual
    if len(found) > most:
        raise LabError(f"{name} must have at most {most} characters, got {len(found)}")
    return found


def whole(given: Mapping[str, str], name: str, *, least: int, most: int, usual: int) -> int:
    """Read a whole number within bounds.

    Raises:
        LabError: it is none, or outside of them.
    """
    found = text(given, name, most=20)
    if not found:
        return usual
    if not found.isascii() or not found.isdecimal() or not least <= int(found) <= most:
        raise LabError(f"{name} must be a whole number from {least} to {most:,}, got {found!r}")
    return int(found)


def real(given: Mapping[str, str], name: str, *, least: float, most: float) -> float | None:
    """Read a number within bounds; None where it is left out.

    Raises:
        LabError: it is none, or outside of them.
    """
    found = text(given, name, most=40)
    if not found:
        return None
    try:
        value = float(found)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise LabError(f"{name} must be a number from {least:g} to {most:g}, got {found!r}")
    return value


def no_code(words: str) -> str:
    """Give a schedule's or strategy's text, unless it names a Python function.

    Such a text imports a module; nothing that comes from a page may run code.

    Raises:
        LabError: it names one.
    """
    if "function" in words.lower():
        raise LabError("a schedule in the lab must be one of the families, not a Python function")
    return words
