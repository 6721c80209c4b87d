"""Taking pictures into a library: copied as they are, checked, hashed, with a thumbnail; duplicates set aside."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.datasets.library.files import LibraryFiles, thumbnail_of
from app.datasets.likeness import Look, look_of
from app.domain.errors import PictureError
from app.domain.frame import Image
from app.domain.labelling import LabelState
from app.pictures import decode_picture, is_truncated

Masks = dict[str, NDArray[np.bool_]]

_MAX_BYTES = 1 << 30
_AHEAD = 8  # pictures decoded before they are taken over: bounds the memory
_REDUCED_FROM = 1 << 20  # bytes; smaller files are decoded whole, which costs nothing


@dataclass(frozen=True, slots=True)
class Incoming:
    """A picture to be taken in.

    Attributes:
        path: the file; or its bytes, in `data`.
        state: what is known of it already; `mask` and defect types' pixels come in `masks`.
        masks: gives the defect's pixels by type name, each (H, W) bool, for (width, height).
        place: where it stands in a list, for messages.
    """

    name: str
    path: Path | None = None
    data: bytes | None = None
    source: str = ""
    camera: str = ""
    taken_at: datetime | None = None
    state: LabelState = field(default_factory=LabelState)
    masks: Callable[[tuple[int, int]], Masks] | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A picture that was read and lies in the library's folder; `look` is None for one that is known already."""

    incoming: Incoming
    digest: str
    suffix: str
    width: int
    height: int
    bytes: int
    look: Look | None
    sharpness: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A picture that can't be used, and why, in words."""

    incoming: Incoming
    words: str


def checked(
    incoming: Iterable[Incoming], files: LibraryFiles, known: Callable[[str], bool]
) -> Iterator[Checked | Refused]:
    """Reads each picture on two workers, in order; the copy and the thumbnail are made there.

    Args:
        known: whether the library has a picture of that digest already; it is not decoded again then.
    """
    workers = max(2, min(4, os.cpu_count() or 2))
    with ThreadPoolExecutor(workers, thread_name_prefix="import") as pool:
        waiting: deque[Future[Checked | Refused]] = deque()
        try:
            for each in incoming:
                waiting.append(pool.submit(_check, each, files, known))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _check(each: Incoming, files: LibraryFiles, known: Callable[[str], bool]) -> Checked | Refused:
    shown = str(each.path or each.name)
    try:
        data = each.data if each.data is not None else _bytes_of(each.path)
    except OSError as error:
        return Refused(each, f"{shown} can't be read: {error.strerror or error}.")
    except PictureError as error:
        return Refused(each, str(error))
    digest = hashlib.sha256(data).hexdigest()
    suffix = _suffix(data)
    if known(digest):
        return Checked(each, digest, suffix, 0, 0, len(data), None, 0.0)
    try:
        image, width, height = decode_small(data, shown)
    except PictureError as error:
        return Refused(each, str(error))
    files.keep_picture(data, digest, suffix)
    files.keep_thumbnail(digest, thumbnail_of(image))
    return Checked(each, digest, suffix, width, height, len(data), look_of(image), _sharpness(image))


def _bytes_of(path: Path | None) -> bytes:
    assert path is not None
    if not path.is_file():
        raise PictureError(f"{path} does not exist." if not path.exists() else f"{path} is no file.")
    if path.stat().st_size > _MAX_BYTES:
        raise PictureError(f"{path} is larger than 1 GiB: no picture of this station is. Export it smaller.")
    return path.read_bytes()


def decode_small(data: bytes, name: str) -> tuple[Image, int, int]:
    """A picture for thumbnail and hash, and its whole size.

    A large JPEG is decoded at an eighth or a quarter of its size, which is several times faster; everything that makes
    a picture unusable is still found, except errors in the middle of its data.

    Returns:
        ((h, w, 3) uint8 BGR, width, height), upright after its EXIF orientation.

    Raises:
        PictureError: as `decode_picture`.
    """
    size = _jpeg_size(data) if data.startswith(b"\xff\xd8\xff") and len(data) >= _REDUCED_FROM else None
    if size is None or is_truncated(data):
        image = decode_picture(data, name)
        return image, image.shape[1], image.shape[0]
    flag, factor = (cv2.IMREAD_REDUCED_COLOR_8, 8) if max(size) >= 3000 else (cv2.IMREAD_REDUCED_COLOR_4, 4)
    try:
        small = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:
        small = None
    if small is None:
        raise PictureError(f"{name} is damaged. Copy it again from its origin.")
    width, height = size
    # EXIF may lay it on its side: then the small one is as wide as the file is high.
    if small.shape[:2] == (-(-width // factor), -(-height // factor)) != (-(-height // factor), -(-width // factor)):
        width, height = height, width
    return np.asarray(small, np.uint8), width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) as the frame header says (ITU-T T.81, B.2.2); None where there is none."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        code = data[place + 1]
        if code == 0xFF:
            place += 1
            continue
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(data[place + at : place + at + 2], "big") for at in (5, 7))
            return (width, height) if width and height else None
        if code == 0xDA:
            return None
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None


def _suffix(data: bytes) -> str:
    """The ending by the content: files carry wrong ones."""
    for start, suffix in ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"RIFF", ".webp")):
        if data.startswith(start):
            return suffix
    return ".tif"


def _sharpness(image: Image) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000); comparable among pictures of one size and camera only."""
    return float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_32F).var())
