"""EBML, the binary form below Matroska (RFC 8794): element ids, sizes and values."""

from __future__ import annotations

from collections.abc import Iterator

UNKNOWN = -1
"""The size of an element whose end is not known when it begins (RFC 8794, 6.2)."""
UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
_LONGEST_ID, _LONGEST_SIZE = 4, 8


class EbmlError(ValueError):
    """Bytes that are no EBML."""


def write_size(size: int) -> bytes:
    """A size in as few bytes as hold it; all ones are kept for UNKNOWN.

    Raises:
        EbmlError: negative, or more than 56 bits hold.
    """
    for length in range(1, _LONGEST_SIZE + 1):
        if 0 <= size < (1 << 7 * length) - 1:
            return ((1 << 7 * length) | size).to_bytes(length, "big")
    raise EbmlError(f"{size} is no size of an element")


def read_size(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """(size or UNKNOWN, bytes it takes); None where more bytes are needed.

    Raises:
        EbmlError: the first byte is 0, which begins no size.
    """
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > _LONGEST_SIZE:
        raise EbmlError("no size begins with a byte of 0")
    if at + length > len(data):
        return None
    value = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
    return (UNKNOWN if value == (1 << 7 * length) - 1 else value), length


def read_id(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """(id with its marker bit, bytes it takes); None where more bytes are needed.

    Raises:
        EbmlError: longer than four bytes.
    """
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > _LONGEST_ID:
        raise EbmlError("no id begins like this")
    if at + length > len(data):
        return None
    return int.from_bytes(data[at : at + length], "big"), length


def element(name: int, content: bytes) -> bytes:
    """A whole element."""
    return id_bytes(name) + write_size(len(content)) + content


def id_bytes(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8, "big")


def open_element(name: int) -> bytes:
    """The beginning of an element of unknown size."""
    return id_bytes(name) + UNKNOWN_SIZE


def uint(name: int, value: int) -> bytes:
    """An element that holds a whole number."""
    return element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def text(name: int, value: str) -> bytes:
    return element(name, value.encode("utf-8"))


def children(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, content) of the elements in a master element's content.

    Raises:
        EbmlError: an element is cut off, damaged or of unknown size.
    """
    at = 0
    while at < len(content):
        name = read_id(content, at)
        size = None if name is None else read_size(content, at + name[1])
        if name is None or size is None or size[0] == UNKNOWN:
            raise EbmlError("an element inside another is cut off")
        begin = at + name[1] + size[1]
        at = begin + size[0]
        if at > len(content):
            raise EbmlError("an element is longer than the one it lies in")
        yield name[0], content[begin:at]
