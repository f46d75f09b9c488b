"""YAML as its authors mean it: the YAML 1.2 core schema, and every value knows its line.

PyYAML follows YAML 1.1, where `lr: 1e-5` is a text, `time: 2:00` is 120, `id: 001` is 1 and
`answer: no` is false. Here 1e-5 is a number, only true and false are booleans, and what has
leading zeros stays text. A key that is given twice is refused.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from etude.curriculum.places import Place, Problem, Refused, refuse, unknown

Lines = dict[tuple[str | int, ...], int]
"""The line of each value, by its path of keys and numbers."""
Model = TypeVar("Model", bound="Strict")

_SCALARS: tuple[tuple[str, str], ...] = (
    ("null", r"~|null|"),
    ("bool", r"true|false"),
    ("int", r"[-+]?(0|[1-9][0-9]*)"),
    ("float", r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan"),
)


class _Loader(yaml.SafeLoader):
    """A loader that knows the scalars of the core schema alone."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own name and type


for _tag, _pattern in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_pattern})$"), None)


class Strict(BaseModel):
    """A frozen record read from YAML: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            allowed = [field.alias or name for name, field in cls.model_fields.items()]
            for key in data:
                if key not in allowed:
                    message = unknown("key", key, allowed).replace("{", "{{").replace("}", "}}")
                    raise PydanticCustomError("unknown_key", message, {"key": key})  # pyright: ignore[reportArgumentType]
        return data


def read(text: str, place: Place) -> tuple[Any, Lines]:
    """Read a YAML text that begins at a place; give its data, sequences as tuples, and lines.

    Raises:
        Refused: it is no YAML, or a key is given twice.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: Lines = {}
        data = None if node is None else _value(loader, node, place, (), lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise refuse(place.at(place.line + line), f"not YAML: {error.problem}") from None
    finally:
        loader.dispose()
    return data, lines


def _value(
    loader: _Loader, node: Any, place: Place, path: tuple[str | int, ...], lines: Lines
) -> Any:
    lines[path] = line = place.line + node.start_mark.line
    if isinstance(node, yaml.SequenceNode):
        parts = enumerate(node.value)
        return tuple(_value(loader, part, place, (*path, n), lines) for n, part in parts)
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)  # pyright: ignore[reportUnknownMemberType]
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        if key in found:
            at = place.at(place.line + key_node.start_mark.line)
            raise refuse(at, f"{key!r} is given twice; keep one")
        found[key] = _value(loader, value_node, place, (*path, key), lines)
        lines[(*path, key)] = min(lines[(*path, key)], place.line + key_node.start_mark.line)
    lines[path] = line
    return found


def build(model: type[Model], data: Any, lines: Lines, place: Place) -> Model:
    """Build a record from data that `read` gave.

    Raises:
        Refused: it does not fit; every misfit with its file and line.
    """
    if not isinstance(data, Mapping):
        raise refuse(place, "must be a mapping of keys to values")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [_problem(each, lines, place) for each in error.errors()]
        raise Refused(*problems) from None


def _problem(error: ErrorDetails, lines: Lines, place: Place) -> Problem:
    # A union's branches add their names to the path; only keys and numbers lead to a line.
    path = tuple(error["loc"])
    if error["type"] == "unknown_key":
        path = (*path, str(error.get("ctx", {})["key"]))
    known = path
    while known not in lines and known:
        known = known[:-1]
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        message = f"{name!r} is missing"
    elif error["type"] != "unknown_key" and name:
        message = f"{name}: {message[:1].lower()}{message[1:]}, got {error['input']!r}"
    return Problem(place.at(lines.get(known, place.line)), message)
