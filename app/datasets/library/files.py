"""The library's files beside its database: pictures, masks and thumbnails, each named after its content.

Nothing there is ever overwritten: another content is another name. So undo needs no copies, and two stations on one
folder can't damage each other's files.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import cv2
import numpy as np

from app.domain.errors import DatasetError, MaskError
from app.domain.frame import Image
from app.masking import Plane, decode_plane, encode_plane
from app.pictures import read_picture
from app.whole_files import write_whole

THUMB_SIDE = 224
"""Longer side of a thumbnail in pixels."""


class LibraryFiles:
    def __init__(self, root: Path) -> None:
        self.root = root

    def picture(self, digest: str, suffix: str) -> Path:
        return self.root / "pictures" / digest[:2] / f"{digest}{suffix}"

    def mask(self, digest: str) -> Path:
        return self.root / "masks" / digest[:2] / f"{digest}.png"

    def thumbnail(self, digest: str) -> Path:
        return self.root / "thumbnails" / digest[:2] / f"{digest}.jpg"

    def keep_picture(self, data: bytes, digest: str, suffix: str) -> None:
        """Raises OSError where there is no room; nothing half-written stays."""
        _write_once(self.picture(digest, suffix), data)

    def keep_mask(self, plane: Plane) -> str:
        """Writes a mask losslessly and returns its digest.

        Raises:
            OSError: no room, no access.
        """
        data = encode_plane(plane)
        digest = hashlib.sha256(data).hexdigest()
        _write_once(self.mask(digest), data)
        return digest

    def read_mask(self, digest: str) -> Plane:
        """Raises DatasetError where it is missing or damaged; names the file."""
        path = self.mask(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DatasetError(f"The mask {path} can't be read ({error.strerror or error}).") from error
        try:
            return decode_plane(data, name=f"The mask {path}")
        except MaskError as error:
            raise DatasetError(f"{error} Earlier ones are in the picture's history.") from error

    def keep_thumbnail(self, digest: str, image: Image) -> None:
        """From the picture, or a smaller version of it. A cache: no harm if it fails."""
        with contextlib.suppress(OSError):
            _write_once(self.thumbnail(digest), encode_thumbnail(image), safe=False)

    def read_thumbnail(self, digest: str, suffix: str) -> Image:
        """(h, w, 3) uint8 BGR, made now where there is none.

        Raises:
            PictureError: the picture is gone or damaged.
        """
        try:
            data = self.thumbnail(digest).read_bytes()
            small = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        except OSError:
            small = None
        if small is not None:
            return np.asarray(small, np.uint8)
        image = read_picture(self.picture(digest, suffix))
        self.keep_thumbnail(digest, image)
        return thumbnail_of(image)


def thumbnail_of(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = THUMB_SIDE / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def encode_thumbnail(image: Image) -> bytes:
    return cv2.imencode(".jpg", thumbnail_of(image), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def _write_once(path: Path, data: bytes, *, safe: bool = True) -> None:
    """Writes a file that is named after its content: what is there already is right."""
    with contextlib.suppress(OSError):
        if path.stat().st_size == len(data):
            return
    write_whole(path, data, durable=safe)
