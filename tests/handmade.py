"""Picture files with their bytes laid by hand: EXIF orientations, thumbnails, TIFFs as no library here writes them."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def texture(height: int = 40, width: int = 60, seed: int = 0) -> Image:
    """(height, width, 3) uint8 BGR that is different in every corner."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 2)
    ramp = np.linspace(0, 120, width, dtype=np.uint8)[None, :, None]
    return np.asarray(picture // 2 + ramp, np.uint8)


def encoded(ending: str, picture: NDArray[np.generic], *parameters: int) -> bytes:
    ok, data = cv2.imencode(ending, picture, list(parameters))
    assert ok
    return data.tobytes()


def oriented(upright: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """What a camera held so has in its file: `upright` is what the reader must make of it."""
    back = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    return np.ascontiguousarray(back[orientation])


def exif(orientation: int, thumbnail: bytes = b"", *, little: bool = True) -> bytes:
    """A TIFF block with the orientation and, in a second directory, a JPEG thumbnail."""
    order = "<" if little else ">"
    head = (b"II" if little else b"MM") + struct.pack(order + "HI", 42, 8)
    first = struct.pack(order + "HHHIHH", 1, 0x112, 3, 1, orientation, 0)
    if not thumbnail:
        return head + first + struct.pack(order + "I", 0)
    second_at = 8 + len(first) + 4
    data_at = second_at + 2 + 2 * 12 + 4
    second = struct.pack(order + "HHHIIHHIII", 2, 0x201, 4, 1, data_at, 0x202, 4, 1, len(thumbnail), 0)
    return head + first + struct.pack(order + "I", second_at) + second + thumbnail


def jpeg_with_exif(jpeg: bytes, block: bytes) -> bytes:
    content = b"Exif\0\0" + block
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


def png_with_exif(png: bytes, block: bytes) -> bytes:
    chunk = b"eXIf" + block
    return png[:33] + struct.pack(">I", len(block)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]


def webp_with_exif(webp: bytes, block: bytes, width: int, height: int) -> bytes:
    size = struct.unpack("<I", webp[16:20])[0]
    extended = bytes([0x08, 0, 0, 0]) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBP"
    for name, content in ((b"VP8X", extended), (webp[12:16], webp[20 : 20 + size]), (b"EXIF", block)):
        body += name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(picture: Image, orientation: int = 1, strips: int = 4) -> bytes:
    """An uncompressed TIFF with its directory before its pixels, so that cutting it costs pixels only."""
    height, width = picture.shape[:2]
    rows = height // strips
    entries = 11
    bits_at = 8 + 2 + 12 * entries + 4
    offsets_at, counts_at = bits_at + 8, bits_at + 8 + 4 * strips
    data_at = counts_at + 4 * strips
    strip = rows * width * 3
    short, long = 3, 4
    tags = [
        (256, short, 1, width),
        (257, short, 1, height),
        (258, short, 3, bits_at),
        (259, short, 1, 1),
        (262, short, 1, 2),
        (273, long, strips, offsets_at),
        (274, short, 1, orientation),
        (277, short, 1, 3),
        (278, short, 1, rows),
        (279, long, strips, counts_at),
        (284, short, 1, 1),
    ]
    directory = struct.pack("<H", entries)
    for tag, kind, count, value in tags:
        inline = struct.pack("<HH", value, 0) if kind == short and count == 1 else struct.pack("<I", value)
        directory += struct.pack("<HHI", tag, kind, count) + inline
    tables = struct.pack("<4H", 8, 8, 8, 0)
    tables += struct.pack(f"<{strips}I", *(data_at + index * strip for index in range(strips)))
    tables += struct.pack(f"<{strips}I", *[strip] * strips)
    return b"II*\0" + struct.pack("<I", 8) + directory + b"\0\0\0\0" + tables + picture[..., ::-1].tobytes()


def png_header_only(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be huge, as decompression bombs are."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
