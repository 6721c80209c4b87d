"""Reference pictures: how a component should look, small enough for a screen and a backup."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import Self

import cv2

from app.domain.errors import PictureError
from app.domain.frame import Image
from app.pictures import decode_picture, encode_jpeg

log = logging.getLogger(__name__)

_LONGEST_SIDE = 1600


@dataclass(frozen=True, slots=True)
class Reference:
    """A JPEG and its SHA-256."""

    sha256: str
    data: bytes

    @classmethod
    def of(cls, picture: Image) -> Self:
        """From an (H, W, 3) uint8 BGR picture, made smaller where a side has more than 1600 pixels."""
        height, width = picture.shape[:2]
        scale = _LONGEST_SIDE / max(height, width)
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        data = encode_jpeg(picture)
        return cls(hashlib.sha256(data).hexdigest(), data)

    def picture(self) -> Image:
        """(H, W, 3) uint8 BGR."""
        return decode_picture(self.data, "the reference picture")


def reference_from(data: bytes, name: str) -> Reference:
    """From a picture file's bytes; `name` is what error texts call it. One that is such a JPEG already stays as it
    is, so that a plan written out and read again is the same plan."""
    picture = decode_picture(data, name=name)
    if data[:3] == b"\xff\xd8\xff" and max(picture.shape[:2]) <= _LONGEST_SIDE:
        return Reference(hashlib.sha256(data).hexdigest(), data)
    return Reference.of(picture)


def reference_of(data: bytes | None) -> Image | None:
    """The picture of kept bytes, (H, W, 3) uint8 BGR; None where there are none, or they are damaged."""
    try:
        return None if data is None else decode_picture(data, "the reference picture")
    except PictureError as error:
        log.warning("%s", error)
        return None
