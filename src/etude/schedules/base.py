"""What every schedule is: a frozen value that gives the multiplier of update t.

A family of schedules is one pure function of t and a few numbers (its *rule*), and one frozen
dataclass that holds and checks those numbers. Scalars, arrays, tensors, the torch adapter and
exported source code all run that one function, so they agree to the last bit.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import Any, Self, cast, overload

import numpy as np
from numpy.typing import NDArray

from etude.errors import ScheduleError
from etude.schedules.described import Described, build, build_known, options_of
from etude.schedules.units import MOST_UPDATES, Budget, Length, whole

__all__ = [
    "Endless",
    "Family",
    "Law",
    "Scalar",
    "Schedule",
    "build",
    "build_known",
    "longer",
    "options_of",
]

Scalar = Callable[[float], float]
"""From an update's index t to its multiplier."""


class Schedule(ABC):
    """A multiplier of the peak lr as a pure function of the update index t, from 0.

    After its end a schedule holds its last value.

    Attributes:
        length: Updates it spans, or a `Span` that `bind` turns into updates, or None: it takes
            what the run leaves (or is made of parts whose sum is known once bound).
    """

    __slots__ = ()
    __array_ufunc__ = None  # numpy's numbers leave `2 * schedule` to __rmul__
    __iter__ = None  # it can be sliced, and is no sequence of values all the same
    length: Length

    @property
    @abstractmethod
    def bound(self) -> bool:
        """Whether it can be evaluated without (another) `bind`."""

    @property
    @abstractmethod
    def open(self) -> bool:
        """Whether it takes what the run leaves."""

    @property
    @abstractmethod
    def label(self) -> str:
        """Its kind, for error messages."""

    @abstractmethod
    def rule(self) -> Scalar:
        """Give the bound schedule as a function of one number, without checks.

        Raises:
            ScheduleError: It needs `bind` first.
        """

    @abstractmethod
    def exact(self, run: Budget) -> Decimal:
        """Give the updates it spans before rounding; 0 when it is open."""

    @abstractmethod
    def fit(self, run: Budget, share: int) -> Self:
        """Bind it to its share of the run, in updates.

        Raises:
            ScheduleError: It is longer than its share.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Give it as a dictionary that JSON can hold and `from_json` reads.

        Raises:
            ScheduleError: It holds a function that no module has under a name.
        """

    @abstractmethod
    def __str__(self) -> str:
        """Write it as text that `parse` reads.

        Raises:
            ScheduleError: It holds a function that no module has under a name.
        """

    def bind(
        self,
        total: int,
        *,
        epoch: float | None = None,
        batch_size: float | None = None,
        tokens: float | None = None,
    ) -> Self:
        """Turn every length into updates of a run; what is open takes what is left.

        Args:
            total: Updates of the whole run; fractions are always of the whole run.
            epoch: Updates per epoch, where a length counts epochs.
            batch_size: Samples per update, where a length counts samples.
            tokens: Tokens per update, where a length counts tokens.

        Raises:
            ScheduleError: It does not fit in the run, or a unit's worth is not given.
        """
        run = Budget(total, epoch, batch_size, tokens)
        return self.fit(run, run.total)

    @overload
    def __call__(self, t: float) -> float: ...
    @overload
    def __call__(self, t: NDArray[Any]) -> NDArray[np.float64]: ...
    def __call__(self, t: Any) -> Any:
        """Give the multiplier of update t.

        Args:
            t: One index from 0, a numpy array [...] or a torch tensor [...] of them.

        Returns:
            A float, or float64 values [...] of the same shape (and device).

        Raises:
            ScheduleError: t is negative, nan or no number; or the schedule needs `bind` first.
        """
        at = partial(_multiplier, self.rule())
        if isinstance(t, Real):
            return at(float(t))
        if isinstance(t, np.ndarray):
            array = cast("NDArray[Any]", t).astype(np.float64)
            return np.array([at(u) for u in array.ravel().tolist()]).reshape(array.shape)
        if hasattr(t, "new_tensor"):  # a torch tensor, recognised without importing torch
            double = t.detach().double()
            values = [at(u) for u in double.flatten().tolist()]
            return double.new_tensor(values).reshape(t.shape)
        raise ScheduleError(f"t must be a number, a numpy array or a torch tensor, got {t!r}")

    def source(self, name: str = "multiplier") -> str:
        """Write the bound schedule as plain Python that defines `name(t)`.

        The code is this schedule's own rules with its numbers, so it gives the same values to
        the last bit. It needs nothing but the standard library.

        Raises:
            ScheduleError: It needs `bind` first, or holds a function without a name.
        """
        from etude.schedules.export import write_source  # that module is built on this class

        return write_source(self, name)

    def __rshift__(self, other: "Schedule") -> "Schedule":
        """Run `other` after this one."""
        from etude.schedules.compose import in_sequence  # that module is built on this class

        return in_sequence(self, other)

    def __mul__(self, other: "Schedule | float") -> "Schedule":
        """Multiply with another schedule or a number, update by update."""
        from etude.schedules.compose import in_product

        return in_product(self, other)

    def __rmul__(self, other: float) -> "Schedule":
        """Multiply with a number."""
        from etude.schedules.compose import in_product

        return in_product(other, self)

    def __getitem__(self, part: slice) -> "Schedule":
        """Take the part from update `start` on, up to `stop`: `schedule[2:5]`."""
        from etude.schedules.compose import in_window

        return in_window(self, part)


@dataclass(frozen=True, slots=True)
class Law:
    """A family's rule with one schedule's numbers: `function(min(t, until), **numbers)`.

    Attributes:
        function: The family's pure function.
        numbers: Its keyword arguments.
        until: Where the value is held from; None when it never ends.
    """

    function: Callable[..., float]
    numbers: dict[str, Any]
    until: float | None

    def rule(self) -> Scalar:
        """Give the function of t alone."""
        function, numbers, until = self.function, self.numbers, self.until
        if until is None:
            return partial(function, **numbers)
        return lambda t: function(min(t, until), **numbers)


@dataclass(frozen=True, slots=True)
class Family(Described, Schedule):
    """A schedule given by one formula.

    A family with an end reaches its end value at t = length and holds it. An endless one, cut to
    a length, holds the value of its last update, so that a restart never lasts for ever.
    """

    @property
    def endless(self) -> bool:
        """Whether the formula needs no length."""
        return False

    @abstractmethod
    def law(self) -> Law:
        """Give the formula with this schedule's numbers; called on a bound schedule."""

    @property
    def updates(self) -> int | None:
        """Its length, where that counts updates."""
        return self.length if isinstance(self.length, int) else None

    @property
    def last(self) -> int | None:
        """Index of its last update; None when it has no length."""
        return None if self.updates is None else self.updates - 1

    @property
    def bound(self) -> bool:
        """Whether all spans count updates and a length that the formula needs is there."""
        return self.spans_known and (self.length is not None or self.endless)

    @property
    def open(self) -> bool:
        """Whether it has no length of its own."""
        return self.length is None

    @property
    def label(self) -> str:
        """Its kind."""
        return self.kind

    def rule(self) -> Scalar:
        """Give the formula as a function of t alone."""
        if not self.bound:
            raise ScheduleError(f"{self.kind} does not know its updates yet: call .bind(total)")
        return self.law().rule()

    def exact(self, run: Budget) -> Decimal:
        """Give the updates it spans before rounding; 0 when it is open."""
        return Decimal(0) if self.length is None else run.exact(self.length)

    def fit(self, run: Budget, share: int) -> Self:
        """Bind every span; the length is at most the share."""
        exact = self.exact(run)
        if exact >= share + 1:  # less than one update over is rounding, settled by a sequence
            raise longer(self.label, whole(exact), share)
        values = self.values_for(run)
        values["length"] = share if self.open else min(whole(exact), share)
        return type(self)(**values)


class Endless(Family):
    """A family whose formula needs no length; cut to one, it holds its last update's value."""

    __slots__ = ()

    @property
    def endless(self) -> bool:
        """Whether the formula needs no length: it does not."""
        return True


def longer(label: str, needs: int, has: int) -> ScheduleError:
    """Give the error of a schedule that is longer than its run."""
    return ScheduleError(
        f"{label} needs at least {needs} updates, the run has {has}; "
        "give the run more updates or shorten the schedule"
    )


def _multiplier(rule: Scalar, t: float) -> float:
    if not 0 <= t <= MOST_UPDATES:
        raise ScheduleError(f"t must be an update's index from 0 to 2**53, got {t!r}")
    value = rule(t)
    if not (value >= 0 and math.isfinite(value)):
        raise ScheduleError(f"a multiplier must be finite and >= 0, got {value!r} at t = {t:g}")
    return value
