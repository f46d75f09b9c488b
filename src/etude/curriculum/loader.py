"""Reads a folder of content: items, experiments and tracks, and all that is wrong with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from etude.curriculum import recorded
from etude.curriculum.experiments import Check, Experiment
from etude.curriculum.items import AnyItem, Card, Kind, Proof
from etude.curriculum.places import Place, Problem, Refused, content_error, refuse, unknown
from etude.curriculum.plain_yaml import Lines, build, read
from etude.curriculum.reading import FOLDERS, read_item
from etude.curriculum.recorded import Recorded
from etude.curriculum.track import Track
from etude.errors import ContentError, brief

CONTENT = Path(__file__).parent / "content"
"""The course that comes with étude."""
Value = TypeVar("Value")
Model = TypeVar("Model", Experiment, Track)


@dataclass(frozen=True, slots=True)
class Curriculum:
    """A course: everything by its id."""

    items: Mapping[str, AnyItem]
    experiments: Mapping[str, Experiment]
    tracks: Mapping[str, Track]
    recorded: Recorded
    places: Mapping[str, Place]
    """Where experiments (`id`) and their checks (`id/check`) stand."""
    folder: Path

    def item(self, name: str) -> AnyItem:
        """Give the item of that id.

        Raises:
            ContentError: there is none.
        """
        return _named(self.items, name, "item")

    def experiment(self, name: str) -> Experiment:
        """Give the experiment of that id.

        Raises:
            ContentError: there is none.
        """
        return _named(self.experiments, name, "experiment")

    def of_kind(self, kind: Kind) -> tuple[AnyItem, ...]:
        """Give the items of a kind, in the order of their ids."""
        return tuple(item for _, item in sorted(self.items.items()) if item.kind == kind)

    def statement(self, proof: Proof) -> Check | None:
        """Give the check or claim that a proof names, or None."""
        experiment = self.experiments.get(proof.experiment)
        return experiment.statement(proof.check) if experiment else None

    @property
    def cards(self) -> tuple[Card, ...]:
        """All flash cards of all items."""
        return tuple(card for item in self.items.values() for card in item.cards)


def _named(found: Mapping[str, Value], name: str, what: str) -> Value:
    if name not in found:
        raise ContentError(unknown(what, name, sorted(found)))
    return found[name]


def load(folder: Path | str | None = None) -> Curriculum:
    """Read the course, or another folder of content.

    Raises:
        ContentError: something cannot be read; the message has a line for each mistake.
    """
    curriculum, problems = load_all(folder)
    if problems:
        raise content_error(problems)
    return curriculum


def load_all(folder: Path | str | None = None) -> tuple[Curriculum, list[Problem]]:
    """Read what can be read, and say what cannot.

    Raises:
        ContentError: there is no such folder.
    """
    root = CONTENT if folder is None else Path(folder)
    if not root.is_dir():
        raise ContentError(f"{root} must be a folder of content, but there is none; name another")
    reader = _Reader(root)
    return reader.curriculum(), reader.problems


class _Reader:
    """Goes through a folder; collects problems instead of stopping at the first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []
        self.places: dict[str, Place] = {}
        self.recorded = recorded.read(root)

    def curriculum(self) -> Curriculum:
        """Read everything."""
        experiments = self._yaml("experiments", Experiment)
        tracks = self._yaml("tracks", Track)
        return Curriculum(self._items(), experiments, tracks, self.recorded, self.places, self.root)

    def _items(self) -> dict[str, AnyItem]:
        found: dict[str, AnyItem] = {}
        for path in sorted(self.root.glob("*/*.md")):
            item = self._try(path, self._item)
            if item is None:
                continue
            if item.id in found:
                message = f"there is an item {item.id!r} already: {found[item.id].place.file}"
                self.problems.append(Problem(item.place, message))
            found[item.id] = item
        return found

    def _item(self, path: Path, place: Place) -> AnyItem:
        if path.parent.name not in FOLDERS:
            raise refuse(place, f"items lie in one of {', '.join(FOLDERS)}")
        text, missing = recorded.quote(path.read_text(encoding="utf-8"), self.recorded, place)
        self.problems += missing
        item = read_item(text, path.stem, place)
        if item.kind != FOLDERS[path.parent.name]:
            raise refuse(place, f"a {item.kind} does not lie in {path.parent.name}/")
        return item

    def _yaml(self, folder: str, model: type[Model]) -> dict[str, Model]:
        found: dict[str, Model] = {}
        for path in sorted((self.root / folder).glob("*.yaml")):
            each = self._try(path, lambda path, place: self._record(path, place, model))
            if each is not None:
                found[path.stem] = each
        return found

    def _record(self, path: Path, place: Place, model: type[Model]) -> Model:
        data, lines = read(path.read_text(encoding="utf-8"), place)
        record = build(model, data, lines, place)
        if record.id != path.stem:
            at = place.at(lines.get(("id",), 1))
            raise refuse(at, f"id must be the file's name, {path.stem!r}, got {record.id!r}")
        self._note_places(record, lines, place)
        return record

    def _note_places(self, record: Experiment | Track, lines: Lines, place: Place) -> None:
        self.places[record.id] = place
        if isinstance(record, Experiment):
            for part in ("checks", "claims"):
                for number, check in enumerate(getattr(record, part)):
                    self.places[f"{record.id}/{check.id}"] = place.at(lines[part, number])

    def _try(self, path: Path, read_one: Callable[[Path, Place], Value]) -> Value | None:
        try:
            return read_one(path, Place(path.relative_to(self.root).as_posix()))
        except Refused as refused:
            self.problems += refused.problems
        except (OSError, UnicodeDecodeError) as error:
            place = Place(path.relative_to(self.root).as_posix())
            self.problems.append(Problem(place, f"must be a UTF-8 text, but {brief(error)}"))
        return None
