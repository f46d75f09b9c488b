"""Lints files and folders: finds them, asks each by the settings that hold for it, in parallel."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from etude.errors import SourceError
from etude.linter.check import lint
from etude.linter.record import Remark, lines_of
from etude.linter.settings import Settings, settings_of
from etude.linter.sources import Source, read

MANY = 200
"""Files from which processes are worth their start."""
_SUFFIXES = (".py", ".pyi", ".ipynb")
_SKIPPED = frozenset(
    {"__pycache__", "node_modules", "site-packages", "venv", "build", "dist", "_build"}
)


@dataclass(frozen=True, slots=True)
class Linted:
    """What linting a file gave."""

    path: str
    remarks: tuple[Remark, ...] = ()
    failure: str = ""
    """Why it could not be linted, one sentence; empty where it could."""
    lines: tuple[str, ...] = ()
    """The lines that remarks stand on, to show them; one for each remark."""


def lint_files(
    paths: Iterable[str],
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    jobs: int | None = None,
) -> Iterator[Linted]:
    """Lint files and all Python files and notebooks in folders, in the order of their names.

    Args:
        paths: Files, folders, or `-` for standard input.
        select: Codes or beginnings of codes to ask instead of those of pyproject.toml.
        ignore: Codes or beginnings of codes not to ask, besides.
        jobs: Processes; by default as many as there are processors, if there are many files.

    Yields:
        What each file gave, also of those that could not be read.

    Raises:
        EtudeError: A pyproject.toml has settings that are no settings.
    """
    found = list(dict.fromkeys(each for path in paths for each in walk(path)))
    asked = [(path, settings_of(path).with_options(select, ignore)) for path in found]
    workers = jobs or (os.cpu_count() or 1 if len(asked) >= MANY else 1)
    if workers == 1 or len(asked) < 2:  # noqa: PLR2004 - nothing to share
        yield from map(_lint_one, asked)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_lint_one, asked, chunksize=16)


def walk(path: str) -> Iterator[str]:
    """Give the files of a folder that can be linted; a file gives itself, also a missing one.

    Hidden folders, environments and caches are left out, and links to folders are not followed.
    """
    if path == "-" or not Path(path).is_dir():
        yield path
        return
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(each for each in inner if not _skipped(folder, each))
        for name in sorted(names):
            if name.endswith(_SUFFIXES):
                yield str(Path(folder) / name)


def _skipped(folder: str, name: str) -> bool:
    hidden = name.startswith(".") or name in _SKIPPED
    return hidden or (Path(folder) / name / "pyvenv.cfg").exists()


def _lint_one(asked: tuple[str, Settings]) -> Linted:
    path, settings = asked
    shown = "<stdin>" if path == "-" else path
    try:
        source = read(path)
        remarks = lint(source.text, path=shown, codes=settings.codes_for(path))
    except SourceError as error:
        return Linted(shown, failure=str(error))
    lines = lines_of(source.text)
    return Linted(
        shown,
        tuple(_in_cell(remark, source) for remark in remarks),
        lines=tuple(lines[remark.place.line - 1] for remark in remarks),
    )


def _in_cell(remark: Remark, source: Source) -> Remark:
    """Count a remark's lines from the beginning of its notebook cell."""
    if not source.starts:
        return remark
    before = [index for index, start in enumerate(source.starts) if start <= remark.place.line]
    offset = source.starts[before[-1]] - 1
    place = replace(
        remark.place, line=remark.place.line - offset, end_line=remark.place.end_line - offset
    )
    return replace(remark, place=place, cell=source.cells[before[-1]], fix=None)
