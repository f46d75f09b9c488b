"""What every schedule is: a frozen value that gives the multiplier of update t.

A family of schedules is one pure function of t and a few numbers (its *rule*), and one frozen
dataclass that holds and checks those numbers. Scalars, arrays, tensors, the torch adapter and
exported source code all run that one function, so they agree to the last bit.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from functools import cache, partial
from numbers import Real
from typing import Any, ClassVar, Self, TypeVar, cast, get_type_hints, overload

import numpy as np
from numpy.typing import NDArray

from etude.errors import ScheduleError
from etude.schedules.options import Option, closest
from etude.schedules.units import MOST_UPDATES, Budget, Length, whole

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
class Family(Schedule):
    """A schedule given by one formula.

    A family with an end reaches its end value at t = length and holds it. An endless one, cut to
    a length, holds the value of its last update, so that a restart never lasts for ever.

    Attributes:
        kind: Its name in text and JSON.
        main: The field that the text form gives first and without its name.
    """

    kind: ClassVar[str]
    main: ClassVar[str] = "length"

    def __post_init__(self) -> None:
        """Bring each field into its one stored form, then check them together."""
        for name, option in options_of(type(self)).items():
            value = option.check(f"{self.kind} {name}", getattr(self, name))
            object.__setattr__(self, name, value)
        self.check_together()

    def check_together(self) -> None:
        """Refuse fields that contradict one another; nothing to refuse by default.

        Raises:
            ScheduleError: They do.
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
        options = options_of(type(self)).items()
        spans_known = all(option.bound(getattr(self, name)) for name, option in options)
        return spans_known and (self.length is not None or self.endless)

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
        values = {
            name: option.bind(getattr(self, name), run)
            for name, option in options_of(type(self)).items()
        }
        values["length"] = share if self.open else min(whole(exact), share)
        return type(self)(**values)

    def to_json(self) -> dict[str, Any]:
        """Give the kind and every field that differs from its default."""
        return {"kind": self.kind} | {
            name: option.plain(value) for name, option, value in self._given()
        }

    def __str__(self) -> str:
        """Write the kind, the main field, then `name=value` for what differs from its default."""
        given = {name: option.write(value) for name, option, value in self._given()}
        first = [given.pop(self.main)] if self.main in given else []
        return " ".join([self.kind, *first, *(f"{name}={text}" for name, text in given.items())])

    def _given(self) -> list[tuple[str, Option, Any]]:
        options = options_of(type(self))
        values = [(f.name, options[f.name], getattr(self, f.name), f.default) for f in fields(self)]
        return [(name, option, value) for name, option, value, usual in values if value != usual]


class Endless(Family):
    """A family whose formula needs no length; cut to one, it holds its last update's value."""

    __slots__ = ()

    @property
    def endless(self) -> bool:
        """Whether the formula needs no length: it does not."""
        return True


F = TypeVar("F", bound=Family)


def build(family: type[F], **values: Any) -> F:
    """Build a family from values as a user writes them; its fields check and convert them."""
    return family(**values)


def build_known(family: type[F], values: dict[str, Any]) -> F:
    """Build a family from named values that came from outside.

    Raises:
        ScheduleError: A field is unknown, missing or bad.
    """
    known = [f.name for f in fields(family)]
    for name in values:
        if name not in known:
            raise ScheduleError(f"{family.kind} has no {name!r}; {closest(name, known)}")
    missing = [name for name in required(family) if name not in values]
    if missing:
        raise ScheduleError(f"{family.kind} needs {' and '.join(missing)}")
    return family(**values)


@cache
def options_of(family: type[Family]) -> dict[str, Option]:
    """Give what each field of a family may hold."""
    hints = get_type_hints(family, include_extras=True)
    return {f.name: hints[f.name].__metadata__[0] for f in fields(family)}


def required(family: type[Family]) -> list[str]:
    """Give the fields without a default."""
    return [f.name for f in fields(family) if f.default is MISSING]


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
