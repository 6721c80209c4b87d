"""Arrays as QImage. Made off the UI thread wherever a frame is concerned."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from app.domain.frame import Image

_SMALLEST = 256


def fit(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The largest (width, height) with the shape of `size` that lies inside `box`, at least 1 x 1."""
    scale = min(box[0] / max(size[0], 1), box[1] / max(size[1], 1))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resized(picture: Image, size: tuple[int, int]) -> Image:
    """(H, W, 3) uint8 at `size` (width, height), for the eye.

    Halved by the mean of 2 x 2 as often as that goes, which is OpenCV's fastest path, then linear: 2 ms from
    1920 x 1080 to 1240 x 698, against 18 ms by area.
    """
    while picture.shape[1] >= 2 * size[0] and picture.shape[0] >= 2 * size[1]:
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        even = picture[: 2 * half[1], : 2 * half[0]]
        picture = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
    if size != (picture.shape[1], picture.shape[0]):
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return picture


def to_qimage(picture: Image, size: tuple[int, int] | None = None) -> QImage:
    """(H, W, 3) uint8 BGR as an opaque QImage that owns its pixels, resized to `size` (width, height).

    The frame itself is never wrapped: a painter on the image would write into it.
    """
    if size is not None:
        picture = resized(picture, size)
    bgra = cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA)
    return wrap(bgra, QImage.Format.Format_RGB32)


class Still:
    """A picture that stays on the screen for a while, at its own size and halved as often as the eye may want it.

    About a third more memory than the picture alone: what is painted is never reduced by more than a half, so that it
    neither flickers nor takes long. Made off the UI thread.
    """

    def __init__(self, picture: Image, longest: int = 6000) -> None:
        size = (picture.shape[1], picture.shape[0])
        if max(size) > longest:
            size = fit(size, (longest, longest))
            picture = resized(picture, size)
        self._levels = [to_qimage(picture)]
        while min(size) >= 2 * _SMALLEST:
            size = (size[0] // 2, size[1] // 2)
            picture = resized(picture, size)
            self._levels.append(to_qimage(picture))

    @classmethod
    def of(cls, image: QImage) -> Still:
        """Of an image that has the size of its place already."""
        made = cls.__new__(cls)
        made._levels = [image]
        return made

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._levels[0].width(), self._levels[0].height()

    def at(self, width: float) -> QImage:
        """The smallest of them that is at least so many device pixels wide, or the largest."""
        for level in reversed(self._levels):
            if level.width() >= width:
                return level
        return self._levels[0]


def wrap(bgra: NDArray[np.generic], form: QImage.Format) -> QImage:
    """A (H, W, 4) uint8 array in B, G, R, A order as QImage without a copy; the image keeps it alive."""
    bgra = np.ascontiguousarray(bgra)
    return QImage(bgra.data, bgra.shape[1], bgra.shape[0], bgra.strides[0], form)
