"""Which rules are asked of which file: `[tool.etude.lint]` of the nearest pyproject.toml.

[tool.etude.lint]
select = ["LR1"]            # codes or their beginnings; all where it is left out
ignore = ["LR110"]
per-file = { "examples/*" = ["LR102"] }   # not asked of these files
"""

import fnmatch
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from etude.errors import EtudeError
from etude.linter.rules import RULES

_KEYS = ("select", "ignore", "per-file")


@dataclass(frozen=True, slots=True)
class Settings:
    """Which rules are asked."""

    select: tuple[str, ...] = ("LR",)
    ignore: tuple[str, ...] = ()
    per_file: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Patterns of paths, from the folder of pyproject.toml on, and what is not asked there."""
    root: str = ""

    def with_options(self, select: Sequence[str], ignore: Sequence[str]) -> "Settings":
        """Give them with what the command line says: it selects instead, and ignores besides."""
        for code in (*select, *ignore):
            _check(code, "the command line")
        return replace(self, select=tuple(select) or self.select, ignore=(*self.ignore, *ignore))

    def codes_for(self, path: str) -> tuple[str, ...]:
        """Give the codes of the rules to ask of a file."""
        not_here = [
            code
            for pattern, codes in self.per_file
            if self._matches(path, pattern)
            for code in codes
        ]
        dropped = (*self.ignore, *not_here)
        return tuple(
            code
            for code in RULES
            if code.startswith(self.select) and not (dropped and code.startswith(dropped))
        )

    def _matches(self, path: str, pattern: str) -> bool:
        full = Path(path).absolute()
        inside = full.relative_to(self.root) if full.is_relative_to(self.root) else full
        return fnmatch.fnmatch(inside.as_posix(), pattern) or fnmatch.fnmatch(full.name, pattern)


def settings_of(path: str) -> Settings:
    """Read the settings that hold for a file: those of the nearest pyproject.toml with any.

    Raises:
        EtudeError: The file is no TOML, or a setting has another form than it must have.
    """
    return _in_folder(Path.cwd() if path == "-" else Path(path).absolute().parent)


@cache
def _in_folder(folder: Path) -> Settings:
    file = folder / "pyproject.toml"
    found = _read(file) if file.is_file() else None
    if found is not None:
        return found
    return Settings() if folder.parent == folder else _in_folder(folder.parent)


def _read(file: Path) -> Settings | None:
    try:
        tool: Any = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError) as error:
        raise EtudeError(f"{file} must be a TOML file that can be read, but: {error}") from None
    given = tool.get("etude", {}).get("lint") if isinstance(tool, dict) else None
    if given is None:
        return None
    if not isinstance(given, dict):
        raise EtudeError(f"tool.etude.lint in {file} must be a table, got {given!r}")
    table = cast("dict[str, Any]", given)
    for key in table:
        if key not in _KEYS:
            raise EtudeError(f"tool.etude.lint in {file} has {', '.join(_KEYS)}, got {key!r}")
    per_file = table.get("per-file", {})
    if not isinstance(per_file, dict):
        raise EtudeError(f"per-file in {file} must be a table of patterns, got {per_file!r}")
    patterns = cast("dict[str, Any]", per_file)
    return Settings(
        _codes(table.get("select", ["LR"]), file),
        _codes(table.get("ignore", []), file),
        tuple((pattern, _codes(codes, file)) for pattern, codes in patterns.items()),
        str(file.parent),
    )


def _codes(given: Any, file: Path) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise EtudeError(f"select, ignore and per-file in {file} take lists, got {given!r}")
    return tuple(_check(code, str(file)) for code in cast("list[Any]", given))


def _check(code: Any, where: str) -> str:
    """Refuse what begins no rule's code."""
    if not isinstance(code, str) or not code or not any(each.startswith(code) for each in RULES):
        raise EtudeError(
            f"a rule is a code such as LR104 or its beginning, got {code!r} in {where}"
        )
    return code
