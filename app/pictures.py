"""Reading and writing picture files: the only way a file becomes an array in this program.

Training, live inspection, review and the command line all decode here, so that the same file is
the same array everywhere.
"""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from isal import isal_zlib

from app.domain.errors import PictureError
from app.domain.frame import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
"""File endings (lower case) that are taken for pictures in folders."""

_MAX_FILE_BYTES = 1 << 30
_MIN_SIDE = 16
_PNG = b"\x89PNG\r\n\x1a\n"
_SIGNATURES = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|BM|RIFF....WEBP|II[*+]\0|MM\0[*+]", re.DOTALL)
# Inside the entropy-coded data of a JPEG, FF is followed by 0 (a data byte of 255) or is a restart.
_MARKER_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


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
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise PictureError(f"{path} is a folder, not a picture.")
        if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device might never end
            raise PictureError(f"{path} is a pipe or a device, not a picture file.")
        if status.st_size > _MAX_FILE_BYTES:
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
    if not _SIGNATURES.match(data):
        raise PictureError(f"{name} is not a picture this station can read (JPEG, PNG, BMP, TIFF or WebP).")
    if is_truncated(data):
        raise PictureError(f"{name} is truncated: its end is missing. Copy it again from its origin.")
    # OpenCV rounds the 16-bit samples of a TIFF while it narrows them; those of a PNG it cuts.
    deep = cv2.IMREAD_ANYDEPTH if data[:2] in (b"II", b"MM") else 0
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | deep)
    except cv2.error as error:
        raise PictureError(f"{name} can't be decoded: {_short(error)}.") from None
    if image is None:
        raise PictureError(f"{name} is damaged, or of a kind that is not read here. Save it again as PNG or JPEG.")
    if image.dtype == np.uint16:
        image = (np.asarray(image, np.uint16) >> 8).astype(np.uint8)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise PictureError(f"{name} holds {image.dtype} samples. Save it with 8 or 16 bits a sample.")
    height, width = image.shape[:2]
    if min(height, width) < _MIN_SIDE:
        raise PictureError(f"{name} is only {width} x {height} pixels; at least {_MIN_SIDE} a side are needed.")
    return np.ascontiguousarray(image, dtype=np.uint8)


def encode_png(image: Image) -> bytes:
    """Lossless bytes of (H, W, 3) BGR or (H, W) grey uint8; PNG, ISO/IEC 15948.

    Compressed by ISA-L, each row as its difference to the one above: a quarter of the time that OpenCV's encoder takes
    at its lowest level, and as many bytes. The recorder is paced by it, and so is every verdict behind it.
    """
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or not image.size:
        raise PictureError(f"A picture of shape {image.shape} and type {image.dtype} can't be encoded as PNG.")
    if image.nbytes > _MOST_AT_ONCE:
        return _png_by_rows(image)
    height, width = image.shape[:2]
    samples = image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
    samples = samples.reshape(height, -1)
    rows = np.empty((height, 1 + samples.shape[1]), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = samples[0]
    np.subtract(samples[1:], samples[:-1], out=rows[1:, 1:])
    colour = _GREY if image.ndim == 2 else _RGB
    return b"".join(
        (
            _PNG,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)),
            _chunk(b"IDAT", isal_zlib.compress(rows, _LEVEL)),
            _chunk(b"IEND", b""),
        )
    )


_GREY, _RGB = 0, 2  # colour types of PNG
_UP = 2  # its filter by the row above; choosing one for each row makes only drawings smaller, by a tenth
_LEVEL = 2  # the next one takes twice as long
_MOST_AT_ONCE = 96 << 20
"""Bytes of a picture; a larger one would be held in memory three times."""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join(
        (struct.pack(">I", len(data)), kind, data, struct.pack(">I", isal_zlib.crc32(data, isal_zlib.crc32(kind))))
    )


def _png_by_rows(image: Image) -> bytes:
    how = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
    ok, data = cv2.imencode(".png", image, how)
    if not ok:
        raise PictureError("The picture could not be encoded as PNG.")
    return data.tobytes()


def encode_jpeg(image: Image, quality: int = 95) -> bytes:
    """JPEG bytes; 95 is what sampled PASS pictures are kept at."""
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise PictureError("The picture could not be encoded as JPEG.")
    return data.tobytes()


SMALL = 160, 120
"""(width, height) that the small picture beside a stored one fits into, pixels."""


def size_within(size: tuple[int, int], fit: tuple[int, int]) -> tuple[int, int]:
    """`size` (width, height) made small enough for `fit`, in its own proportions; never larger."""
    scale = min(fit[0] / size[0], fit[1] / size[1], 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def shrink(image: Image, fit: tuple[int, int] = SMALL) -> Image:
    """The picture made small enough for `fit` (width, height) by means over areas."""
    wanted = size_within((image.shape[1], image.shape[0]), fit)
    while image.shape[1] >= 4 * wanted[0] and image.shape[0] >= 4 * wanted[1]:
        # OpenCV's fastest path: 12 megapixels in a sixth of the time that one step takes.
        image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        half = image.shape[1] // 2, image.shape[0] // 2
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    small = cv2.resize(image, wanted, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small, np.uint8)


def encode_small(image: Image) -> bytes:
    """The small JPEG of a picture, some 5 kB."""
    return encode_jpeg(shrink(image), 90)


def is_truncated(data: bytes) -> bool:
    """Whether the bytes are a JPEG, PNG, BMP or WebP whose end is missing.

    OpenCV fills the missing part of such files with grey and says nothing; a grey half would then be
    judged as a part.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return not _jpeg_ends(data)
    if data.startswith(_PNG):
        return not _png_ends(data)
    if data.startswith(b"BM"):
        return len(data) < _bmp_length(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return len(data) < int.from_bytes(data[4:8], "little") + 8
    return False


def _jpeg_ends(data: bytes) -> bool:
    """Whether the picture's own end-of-image marker is there. Goes from segment to segment (ITU-T T.81,
    annex B): a thumbnail inside has an end of its own, and phones put films behind the picture."""
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            return True  # no segment where one must be: damaged, which the decoder tells better
        code = data[place + 1]
        if code == 0xFF:  # filling
            place += 1
        elif code == 0xD9:
            return True
        elif code == 0x01 or 0xD0 <= code <= 0xD7:  # markers without a segment
            place += 2
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
            if code == 0xDA:
                after = _MARKER_AFTER_SCAN.search(data, place)
                if after is None:
                    return False
                place = after.start()
    return data[place : place + 2] == b"\xff\xd9"


def _png_ends(data: bytes) -> bool:
    """Whether the chunk IEND is there, wherever further bytes follow it."""
    place = len(_PNG)
    while place + 8 <= len(data):
        if data[place + 4 : place + 8] == b"IEND":
            return True
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    return False


def _bmp_length(data: bytes) -> int:
    """The bytes a BMP needs. For plain pixels from their number, since writers leave the header's file
    size at 0 or wrong; where they are compressed, that size."""
    if len(data) < 54 or int.from_bytes(data[14:18], "little") < 40:
        return int.from_bytes(data[2:6], "little")
    width, height = (abs(int.from_bytes(data[at : at + 4], "little", signed=True)) for at in (18, 22))
    if int.from_bytes(data[30:34], "little") not in (0, 3):
        return int.from_bytes(data[2:6], "little")
    row = (width * int.from_bytes(data[28:30], "little") + 31) // 32 * 4
    return int.from_bytes(data[10:14], "little") + row * height


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


def find_pictures(folder: Path, unreadable: Callable[[Path, OSError], None] | None = None) -> Iterator[Path]:
    """Every picture below `folder`, in natural order, hidden folders left out; links are not followed
    out of loops (each folder is entered once).

    Args:
        unreadable: told of a folder that can't be listed, and why; the walk goes on. Without it the
            OSError is raised.
    """
    seen: set[tuple[int, int]] = set()

    def listed(here: Path) -> list[Path]:
        status = here.stat()
        if (status.st_dev, status.st_ino) in seen:
            return []
        seen.add((status.st_dev, status.st_ino))
        # The name itself decides between "part-1" and "Part-01", so that the order is always the same.
        return sorted(here.iterdir(), key=lambda path: (natural_key(path.name), path.name))

    def walk(here: Path) -> Iterator[Path]:
        try:
            entries = listed(here)
        except OSError as error:
            if unreadable is None:
                raise
            unreadable(here, error)
            return
        for entry in entries:
            try:
                is_folder = entry.is_dir()
            except OSError:  # may be listed, but not looked at: reading it will say so
                is_folder = False
            if is_folder:
                if not entry.name.startswith("."):
                    yield from walk(entry)
            elif is_picture_name(entry):
                yield entry

    yield from walk(folder)


def _short(error: Exception) -> str:
    """The last line of OpenCV's message without its file and line."""
    text = str(error).strip().splitlines()[-1]
    return text.rsplit("error: ", 1)[-1][:160]
