"""Weights & Biases: the `.wandb` file that every run leaves, also offline.

The file is a log of LevelDB's form: blocks of 32 KiB of records `crc (uint32), length (uint16),
kind (uint8)`, where kinds 2, 3, 4 are the first, middle and last part of a longer one; it begins
with `:W&B`, a magic number and a version. Each record is a Record message of
wandb/proto/wandb_internal.proto: history = 2 has items = 1 with key = 1, nested_key = 2 and
value_json = 16, or integer = 5 or number = 6; run = 17 has config = 4 and display_name = 8.
"""

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from etude.errors import LogError
from etude.readers.protobuf import NoMessageError, fields, signed
from etude.readers.series import Raw, from_rows, number
from etude.readers.text import whole

FORM = "wandb"
_MAGIC = b":W&B"
_FILE_HEADER = _RECORD_HEADER = 7
_BLOCK = 32768
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_LR_NAMES = ("lr", "learning_rate", "peak_lr", "max_lr")


def claims(start: bytes) -> bool:
    """Tell a W&B file by its first bytes."""
    return start.startswith(_MAGIC)


def read(path: Path, step: str | None = None) -> list[Raw]:
    """Read a `.wandb` file; one that is cut off, up to there.

    Raises:
        LogError: it cannot be read or has no history.
    """
    rows, notes = list[dict[str, float]](), list[str]()
    name, lr = path.stem, math.nan
    try:
        for record in _records(whole(path)):
            for kind, value in fields(record):
                if kind == 2 and isinstance(value, bytes):  # noqa: PLR2004 - Record.history
                    rows.append(_history(value))
                elif kind == 17 and isinstance(value, bytes):  # noqa: PLR2004 - Record.run
                    name, lr = _run(value, name)
    except NoMessageError as error:
        notes.append(f"{path.name} breaks off: {error}; what came before was read")
    if not rows:
        why = f" ({notes[0]})" if notes else ""
        raise LogError(f"a W&B file must have a history, but {path} has none{why}")
    series, unit, counter, more = from_rows(rows, step=step)
    return [Raw(name, str(path), FORM, series, unit, counter, lr, (*notes, *more))]


def _records(content: bytes) -> Iterator[bytes]:
    place, parts = _FILE_HEADER, list[bytes]()
    while place + _RECORD_HEADER <= len(content):
        left = _BLOCK - place % _BLOCK
        if left < _RECORD_HEADER:
            place += left
            continue
        _, size, kind = struct.unpack_from("<IHB", content, place)
        place += _RECORD_HEADER
        if kind == 0 and size == 0:  # the rest of a block that was not filled
            place += left - _RECORD_HEADER
            continue
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or size > left - _RECORD_HEADER:
            raise NoMessageError(f"byte {place} begins no record")
        if place + size > len(content):
            raise NoMessageError(f"the record at byte {place} is cut off")
        if kind in (_FULL, _FIRST):
            parts = []
        parts.append(content[place : place + size])
        place += size
        if kind in (_FULL, _LAST):
            yield b"".join(parts)


def _history(message: bytes) -> dict[str, float]:
    row: dict[str, float] = {}
    for kind, value in fields(message):
        if kind == 1 and isinstance(value, bytes):
            key, found = _item(value)
            as_number = number(found)
            if key and as_number is not None:
                row[key] = as_number
    return row


def _item(message: bytes) -> tuple[str, Any]:
    """Give an item's key, which is nested or not, and what its JSON says."""
    key, nested, value = "", list[str](), None
    for kind, part in fields(message):
        if isinstance(part, int):
            value = signed(part) if kind == 5 else value  # noqa: PLR2004 - integer
        elif kind == 1:
            key = part.decode("utf-8", "replace")
        elif kind == 2:  # noqa: PLR2004 - nested_key
            nested.append(part.decode("utf-8", "replace"))
        elif kind == 6 and len(part) == 8:  # noqa: PLR2004 - number, a double
            value = struct.unpack("<d", part)[0]
        elif kind == 16:  # noqa: PLR2004 - value_json
            value = _json(part)
    return key or ".".join(nested), value


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _run(message: bytes, name: str) -> tuple[str, float]:
    """Give a run's name and the lr of its config."""
    lr = math.nan
    for kind, value in fields(message):
        if not isinstance(value, bytes):
            continue
        if kind == 8 and value:  # noqa: PLR2004 - display_name
            name = value.decode("utf-8", "replace")
        elif kind == 4:  # noqa: PLR2004 - config
            for update, item in fields(value):
                if update == 1 and isinstance(item, bytes):
                    key, found = _item(item)
                    if key in _LR_NAMES:
                        lr = _or_nan(number(found))
    return name, lr


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
