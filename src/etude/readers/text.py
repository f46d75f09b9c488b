"""Reads text that someone else wrote: bounded, decoded, and never trusted."""

import codecs
from pathlib import Path

from etude.errors import LogError

LARGEST = 2**29
"""Bytes of a file that is read."""
HEAD = 4096
"""Bytes of a file that tell its format."""


def head(path: Path) -> bytes:
    """Give the first bytes of a file.

    Raises:
        LogError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise LogError(f"{path} must be a log that can be read, but {_reason(error)}") from error


def whole(path: Path) -> bytes:
    """Give all bytes of a file.

    Raises:
        LogError: it cannot be read or is too large.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise LogError(
                f"a log must have at most {LARGEST / 2**20:.0f} MB, but {path} has"
                f" {size / 2**20:.0f} MB; give a part of it"
            )
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError as error:
        raise LogError(f"{path} must be a log that can be read, but {_reason(error)}") from error


def text(path: Path) -> str:
    """Give a file's text: UTF-8, or UTF-16 where it says so, as some consoles write.

    Raises:
        LogError: it cannot be read, or is no text.
    """
    content = whole(path)
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        decoded = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise LogError(
            f"{path} must be text in UTF-8 or a known binary log, but byte {error.start} is"
            " neither; convert it, or name its format with --format"
        ) from error
    if "\0" in decoded:
        raise LogError(f"{path} must be text or a known binary log, but it has zero bytes")
    return decoded


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
