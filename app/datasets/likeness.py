"""Whether two pictures look the same: a 64-bit perceptual hash (pHash: Zauner 2010, "Implementation and benchmarking of
perceptual image hash functions")."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.frame import Image

_SIDE, _LOW = 32, 8
NEAREST = 2
"""Bits by which hashes of one picture may differ. Parts on a fixture all look alike: more would take them for one."""


def perceptual_hash(image: Image) -> int:
    """Signs of the lowest 8 x 8 frequencies of an (H, W, 3) uint8 BGR picture against their median, as 64 bits."""
    grey = cv2.cvtColor(cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low = cv2.dct(grey.astype(np.float32))[:_LOW, :_LOW].reshape(-1)
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def closest(likeness: int, others: NDArray[np.uint64]) -> int | None:
    """The nearest of `others` where it is one picture with this, None otherwise."""
    if not len(others):
        return None
    distance = np.bitwise_count(others ^ np.uint64(likeness))
    nearest = int(distance.argmin())
    return int(others[nearest]) if distance[nearest] <= NEAREST else None
