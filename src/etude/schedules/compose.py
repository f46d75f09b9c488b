"""Schedules made of schedules: one after another, multiplied, and a stretch of one (`a[2:5]`)."""

from bisect import bisect_right
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate
from numbers import Real
from typing import Any, Self, cast

from etude.errors import ScheduleError
from etude.schedules.base import Scalar, Schedule, longer
from etude.schedules.shapes import Constant
from etude.schedules.units import Budget, Length, number_text, whole


@dataclass(frozen=True, slots=True)
class Sequence(Schedule):
    """Schedules one after another; each counts t from its own start. Build one with `a >> b`.

    At most one part may leave its length open; it takes what the others leave of the run.
    """

    parts: tuple[Schedule, ...]
    length: Length = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Flatten nested sequences; refuse too few parts and two that are open."""
        object.__setattr__(self, "parts", _flat(Sequence, "parts", self.parts))
        opened = [part.label for part in self.parts if part.open]
        if len(opened) > 1:
            raise ScheduleError(
                f"only one part of a sequence may leave its length open, got {len(opened)}: "
                f"{', '.join(opened)}; give the others a length"
            )
        lengths = [part.length for part in self.parts if isinstance(part.length, int)]
        known = len(lengths) == len(self.parts)
        object.__setattr__(self, "length", sum(lengths) if known else None)

    @property
    def bound(self) -> bool:
        """Whether each part can be evaluated and all but the last know their updates."""
        ends_known = all(isinstance(part.length, int) for part in self.parts[:-1])
        return ends_known and all(part.bound for part in self.parts)

    @property
    def open(self) -> bool:
        """Whether one part takes what the run leaves."""
        return any(part.open for part in self.parts)

    @property
    def label(self) -> str:
        """Its parts' kinds."""
        return " -> ".join(part.label for part in self.parts)

    @property
    def starts(self) -> list[int]:
        """The update at which each part starts; of a bound sequence."""
        lengths = [part.length for part in self.parts[:-1] if isinstance(part.length, int)]
        return list(accumulate(lengths, initial=0))

    def rule(self) -> Scalar:
        """Give the sequence as a function of t alone."""
        if not self.bound:
            raise ScheduleError(f"{self.label} does not know its updates yet: call .bind(total)")
        starts, rules = self.starts, [part.rule() for part in self.parts]

        def at(t: float) -> float:
            index = bisect_right(starts, t) - 1
            return rules[index](t - starts[index])

        return at

    def exact(self, run: Budget) -> Decimal:
        """Give the sum of what its parts span before rounding."""
        return sum((part.exact(run) for part in self.parts), Decimal(0))

    def fit(self, run: Budget, share: int) -> Self:
        """Give each part its length and the open one the rest of the share."""
        lengths = self._lengths(run, share)
        needs = sum(max(length, 1) for length in lengths)
        if needs > share:
            raise longer(self.label, needs, share)
        rest = share - sum(lengths)
        shares = [
            rest if part.open else length for part, length in zip(self.parts, lengths, strict=True)
        ]
        return type(self)(
            tuple(part.fit(run, share) for part, share in zip(self.parts, shares, strict=True))
        )

    def _lengths(self, run: Budget, share: int) -> list[int]:
        exact = [part.exact(run) for part in self.parts]
        lengths = [whole(length) for length in exact]
        # two halves of 5 updates would round to 3 + 3: what only rounding added goes again
        while sum(lengths) > share >= sum(exact):
            added = [n - e if n > 1 else 0 for n, e in zip(lengths, exact, strict=True)]
            if max(added) <= 0:
                break
            lengths[added.index(max(added))] -= 1
        return lengths

    def to_json(self) -> dict[str, Any]:
        """Give `{"kind": "sequence", "parts": [...]}`."""
        return {"kind": "sequence", "parts": [part.to_json() for part in self.parts]}

    def __str__(self) -> str:
        """Write the parts with arrows between them."""
        return " -> ".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class Product(Schedule):
    """Schedules multiplied update by update, from left to right. Build one with `a * b`.

    All factors start together and share one stretch of the run; a plain number has no length.
    """

    factors: tuple[Schedule, ...]
    length: Length = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Flatten nested products; refuse too few factors."""
        object.__setattr__(self, "factors", _flat(Product, "factors", self.factors))
        lengths = {factor.length for factor in self._timed()}
        numbers = [length for length in lengths if isinstance(length, int)]
        longest = max(numbers) if len(numbers) == len(lengths) else None
        object.__setattr__(self, "length", lengths.pop() if len(lengths) == 1 else longest)

    @property
    def bound(self) -> bool:
        """Whether each factor can be evaluated."""
        return all(factor.bound for factor in self.factors)

    @property
    def open(self) -> bool:
        """Whether a factor other than a plain number takes what the run leaves."""
        return any(factor.open for factor in self._timed())

    @property
    def label(self) -> str:
        """Its factors' kinds."""
        return " * ".join(factor.label for factor in self.factors)

    def rule(self) -> Scalar:
        """Give the product as a function of t alone."""
        first, *others = [factor.rule() for factor in self.factors]

        def at(t: float) -> float:
            value = first(t)
            for other in others:
                value *= other(t)
            return value

        return at

    def exact(self, run: Budget) -> Decimal:
        """Give what its longest factor spans before rounding; 0 when it is open."""
        if self.open:
            return Decimal(0)
        return max(factor.exact(run) for factor in self.factors)

    def fit(self, run: Budget, share: int) -> Self:
        """Bind each factor to the same share; plain numbers stay as they are."""
        timed = self._timed()
        return type(self)(
            tuple(
                factor.fit(run, share) if any(factor is t for t in timed) else factor
                for factor in self.factors
            )
        )

    def to_json(self) -> dict[str, Any]:
        """Give `{"kind": "product", "factors": [...]}`."""
        return {"kind": "product", "factors": [factor.to_json() for factor in self.factors]}

    def __str__(self) -> str:
        """Write the factors with stars between them."""
        return " * ".join(map(_factor_text, self.factors))

    def _timed(self) -> tuple[Schedule, ...]:
        timed = tuple(factor for factor in self.factors if not is_number(factor))
        return timed or self.factors


@dataclass(frozen=True, slots=True)
class Window(Schedule):
    """A bound schedule from update `start` on, up to update `stop`. Build one with `a[2:5]`.

    After `stop` it holds the value of the update before it. Without `stop` it is open.
    """

    of: Schedule
    start: int = 0
    stop: int | None = None
    length: Length = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse an empty window and one of an unbound schedule."""
        if not self.of.bound:
            raise ScheduleError(f"{self.of.label} must be bound before a part of it is taken")
        if self.start < 0 or (self.stop is not None and self.stop <= self.start):
            raise ScheduleError(f"a window must have 0 <= start < stop, got {self._bounds()}")
        object.__setattr__(self, "length", None if self.stop is None else self.stop - self.start)

    @property
    def bound(self) -> bool:
        """Whether it can be evaluated: it can."""
        return True

    @property
    def open(self) -> bool:
        """Whether it takes what the run leaves."""
        return self.stop is None

    @property
    def label(self) -> str:
        """Its schedule's kind with the bounds."""
        return f"({self.of.label}){self._bounds()}"

    def rule(self) -> Scalar:
        """Give the part as a function of t alone."""
        inner, start, stop = self.of.rule(), self.start, self.stop
        if stop is None:
            return lambda t: inner(t + start)
        return lambda t: inner(min(t + start, stop - 1))

    def exact(self, run: Budget) -> Decimal:  # noqa: ARG002 - it counts updates
        """Give the updates it spans; 0 when it is open."""
        return Decimal(0) if self.stop is None else Decimal(self.stop - self.start)

    def fit(self, run: Budget, share: int) -> Self:
        """End an open window after its share."""
        if self.exact(run) > share:
            raise longer(self.label, int(self.exact(run)), share)
        return type(self)(self.of, self.start, self.stop or self.start + share)

    def to_json(self) -> dict[str, Any]:
        """Give `{"kind": "window", "of": ..., "start": ..., "stop": ...}`."""
        bounds = {"start": self.start, "stop": self.stop}
        return {"kind": "window", "of": self.of.to_json()} | bounds

    def __str__(self) -> str:
        """Write the schedule in brackets with the bounds."""
        return f"({self.of}){self._bounds()}"

    def _bounds(self) -> str:
        return f"[{self.start or ''}:{'' if self.stop is None else self.stop}]"


def is_number(schedule: Schedule) -> bool:
    """Say whether a schedule is a plain number: a constant without a length."""
    return isinstance(schedule, Constant) and schedule.length is None


def in_sequence(first: Schedule, then: Any) -> Any:
    """Give `first >> then`."""
    return Sequence((first, then)) if isinstance(then, Schedule) else NotImplemented


def in_product(left: Any, right: Any) -> Any:
    """Give `left * right`, where one of them may be a number."""
    if not isinstance(left, Schedule | Real) or not isinstance(right, Schedule | Real):
        return NotImplemented
    pair = [x if isinstance(x, Schedule) else Constant(cast("float", x)) for x in (left, right)]
    return Product(tuple(pair))


def in_window(schedule: Schedule, part: Any) -> Window:
    """Give `schedule[start:stop]`.

    Raises:
        ScheduleError: The bounds are no whole updates in order, or the schedule is not bound.
    """
    bad = ScheduleError(f"a part of a schedule is taken as [2:5], in updates, got {part!r}")
    if not isinstance(part, slice):
        raise bad
    start, stop, step = cast("tuple[Any, Any, Any]", (part.start, part.stop, part.step))  # pyright: ignore[reportUnknownMemberType] - any slice
    if step is not None or not all(bound is None or type(bound) is int for bound in (start, stop)):
        raise bad
    return Window(schedule, start or 0, stop)


def _flat(kind: type[Schedule], name: str, members: tuple[Schedule, ...]) -> tuple[Schedule, ...]:
    flat: list[Schedule] = []
    for member in members:
        flat.extend(getattr(member, name) if isinstance(member, kind) else [member])
    if len(flat) < 2:  # noqa: PLR2004 - one alone is not a composition
        raise ScheduleError(f"{kind.__name__.lower()} {name} must be at least 2, got {len(flat)}")
    if not all(isinstance(member, Schedule) for member in flat):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ScheduleError(f"{kind.__name__.lower()} {name} must be schedules, got {members!r}")
    return tuple(flat)


def _factor_text(factor: Schedule) -> str:
    if isinstance(factor, Constant) and factor.length is None:
        return number_text(factor.value)
    return f"({factor})" if isinstance(factor, Sequence) else str(factor)
