"""Rewrites what is safe to rewrite, with libcst: comments and formatting stay.

Rules say what to change and where; this file knows how. libcst is imported only here, since
parsing with positions takes it ten times as long as linting does.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etude.errors import EtudeError, SourceError
from etude.linter.check import lint
from etude.linter.files import walk
from etude.linter.record import Fix
from etude.linter.settings import settings_of
from etude.linter.sources import decoded

if TYPE_CHECKING:
    from libcst import Module

_ROUNDS = 5
"""Passes over a file: one rewrite may uncover another."""


def fix_files(
    paths: Iterable[str], *, select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> Iterator[tuple[str, int]]:
    """Rewrite files in place; gives each that changed and how many rewrites it got.

    Raises:
        EtudeError: libcst is not installed, or a file cannot be written.
    """
    _libcst()
    for path in dict.fromkeys(each for given in paths for each in walk(given)):
        if path.endswith(".ipynb"):
            continue
        codes = settings_of(path).with_options(select, ignore).codes_for(path)
        try:
            old = Path(path).read_bytes()
            new, count = fixed(old, codes)
        except (OSError, SourceError):
            continue  # linting says so
        if count:
            _write(path, new)
            yield path, count


def fixed(data: bytes, codes: Iterable[str] | None = None) -> tuple[bytes, int]:
    """Rewrite a file's bytes; gives them with the number of rewrites.

    Raises:
        EtudeError: libcst is not installed.
        SourceError: The bytes are no Python code.
    """
    asked = None if codes is None else list(codes)
    count = 0
    for _ in range(_ROUNDS):
        fixes = [each.fix for each in lint(decoded(data).text, codes=asked) if each.fix is not None]
        if not fixes:
            break
        new, applied = _apply(data, fixes)
        if not applied:
            break
        data, count = new, count + applied
    return data, count


def _libcst() -> Any:
    try:
        import libcst
    except ImportError:
        raise EtudeError(
            "--fix needs libcst, which is not installed: pip install 'etude[lint]'"
        ) from None
    return libcst


def _apply(data: bytes, fixes: list[Fix]) -> tuple[bytes, int]:
    libcst = _libcst()
    from libcst.metadata import MetadataWrapper

    from etude.linter.rewriting import Rewriter

    try:
        wrapper = MetadataWrapper(libcst.parse_module(data), unsafe_skip_copy=True)
    except (libcst.ParserSyntaxError, RecursionError, ValueError, LookupError):
        return data, 0
    rewriter = Rewriter(fixes)
    module: Module = wrapper.visit(rewriter)
    return module.bytes, rewriter.applied


def _write(path: str, data: bytes) -> None:
    """Replace a file whole or not at all, and keep its mode; a link stays a link."""
    target = Path(path).resolve()
    try:
        mode = target.stat().st_mode
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(mode)
        Path(name).replace(target)
    except OSError as error:
        raise EtudeError(
            f"{path} must be a file that can be written, but it cannot ({error.strerror})"
        ) from None
