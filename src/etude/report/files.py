"""Writes a file that someone owns so that it is never found half written."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write the text as UTF-8, as `open_atomically` does.

    Raises:
        OSError: The folder is missing or cannot be written; `path` is left as it was.
    """
    with open_atomically(path) as file:
        file.write(text)


@contextmanager
def open_atomically(path: str | Path) -> Iterator[TextIO]:
    """Open a UTF-8 file to write, so that it holds either what it held before or all of it.

    A symbolic link stays one: the file that it points to is written. What is no regular file,
    such as `/dev/null` or a pipe, is written to and not replaced.

    Raises:
        OSError: The folder is missing or cannot be written; `path` is left as it was.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
    else:
        with _replaced(Path(os.path.realpath(path))) as file:
            yield file


@contextmanager
def _replaced(path: Path) -> Iterator[TextIO]:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
