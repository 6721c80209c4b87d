"""Which pictures the service takes: by what they are, not by what they are called."""

from __future__ import annotations

from app.domain.errors import PictureError
from app.domain.frame import Image
from app.pictures import decode_picture

MOST_BYTES = 8 << 20
LEAST_SIDE, MOST_SIDE = 64, 4096

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of JPEG segments that tell the picture's size (ITU-T T.81, table B.1)."""


def checked_picture(data: bytes, name: str) -> Image:
    """The (H, W, 3) uint8 BGR array of a PNG or JPEG within the service's limits.

    Raises:
        PictureError: it is none, is too large, too small, or damaged; `name` is what the words call it.
    """
    if len(data) > MOST_BYTES:
        raise PictureError(f"{name} has {len(data)} bytes; at most {MOST_BYTES} (8 MB) are taken.")
    if not data.startswith((_PNG, _JPEG)):
        raise PictureError(f"{name} is neither PNG nor JPEG.")
    # Before decoding: a small file can unfold to gigabytes.
    size = _size(data)
    if size is not None and not all(LEAST_SIDE <= side <= MOST_SIDE for side in size):
        limits = f"{LEAST_SIDE} x {LEAST_SIDE} to {MOST_SIDE} x {MOST_SIDE}"
        raise PictureError(f"{name} is {size[0]} x {size[1]} pixels; {limits} are taken.")
    if size is None:
        raise PictureError(f"{name} is damaged: it does not tell its size.")
    return decode_picture(data, name)


def _size(data: bytes) -> tuple[int, int] | None:
    """(width, height) as the file's head tells them."""
    if data.startswith(_PNG):
        if len(data) < 24 or data[12:16] != b"IHDR":
            return None
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        code = data[place + 1]
        if code == 0xFF:  # filling
            place += 1
        elif code in _FRAMES:
            return int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(
                data[place + 5 : place + 7], "big"
            )
        elif code == 0x01 or 0xD0 <= code <= 0xD8:  # markers without a segment
            place += 2
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None
