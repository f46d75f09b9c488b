"""A schedule drawn through points."""

from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import Annotated, ClassVar

from etude.errors import ScheduleError
from etude.schedules.base import Endless, Law, build
from etude.schedules.options import Knots, Open
from etude.schedules.units import Span, SpanLike


def points_at(t: float, points: tuple[tuple[int, float], ...]) -> float:
    """Go from point to point along lines, and stay at the last one."""
    left, low = points[0]
    if t < left:
        return low
    for right, high in points[1:]:
        if t < right:
            x = (t - left) / (right - left)
            return low * (1 - x) + high * x
        left, low = right, high
    return low


@dataclass(frozen=True, slots=True)
class Points(Endless):
    """Lines from point to point. Build one with `points`."""

    kind: ClassVar[str] = "points"
    main: ClassVar[str] = "points"
    points: Annotated[tuple[tuple[int | Span, float], ...], Knots()]
    length: Open = None

    def check_together(self) -> None:
        """Refuse a point that would never come."""
        latest = max((at for at, _ in self.points if isinstance(at, int)), default=0)
        if self.updates is not None and latest > self.updates:
            raise ScheduleError(
                f"points has a point at update {latest} and needs at least {latest} updates, "
                f"it has {self.updates}; move the point or leave it out"
            )

    def law(self) -> Law:
        """Give `points_at`."""
        return Law(points_at, {"points": self.points}, self.updates)


def points(points: Items[tuple[SpanLike, float]], *, length: SpanLike | None = None) -> Points:
    """Go from point to point along lines; before the first and after the last it stays.

    Args:
        points: Pairs (position, multiplier) in order, at least two; a position is a span from
            the schedule's start. Two at one position make a jump.
        length: How long; left out, what the run leaves.

    Raises:
        ScheduleError: A pair is bad, out of order or never comes.
    """
    return build(Points, points=points, length=length)
