"""Lengths: people speak of percent, epochs, samples and tokens; a schedule counts updates.

The conversion happens once, in `bind`; after it every length is a whole number of updates.
Amounts are converted as the decimals that were written (5% of 30 is 1.5, not 1.4999…).
"""

import math
import re
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Decimal
from numbers import Integral, Real

from etude.errors import ScheduleError

MOST_UPDATES = 2**53
"""Beyond this a float64 no longer tells one update from the next."""

NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_SPAN = re.compile(rf"(?P<amount>{NUMBER.pattern})(?P<unit>%|ep|samples|tok)?")
_WANTED = '500 (updates), 0.05 or "5%" (of the run), "3ep", "2000samples" or "1e9tok"'


@dataclass(frozen=True, slots=True)
class Span:
    """An amount of training that `bind` turns into updates.

    Attributes:
        amount: Percent of the run, epochs, samples or tokens.
        unit: One of `%`, `ep`, `samples`, `tok`.
    """

    amount: float
    unit: str

    def __post_init__(self) -> None:
        """Refuse an amount or a unit that means nothing."""
        if self.unit not in {"%", "ep", "samples", "tok"}:
            raise ScheduleError(f"a unit must be %, ep, samples or tok, got {self.unit!r}")
        if not (math.isfinite(self.amount) and self.amount >= 0):
            raise ScheduleError(f"an amount must be a finite number >= 0, got {self.amount}")
        if self.unit == "%" and self.amount > 100:  # noqa: PLR2004 - a percentage
            raise ScheduleError(f"a fraction of the run must be at most 100%, got {self}")
        object.__setattr__(self, "amount", float(self.amount))

    def __str__(self) -> str:
        """Write the span as `parse` reads it."""
        return number_text(self.amount) + self.unit


Length = int | Span | None
"""A span of training: updates, or a `Span`, or None for what the run leaves."""
SpanLike = int | float | str | Span
"""What a user may write for a span."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long the run is, and what one update is worth.

    Attributes:
        total: Updates of the whole run.
        epoch: Updates per epoch.
        batch_size: Samples per update.
        tokens: Tokens per update.
    """

    total: int
    epoch: float | None = None
    batch_size: float | None = None
    tokens: float | None = None

    def __post_init__(self) -> None:
        """Refuse a run without updates and an update without worth."""
        total = self.total
        if isinstance(total, bool) or not isinstance(total, Integral) or total < 1:
            raise ScheduleError(f"a run must have a whole number >= 1 of updates, got {total!r}")
        object.__setattr__(self, "total", int(total))
        for field in fields(self)[1:]:
            worth: float | None = getattr(self, field.name)
            if worth is not None and not (math.isfinite(worth) and worth > 0):
                raise ScheduleError(f"{field.name} must be a finite number > 0, got {worth}")

    def exact(self, length: int | Span) -> Decimal:
        """Give the updates of a length, before rounding."""
        if isinstance(length, int):
            return Decimal(length)
        amount = Decimal(repr(length.amount))
        if length.unit == "%":
            return amount * self.total / 100
        if length.unit == "ep":
            return amount * self._worth(length, "epoch", "updates per epoch")
        if length.unit == "samples":
            return amount / self._worth(length, "batch_size", "samples per update")
        return amount / self._worth(length, "tokens", "tokens per update")

    def updates(self, length: int | Span) -> int:
        """Give the whole updates of a length."""
        return whole(self.exact(length))

    def _worth(self, length: Span, name: str, meaning: str) -> Decimal:
        worth: float | None = getattr(self, name)
        if worth is None:
            raise ScheduleError(
                f"{length} needs to know the {meaning}: call .bind(total, {name}=...)"
            )
        return Decimal(repr(float(worth)))


def whole(exact: Decimal) -> int:
    """Round half up to whole updates; anything above 0 is at least one update."""
    return max(int(exact.to_integral_value(ROUND_HALF_UP)), int(exact > 0))


def read_span(label: str, value: object, *, zero: bool = False) -> int | Span:
    """Read a span as a user may write it.

    Args:
        label: What the span is, for the error: `cosine length`.
        value: Updates (int), a fraction of the run (float in (0, 1]), a `Span`, or text.
        zero: Whether 0 is allowed, as for a position in the run.

    Raises:
        ScheduleError: The value is no span.
    """
    found = _span_of_text(value.strip()) if isinstance(value, str) else _span_of_number(value)
    amount = found.amount if isinstance(found, Span) else found
    if found is None or not (0 if zero else 1e-300) <= (amount or 0) <= MOST_UPDATES:
        least = ">= 0" if zero else "> 0"
        raise ScheduleError(f"{label} must be a span {least} such as {_WANTED}; got {value!r}")
    return found


def _span_of_text(text: str) -> int | Span | None:
    match = _SPAN.fullmatch(text)
    if match is None:
        return None
    if match["unit"] is not None:
        return _span_or_none(float(match["amount"]), match["unit"])
    return int(text) if text.isdecimal() else _span_of_number(float(text))


def _span_of_number(value: object) -> int | Span | None:
    if isinstance(value, Span):
        return value
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Integral):
        return int(value)
    fraction = float(value)
    if not 0 <= fraction <= 1:
        return None
    return Span(float(Decimal(repr(fraction)).scaleb(2)), "%")


def _span_or_none(amount: float, unit: str) -> Span | None:
    if not math.isfinite(amount) or (unit == "%" and amount > 100):  # noqa: PLR2004 - percent
        return None
    return Span(amount, unit)


def number_text(value: float) -> str:
    """Write a number as short as reading it back exactly allows: 0.1, 500, 1e-5, 1e9."""
    short = f"{value:g}"
    text = short if float(short) == value else repr(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}{e}{int(exponent)}" if e else mantissa
