"""Arrays as QImage. Made off the UI thread wherever a frame is concerned."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from app.domain.frame import Image


def fit(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The largest (width, height) with the shape of `size` that lies inside `box`, at least 1 x 1."""
    scale = min(box[0] / max(size[0], 1), box[1] / max(size[1], 1))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def to_qimage(picture: Image, size: tuple[int, int] | None = None) -> QImage:
    """(H, W, 3) uint8 BGR as an opaque QImage that owns its pixels, resized to `size` (width, height).

    The frame itself is never wrapped: a painter on the image would write into it.
    """
    if size is not None and size != (picture.shape[1], picture.shape[0]):
        shrinking = size[0] < picture.shape[1]
        picture = cv2.resize(  # type: ignore[assignment]
            picture, size, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
        )
    bgra = cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA)
    return wrap(bgra, QImage.Format.Format_RGB32)


def wrap(bgra: NDArray[np.generic], form: QImage.Format) -> QImage:
    """A (H, W, 4) uint8 array in B, G, R, A order as QImage without a copy; the image keeps it alive."""
    bgra = np.ascontiguousarray(bgra)
    return QImage(bgra.data, bgra.shape[1], bgra.shape[0], bgra.strides[0], form)
