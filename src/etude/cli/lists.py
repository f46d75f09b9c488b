"""Reads what several commands take: lists, rates and seeds."""

import re


def split(lists: tuple[str, ...], *, everywhere: bool = False) -> list[str]:
    """Split at semicolons and commas, but leave the commas inside `multistep 30%,60%` alone."""
    comma = r"[;,]" if everywhere else r";|,\s*(?=[a-z(]|1-sqrt)"
    return [part.strip() for text in lists for part in re.split(comma, text) if part.strip()]


def number(text: str) -> float:
    """Read an lr."""
    from etude.errors import StrategyError

    try:
        return float(text)
    except ValueError:
        raise StrategyError(f"lr must be a finite number above 0, got lr={text!r}") from None


def read_seeds(text: str) -> int | list[int]:
    """Read how many seeds, or which."""
    from etude.errors import CompareError

    try:
        return [int(part) for part in text.split(",")] if "," in text else int(text)
    except ValueError:
        raise CompareError(f"seeds must be a count or a list such as 0,1,7, got {text!r}") from None


def whole_numbers(lists: tuple[str, ...]) -> list[int]:
    """Read batch sizes."""
    from etude.errors import CompareError

    try:
        return [int(part) for part in split(lists, everywhere=True)]
    except ValueError:
        raise CompareError(
            f"batch sizes must be whole numbers such as 16,64,256, got {','.join(lists)!r}"
        ) from None
