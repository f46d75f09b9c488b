"""Writes a file that someone owns so that it is never found half written."""

import os
import secrets
from pathlib import Path


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write the text as UTF-8, so that `path` holds either what it held before or all of it.

    A symbolic link stays one: the file that it points to is written. What is no regular file,
    such as `/dev/null` or a pipe, is written to and not replaced.

    Raises:
        OSError: The folder is missing or cannot be written; `path` is left as it was.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    else:
        _replace(Path(os.path.realpath(path)), text)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
