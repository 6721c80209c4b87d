"""From a picture to what the network sees: the one preprocessing of training, live, review and cloud."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from app.domain.frame import Image
from app.vision.geometry import Target, Window, halvings
from app.vision.halves import Halves


class Easel:
    """One picture, from which canvases of several sizes are painted."""

    def __init__(self, halves: Halves) -> None:
        self._halves = halves

    def paint(self, target: Target) -> Image:
        """The picture at canvas size, (h, w, 3) uint8 BGR.

        Halving by the mean of 2 x 2 pixels keeps the trace of a scratch of two pixels, and is what OpenCV does
        fastest; the linear step behind it shrinks by less than two.
        """
        height, width = self._halves.image.shape[:2]
        image = self._halves.at(halvings(width, height, target))
        if image.shape[:2] == (target.height, target.width):
            return np.ascontiguousarray(image)
        resized = cv2.resize(image, (target.width, target.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, np.uint8)


def paint(image: Image, target: Target) -> Image:
    """One canvas of an (H, W, 3) uint8 BGR picture."""
    return Easel(Halves(image)).paint(target)


def cut(canvas: Image, windows: Sequence[Window]) -> Image:
    """The windows of a canvas as a batch (B, h, w, 3) uint8 BGR."""
    if len(windows) == 1:
        return canvas[None]
    return np.stack([canvas[each.y : each.y + each.height, each.x : each.x + each.width] for each in windows])
