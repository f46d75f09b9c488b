"""Frozen values that describe themselves: their fields say what they hold, all else follows.

A field names its option in its type (`end: NotNegative = 0.0`); checking, binding, JSON and text
are here, once, for every family of schedules and every controller.
"""

from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, ClassVar, TypeVar, get_type_hints

from etude.errors import ScheduleError
from etude.schedules.options import Option, closest
from etude.schedules.units import Budget


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a kind and a few fields, each with its option.

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
    def spans_known(self) -> bool:
        """Whether all spans count updates."""
        options = options_of(type(self)).items()
        return all(option.bound(getattr(self, name)) for name, option in options)

    def values_for(self, run: Budget) -> dict[str, Any]:
        """Give the fields with their spans turned into updates of a run."""
        options = options_of(type(self)).items()
        return {name: option.bind(getattr(self, name), run) for name, option in options}

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


D = TypeVar("D", bound=Described)


def build(kind: type[D], **values: Any) -> D:
    """Build a value from fields as a user writes them; they are checked and converted."""
    return kind(**values)


def build_known(kind: type[D], values: dict[str, Any]) -> D:
    """Build a value from named fields that came from outside.

    Raises:
        ScheduleError: A field is unknown, missing or bad.
    """
    known = [f.name for f in fields(kind)]
    for name in values:
        if name not in known:
            raise ScheduleError(f"{kind.kind} has no {name!r}; {closest(name, known)}")
    missing = [name for name in required(kind) if name not in values]
    if missing:
        raise ScheduleError(f"{kind.kind} needs {' and '.join(missing)}")
    return kind(**values)


@cache
def options_of(kind: type[Described]) -> dict[str, Option]:
    """Give what each field of a kind may hold."""
    hints = get_type_hints(kind, include_extras=True)
    return {f.name: hints[f.name].__metadata__[0] for f in fields(kind)}


def required(kind: type[Described]) -> list[str]:
    """Give the fields without a default."""
    return [f.name for f in fields(kind) if f.default is MISSING]
