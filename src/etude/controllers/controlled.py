"""A schedule together with the controllers that multiply it."""

from dataclasses import dataclass
from numbers import Real
from typing import Any, Self, cast

from etude.controllers.base import Controller
from etude.errors import ScheduleError
from etude.schedules import Product, Schedule, Sequence, constant
from etude.schedules.units import Budget


@dataclass(frozen=True, slots=True)
class Controlled:
    """A schedule times one or more controllers. Build one with `schedule * controller`.

    Attributes:
        schedule: The part that is known before training.
        controllers: The parts that answer to it; each steers the whole run.
    """

    schedule: Schedule
    controllers: tuple[Controller, ...]

    @property
    def bound(self) -> bool:
        """Whether schedule and controllers know their updates."""
        return self.schedule.bound and all(each.spans_known for each in self.controllers)

    def bind(
        self,
        total: int,
        *,
        epoch: float | None = None,
        batch_size: float | None = None,
        tokens: float | None = None,
    ) -> Self:
        """Turn every length into updates of a run, as `Schedule.bind` does."""
        run = Budget(total, epoch, batch_size, tokens)
        schedule = self.schedule.fit(run, run.total)
        return type(self)(schedule, tuple(each.bind(run) for each in self.controllers))

    def to_json(self) -> dict[str, Any]:
        """Give `{"kind": "controlled", "schedule": ..., "controllers": [...]}`."""
        return {
            "kind": "controlled",
            "schedule": self.schedule.to_json(),
            "controllers": [each.to_json() for each in self.controllers],
        }

    def __str__(self) -> str:
        """Write the schedule, then each controller after a star."""
        text = str(self.schedule)
        if isinstance(self.schedule, Sequence | Product):
            text = f"({text})"
        parts = [] if self.schedule == constant() else [text]
        return " * ".join([*parts, *map(str, self.controllers)])

    def __mul__(self, other: Any) -> "Controlled":
        """Multiply with a schedule, a number or another controller."""
        return controlled(self, other)

    __rmul__ = __mul__


def as_controlled(given: Any) -> Controlled:
    """Give a schedule or a controller in the form of both.

    Raises:
        ScheduleError: It is neither.
    """
    if isinstance(given, Controlled):
        return given
    if isinstance(given, Controller):
        return Controlled(constant(), (given,))
    if isinstance(given, Schedule):
        return Controlled(given, ())
    raise ScheduleError(
        f"schedule must be an étude schedule or controller, got {given!r}; text is read by "
        "etude.controllers.parse"
    )


def controlled(left: Any, right: Any) -> Any:
    """Give the product of two of schedule, controller, number and product of them."""
    kinds = Schedule | Controller | Controlled
    pair = [constant(float(x)) if isinstance(x, Real) else x for x in (left, right)]
    if not all(isinstance(x, kinds) for x in pair):
        return NotImplemented
    first, second = map(as_controlled, cast("list[Any]", pair))
    neutral = constant()
    schedules = [x.schedule for x in (first, second) if x.schedule != neutral] or [neutral]
    schedule = schedules[0] if len(schedules) == 1 else Product(tuple(schedules))
    return Controlled(schedule, first.controllers + second.controllers)
