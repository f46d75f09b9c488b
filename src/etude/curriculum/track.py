"""A track: in which order items come, in which modes, and what earns the badge."""

from typing import Annotated

from pydantic import Field

from etude.curriculum.experiments import Slug
from etude.curriculum.plain_yaml import Strict


class Mode(Strict):
    """A tab over the same content."""

    name: Slug
    title: str
    about: str
    items: tuple[str, ...] = ()
    """Ids in their order; a mode without items makes its own of the others'."""


class Badge(Strict):
    """What a finished challenge earns."""

    title: str
    mode: str
    """All questions of this mode must be right."""


class Challenge(Strict):
    """The rules of the challenge."""

    seconds: Annotated[int, Field(ge=10, le=3600)] = 120
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    badge: Badge


class Placement(Strict):
    """The placement test: ids by difficulty."""

    easy: tuple[str, ...]
    medium: tuple[str, ...]
    hard: tuple[str, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """All ids, the easy ones first."""
        return (*self.easy, *self.medium, *self.hard)


class Track(Strict):
    """A course."""

    id: Slug
    title: str
    tag: str
    """The technology: `PyTorch`."""
    about: str
    minutes: int
    concepts: dict[str, str]
    """What is learned: a short name and a line for each."""
    modes: tuple[Mode, ...]
    challenge: Challenge
    placement: Placement

    def mode(self, name: str) -> Mode:
        """Give the mode of that name."""
        return next(mode for mode in self.modes if mode.name == name)
