"""TensorBoard event files: TFRecords of Event messages, of which the scalars are read.

A record is `length (uint64), crc of it (uint32), data, crc of the data (uint32)`, little endian
(tensorflow/core/lib/io/record_writer.h). An Event has wall_time = 1, step = 2 and summary = 5; a
Summary has values = 1 with tag = 1, simple_value = 2 or tensor = 8 (tensorflow/core/framework).
The checksum of each length is held, so that no length is taken from bytes that are none.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from etude.errors import LogError
from etude.readers.protobuf import NoMessageError, fields, signed
from etude.readers.series import Raw, Series
from etude.readers.text import whole

FORM = "tensorboard"
_HEADER, _FOOTER = 12, 4
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}
"""TensorFlow's DataType: float, double, int32, int64, half."""


def claims(start: bytes) -> bool:
    """Tell an event file by the checksum of its first length."""
    return _length(start, 0) is not None


def read(paths: Sequence[Path], name: str) -> Raw:
    """Read the event files of one run, as a resumed run leaves several.

    Raises:
        LogError: one cannot be read, or none has a scalar.
    """
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    notes: list[str] = []
    for path in sorted(paths):
        try:
            for event in _records(whole(path)):
                for tag, step, value in _scalars(event):
                    points[tag].append((step, value))
        except NoMessageError as error:
            notes.append(f"{path.name} breaks off: {error}; what came before was read")
    if not points:
        why = f" ({notes[0]})" if notes else ""
        raise LogError(f"an event file must have scalars, but {paths[0]} has none{why}")
    series = {tag: Series(*np.array(found).T) for tag, found in points.items()}
    return Raw(name, str(paths[0].parent), FORM, series, step="step", notes=tuple(notes))


def _records(content: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(content):
        size = _length(content, place)
        if size is None:
            raise NoMessageError(f"byte {place} begins no record")
        start = place + _HEADER
        if start + size + _FOOTER > len(content):
            raise NoMessageError(f"the record at byte {place} is cut off")
        yield content[start : start + size]
        place = start + size + _FOOTER


def _length(content: bytes, place: int) -> int | None:
    """Give the length of the record that begins here; None where its checksum is another."""
    if len(content) - place < _HEADER:
        return None
    size, check = struct.unpack_from("<QI", content, place)
    return size if _masked_crc(content[place : place + 8]) == check else None


def _scalars(event: bytes) -> Iterator[tuple[str, float, float]]:
    step, summaries = 0, list[bytes]()
    for number, value in fields(event):
        if number == 2 and isinstance(value, int):  # noqa: PLR2004 - Event.step
            step = signed(value)
        elif number == 5 and isinstance(value, bytes):  # noqa: PLR2004 - Event.summary
            summaries.append(value)
    for summary in summaries:
        for number, value in fields(summary):
            if number == 1 and isinstance(value, bytes):
                tag, scalar = _value(value)
                if scalar is not None:
                    yield tag, float(step), scalar


def _value(message: bytes) -> tuple[str, float | None]:
    tag, scalar = "", None
    for number, value in fields(message):
        if not isinstance(value, bytes):
            continue
        if number == 1:
            tag = value.decode("utf-8", "replace")
        elif number == 2:  # noqa: PLR2004 - Value.simple_value
            scalar = float(struct.unpack("<f", value)[0]) if len(value) == 4 else None  # noqa: PLR2004 - a float
        elif number == 8:  # noqa: PLR2004 - Value.tensor
            scalar = _tensor(value)
    return tag, scalar


def _tensor(message: bytes) -> float | None:
    """Give the number of a TensorProto that holds just one.

    dtype = 1, tensor_content = 4, float_val = 5, double_val = 6; others are no scalars of ours.
    """
    dtype, content = 0, b""
    for number, value in fields(message):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number in (4, 5, 6) and isinstance(value, bytes):
            content = value
    kind = _DTYPES.get(dtype)
    if kind is None or len(content) != np.dtype(kind).itemsize:
        return None
    return float(np.frombuffer(content, kind)[0])


def _crc_table() -> list[int]:
    """Make the table of CRC-32C (Castagnoli), polynomial 0x1EDC6F41 reflected."""
    table = list[int]()
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _crc_table()


def _masked_crc(content: bytes) -> int:
    """Give the checksum as TFRecord writes it: rotated by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
