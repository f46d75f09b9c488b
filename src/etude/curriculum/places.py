"""Where something stands in the content, and what is wrong there: `myths/faster.md:12: ...`."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from etude.errors import ContentError


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a content file."""

    file: str
    """Path from the content folder, with forward slashes."""
    line: int = 1

    def __str__(self) -> str:
        """Give `file:line`."""
        return f"{self.file}:{self.line}"

    def at(self, line: int) -> "Place":
        """Give another line of the same file."""
        return Place(self.file, line)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something an author must mend."""

    place: Place
    message: str

    def __str__(self) -> str:
        """Give `file:line: message`."""
        return f"{self.place}: {self.message}"


class Refused(Exception):  # noqa: N818 - it carries problems, the loader raises the error
    """One file cannot be read; carries all that is wrong with it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def refuse(place: Place, message: str) -> Refused:
    """Build the exception for one problem."""
    return Refused(Problem(place, message))


def content_error(problems: Iterable[Problem]) -> ContentError:
    """Build the error that lists all problems, in the order of files and lines."""
    ordered = sorted(problems, key=lambda p: (p.place.file, p.place.line))
    return ContentError("\n".join(map(str, ordered)))


def unknown(what: str, name: object, allowed: Iterable[str]) -> str:
    """Say that a name is not known, what was probably meant, and what is allowed."""
    known = list(allowed)
    near = get_close_matches(str(name), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {what} {str(name)!r}; {hint}allowed: {', '.join(known)}"
