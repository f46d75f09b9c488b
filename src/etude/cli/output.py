"""Writes an answer where it was asked for: a file, whole or not at all, or standard output."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etude.cli.screen import heard_or_not, screen

if TYPE_CHECKING:
    from rich.console import Console


def keeping_clear(*files: str | None) -> AbstractContextManager[Any]:
    """Keep standard output for the answer, where it goes there: a user's model may print."""
    return redirect_stdout(sys.stderr) if "-" in files else nullcontext()


def check_files(json_file: str | None, html_file: str | None) -> None:
    """Refuse, before the training, files that cannot be written after it."""
    if json_file == html_file == "-":
        raise click.UsageError("only one of --json and --html can be -, which is standard output")
    for path in filter(None, (json_file, html_file)):
        if path != "-":
            _check_writable(path)


def _check_writable(path: str) -> None:
    """Find out before the training, not after it, that the answer cannot be written."""
    import tempfile

    from etude.errors import EtudeError

    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise EtudeError(f"{path} must lie in a folder that exists, but {folder} does not; make it")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise EtudeError(
            f"{path} must lie in a folder that can be written, but {folder} cannot"
            f" ({error.strerror}); name another"
        ) from None


def write(
    json_file: str | None,
    html_file: str | None,
    *,
    quiet: bool,
    show: Callable[["Console"], None],
    data: Callable[[], dict[str, Any]],
    page: Callable[[], str],
) -> None:
    """Write an answer where it was asked for, then show it: nobody need read all that is shown."""
    texts: dict[str, str] = {}
    if json_file:
        texts[json_file] = json.dumps(data(), indent=2, allow_nan=False) + "\n"
    if html_file:
        texts[html_file] = page()
    to_stdout = texts.pop("-", None)
    try:
        for path, text in texts.items():
            _put(text, path)
    finally:
        with heard_or_not():
            if not quiet:
                show(screen(stderr=to_stdout is not None))
            if to_stdout is not None:
                click.echo(to_stdout.encode(), nl=False)  # UTF-8, as the page says, in any terminal
    if not quiet:
        with heard_or_not():
            click.echo("".join(f"written: {path}\n" for path in texts), nl=False, err=True)


def _put(text: str, path: str) -> None:
    from etude.errors import EtudeError
    from etude.report import write_text_atomically

    try:
        write_text_atomically(path, text)
    except OSError as error:
        raise EtudeError(
            f"{path} must be a file that can be written, but it cannot ({error.strerror})"
        ) from error
