"""Schedules that stay and drop: at regular intervals, or at chosen updates."""

from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import Annotated, ClassVar

from etude.errors import ScheduleError
from etude.schedules.base import Endless, Law, build
from etude.schedules.options import Factor, Given, Open, Positions
from etude.schedules.units import Span, SpanLike


def step_at(t: float, every: int, gamma: float) -> float:
    """Multiply by gamma at once, every so many updates.

    s(t) = gamma**floor(t/every).
    """
    return gamma ** (t // every)


def multistep_at(t: float, milestones: tuple[int, ...], gamma: float) -> float:
    """Multiply by gamma at each milestone.

    s(t) = gamma**(number of milestones <= t).
    """
    return gamma ** sum(t >= milestone for milestone in milestones)


@dataclass(frozen=True, slots=True)
class Step(Endless):
    """Drops at regular intervals. Build one with `step`."""

    kind: ClassVar[str] = "step"
    main: ClassVar[str] = "every"
    every: Given
    gamma: Factor = 0.1
    length: Open = None

    def law(self) -> Law:
        """Give `step_at`."""
        return Law(step_at, {"every": self.every, "gamma": self.gamma}, self.last)


@dataclass(frozen=True, slots=True)
class Multistep(Endless):
    """Drops at chosen updates. Build one with `multistep`."""

    kind: ClassVar[str] = "multistep"
    main: ClassVar[str] = "milestones"
    milestones: Annotated[tuple[int | Span, ...], Positions()]
    gamma: Factor = 0.1
    length: Open = None

    def check_together(self) -> None:
        """Refuse a milestone that would never come."""
        latest = max((m for m in self.milestones if isinstance(m, int)), default=0)
        if self.updates is not None and latest >= self.updates:
            raise ScheduleError(
                f"multistep has a milestone at update {latest} and needs at least {latest + 1} "
                f"updates, it has {self.updates}; move the milestone or leave it out"
            )

    def law(self) -> Law:
        """Give `multistep_at`."""
        return Law(multistep_at, {"milestones": self.milestones, "gamma": self.gamma}, self.last)


def step(every: SpanLike, *, gamma: float = 0.1, length: SpanLike | None = None) -> Step:
    """Multiply by gamma every so many updates: gamma**floor(t/every).

    Args:
        every: Span between drops.
        gamma: Factor of one drop, in (0, 1].
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: gamma is out of range, or a span is none.
    """
    return build(Step, every=every, gamma=gamma, length=length)


def multistep(
    milestones: Items[SpanLike], *, gamma: float = 0.1, length: SpanLike | None = None
) -> Multistep:
    """Multiply by gamma at each milestone.

    Args:
        milestones: Spans from the schedule's start, in order; one that comes twice drops twice.
        gamma: Factor of one drop, in (0, 1].
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: gamma is out of range, a milestone is no span, out of order or never comes.
    """
    return build(Multistep, milestones=milestones, gamma=gamma, length=length)
