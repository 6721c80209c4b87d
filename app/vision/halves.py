"""A picture and what is left of it when it is halved again and again, made once for all who look at it smaller."""

from __future__ import annotations

import cv2
import numpy as np

from app.domain.frame import Image


class Halves:
    """Of one (H, W, 3) uint8 BGR picture; for one thread."""

    def __init__(self, image: Image) -> None:
        self._halved = [image]

    @property
    def image(self) -> Image:
        """The picture itself."""
        return self._halved[0]

    def at(self, times: int) -> Image:
        """Halved so many times: the mean of 2 x 2 pixels, a last odd row or column left out."""
        while len(self._halved) <= times:
            image = self._halved[-1]
            height, width = image.shape[0] // 2, image.shape[1] // 2
            image = image[: 2 * height, : 2 * width]
            halved = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            self._halved.append(np.asarray(halved, np.uint8))
        return self._halved[times]
