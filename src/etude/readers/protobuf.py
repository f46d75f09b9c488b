"""The wire format of Protocol Buffers: as much of it as a log of numbers needs.

A message is a list of fields, each a number and a value; what a field means is known to whoever
reads it. See "Encoding" in the documentation of Protocol Buffers. Nothing here allocates by a
length that was read: each must fit into the bytes that are there.
"""

from collections.abc import Iterator

from etude.errors import LogError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}
_LONGEST = 10
"""Bytes of the longest varint."""


class NoMessageError(LogError):
    """Bytes that are no message."""


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give a message's fields: their numbers, and whole numbers or bytes.

    Raises:
        NoMessageError: the bytes are no message.
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == BYTES:
            size, place = _varint(message, place)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise NoMessageError(f"a field of wire type {kind} cannot be read")
        if size > len(message) - place:
            raise NoMessageError("a field reaches beyond the end of its message")
        yield number, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for i in range(_LONGEST):
        if place + i >= len(message):
            break
        byte = message[place + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:  # noqa: PLR2004 - the eighth bit says that more bytes follow
            return value, place + i + 1
    raise NoMessageError("a whole number does not end")


def signed(value: int) -> int:
    """Read a varint as an int64."""
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value
