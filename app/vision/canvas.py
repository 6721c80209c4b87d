"""From a picture to what the network sees: the one preprocessing of training, live, review and cloud."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from app.domain.frame import Image
from app.vision.geometry import Target, Window, halvings


class Easel:
    """One picture, from which canvases of several sizes are painted."""

    def __init__(self, image: Image) -> None:
        """`image`: (H, W, 3) uint8 BGR."""
        self._halved = [image]

    def paint(self, target: Target) -> Image:
        """The picture at canvas size, (h, w, 3) uint8 BGR.

        Halving by the mean of 2 x 2 pixels keeps the trace of a scratch of two pixels, and is what OpenCV does
        fastest; the linear step behind it shrinks by less than two.
        """
        height, width = self._halved[0].shape[:2]
        image = self._half(halvings(width, height, target))
        if image.shape[:2] == (target.height, target.width):
            return np.ascontiguousarray(image)
        return _resized(image, target.width, target.height, cv2.INTER_LINEAR)

    def _half(self, times: int) -> Image:
        while len(self._halved) <= times:
            image = self._halved[-1]
            height, width = image.shape[0] // 2, image.shape[1] // 2
            self._halved.append(_resized(image[: 2 * height, : 2 * width], width, height, cv2.INTER_AREA))
        return self._halved[times]


def paint(image: Image, target: Target) -> Image:
    """One canvas of an (H, W, 3) uint8 BGR picture."""
    return Easel(image).paint(target)


def cut(canvas: Image, windows: Sequence[Window]) -> Image:
    """The windows of a canvas as a batch (B, h, w, 3) uint8 BGR."""
    if len(windows) == 1:
        return canvas[None]
    return np.stack([canvas[each.y : each.y + each.height, each.x : each.x + each.width] for each in windows])


def _resized(image: Image, width: int, height: int, how: int) -> Image:
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)
