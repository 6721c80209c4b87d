"""Rows straight from the pages of a database file, for where the way to them is damaged.

A table is a tree: a damaged inner page hides all pages below it from SQLite, though the rows stand there, sound.
The format of pages and records is SQLite's own (https://www.sqlite.org/fileformat2.html): a leaf lists its cells, a
cell is a length, the row's number and a record, and a record is a list of types followed by the values.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

Value = int | float | str | None

_LEAF = 0x0D
_LONGEST = 1 << 20  # bytes of a row; longer ones are nonsense that damage made up
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def leaf_rows(database: Path) -> Iterator[tuple[int, list[Value]]]:
    """(rowid, values) of every row in every table leaf of the file, whichever table it is of.

    A row that makes no sense is passed over. What only the write-ahead log holds is not seen.
    """
    with database.open("rb") as file:
        head = file.read(100)
        size = int.from_bytes(head[16:18], "big")
        size = 65536 if size == 1 else size
        if size < 512 or size & (size - 1):
            size = 4096  # the head is damaged too; this is what SQLite makes
        usable = size - (head[20] if len(head) > 20 and head[20] < 100 else 0)
        number = 0
        while True:
            file.seek(number * size)
            page = file.read(size)
            if len(page) < size:
                return
            start = 100 if number == 0 else 0
            if page[start] == _LEAF:
                yield from _cells(file, page, start, usable, size)
            number += 1


def _cells(file: BinaryIO, page: bytes, start: int, usable: int, size: int) -> Iterator[tuple[int, list[Value]]]:
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    first = start + 8
    for index in range(min(count, (len(page) - first) // 2)):
        place = int.from_bytes(page[first + 2 * index : first + 2 * index + 2], "big")
        try:
            length, place = _varint(page, place)
            rowid, place = _varint(page, place)
            if not 0 < length <= _LONGEST:
                continue
            yield rowid, _record(_payload(file, page, place, length, usable, size))
        except (IndexError, ValueError, struct.error):
            continue


def _payload(file: BinaryIO, page: bytes, place: int, length: int, usable: int, size: int) -> bytes:
    """A cell's record, with what did not fit into its page from the chain of pages after it."""
    most = usable - 35
    if length <= most:
        return page[place : place + length]
    least = (usable - 12) * 32 // 255 - 23
    here = least + (length - least) % (usable - 4)
    here = here if here <= most else least
    found = page[place : place + here]
    following = int.from_bytes(page[place + here : place + here + 4], "big")
    while len(found) < length:
        if following < 1:
            raise ValueError("the chain ends early")
        file.seek((following - 1) * size)
        more = file.read(size)
        following = int.from_bytes(more[:4], "big")
        if len(more) < size:
            raise ValueError("the chain leaves the file")
        found += more[4:usable]
    return found[:length]


def _record(data: bytes) -> list[Value]:
    end, place = _varint(data, 0)
    types: list[int] = []
    while place < end:
        kind, place = _varint(data, place)
        types.append(kind)
    values: list[Value] = []
    place = end
    for kind in types:
        value, place = _value(data, kind, place)
        values.append(value)
    if place != len(data):
        raise ValueError("the record is not as long as it says")
    return values


def _value(data: bytes, kind: int, place: int) -> tuple[Value, int]:
    if kind == 0:
        return None, place
    if kind in (8, 9):
        return kind - 8, place
    if kind in _INTEGERS:
        end = place + _INTEGERS[kind]
        return int.from_bytes(data[place:end], "big", signed=True), end
    if kind == 7:
        return struct.unpack(">d", data[place : place + 8])[0], place + 8
    if kind >= 13 and kind % 2:
        end = place + (kind - 13) // 2
        return data[place:end].decode("utf-8", "replace"), end
    raise ValueError("this schema keeps no such values")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """(number, place behind it): seven bits a byte, the ninth byte whole."""
    number = 0
    for index in range(9):
        byte = data[place + index]
        if index == 8:
            number = number << 8 | byte
            break
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return number - (1 << 64) if number >= 1 << 63 else number, place + index + 1
