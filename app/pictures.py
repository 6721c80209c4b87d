"""Reading and writing picture files: the only way a file becomes an array in this program.

Training, live inspection, review and the command line all decode here, so that the same file is
the same array everywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

# Read by OpenCV when its codecs are loaded: refuses decompression bombs with an error of its own.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 29))

import cv2
import numpy as np

from app.domain.errors import PictureError
from app.domain.frame import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
"""File endings (lower case) that are taken for pictures in folders."""

_MAX_FILE_BYTES = 1 << 30
_MIN_SIDE = 16


def read_picture(path: Path) -> Image:
    """Decodes a picture file to (H, W, 3) uint8 BGR, upright after its EXIF orientation.

    Grey becomes three equal channels, alpha is dropped, 16-bit samples keep their upper byte.

    Raises:
        PictureError: missing, empty, truncated, damaged, not a picture, or too small; the text
            names the file.
    """
    try:
        return decode_picture(_bytes_of(path), name=str(path))
    except PictureError as error:
        error.path = path
        raise


def _bytes_of(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise PictureError(f"{path} is a folder, not a picture.")
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise PictureError(f"{path} is larger than 1 GiB: no picture of this station is. Export it smaller.")
        return path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"{path} does not exist.") from None
    except PermissionError:
        raise PictureError(f"{path} may not be read by this user: check its permissions.") from None
    except OSError as error:
        raise PictureError(f"{path} can't be read: {error.strerror or error}.") from error


def decode_picture(data: bytes, name: str = "the picture") -> Image:
    """Like `read_picture`, from the file's bytes; `name` is what error texts call it."""
    if not data:
        raise PictureError(f"{name} is empty (0 bytes): copy it again from its origin.")
    if is_truncated(data):
        raise PictureError(f"{name} is truncated: its end is missing. Copy it again from its origin.")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise PictureError(f"{name} can't be decoded: {_short(error)}.") from None
    if image is None:
        raise PictureError(
            f"{name} is not a picture this station can read (JPEG, PNG, BMP, TIFF or WebP), or is damaged."
        )
    height, width = image.shape[:2]
    if min(height, width) < _MIN_SIDE:
        raise PictureError(f"{name} is only {width} x {height} pixels; at least {_MIN_SIDE} a side are needed.")
    return np.ascontiguousarray(image, dtype=np.uint8)


def encode_png(image: Image) -> bytes:
    """Lossless bytes; level 1, since the recorder is paced by it (levels above cost 3-10 x the time)."""
    ok, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not ok:
        raise PictureError("The picture could not be encoded as PNG.")
    return data.tobytes()


def encode_jpeg(image: Image, quality: int = 95) -> bytes:
    """JPEG bytes; 95 is what sampled PASS pictures are kept at."""
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise PictureError("The picture could not be encoded as JPEG.")
    return data.tobytes()


def is_truncated(data: bytes) -> bool:
    """Whether the bytes are a JPEG, PNG, BMP or WebP whose end is missing.

    OpenCV fills the missing part of such files with grey and says nothing; a grey half would then be
    judged as a part.
    """
    if data.startswith(b"\xff\xd8\xff"):
        # The last start-of-scan must be followed by an end-of-image (an EXIF thumbnail has its own,
        # earlier pair); inside entropy-coded data FF D9 can't occur.
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda") or b"\xff\xda" not in data
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND" not in data[-4096:]
    if data.startswith(b"BM") and len(data) >= 6:
        return len(data) < int.from_bytes(data[2:6], "little")
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return len(data) < int.from_bytes(data[4:8], "little") + 8
    return False


def is_picture_name(path: Path) -> bool:
    """Whether the name has a picture's ending and is not hidden (".", "._" copies of other systems)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key with numbers by value: part-2 before part-10; upper and lower case side by side."""
    return [
        (0, int(piece), "") if piece.isdigit() and piece.isascii() else (1, 0, piece.casefold())
        for piece in re.split(r"([0-9]+)", text)
        if piece
    ]


def find_pictures(folder: Path) -> Iterator[Path]:
    """Every picture below `folder`, in natural order, hidden folders left out; links are not followed
    out of loops (each folder is entered once)."""
    seen: set[tuple[int, int]] = set()

    def walk(here: Path) -> Iterator[Path]:
        status = here.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        for entry in sorted(here.iterdir(), key=lambda path: natural_key(path.name)):
            if entry.is_dir():
                if not entry.name.startswith("."):
                    yield from walk(entry)
            elif is_picture_name(entry):
                yield entry

    yield from walk(folder)


def _short(error: Exception) -> str:
    """The last line of OpenCV's message without its file and line."""
    text = str(error).strip().splitlines()[-1]
    return text.rsplit("error: ", 1)[-1][:160]
