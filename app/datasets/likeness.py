"""Whether pictures show the same: a perceptual hash, and a thumbnail for a second look.

The hash is pHash (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010): 64 low
frequencies of the discrete cosine transform, each as one bit, above their median or not. It finds candidates quickly.
Parts in a fixture all look alike to it, so that thumbnails have to agree as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.frame import Image

DISTANCE = 4
"""Bits of 64 in which hashes of one picture may differ (half of the bits are always set, so that they differ in an even
number). Of 598 pictures (moulded figures, magnetic tiles, biscuits) every one re-encoded as JPEG of quality 80 stays
within it, and 99.3 % of those at half their size; 99.7 and 91 % stay within 2. But so do, within 2 and 4, 63 and 138
pairs of different pictures, and of drawn parts in a fixture one pair in three and two in three."""

TOLERANCE = 12
"""Grey levels in which thumbnails of one picture may differ. Re-encoded pictures, and halved ones of more than 380
pixels a side, stay within 4; of 455 halved tiles of 110 to 390 pixels, 87 % stay within 12. Of the 138 pairs of
different pictures within `DISTANCE` all differ by 24 or more but four, which show one part twice."""

SIDE = 32
"""Of a thumbnail, in pixels."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture looks like.

    Attributes:
        hash: 64 bits.
        thumbnail: (32, 32) uint8 grey.
    """

    hash: int
    thumbnail: NDArray[np.uint8]


def look_of(image: Image) -> Look:
    """What re-encoding, scaling and a little noise hardly change.

    Args:
        image: (H, W, 3) uint8 BGR, upright.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    # Without the first row and column: they follow the light, not the part.
    low = np.asarray(cv2.dct(small.astype(np.float32)))[1:9, 1:9].ravel()
    bits = low > np.median(low)
    return Look(int.from_bytes(np.packbits(bits).tobytes(), "big"), small)


def alike(one: Look, other: Look) -> bool:
    """Whether two pictures show the same: by hash and by thumbnail."""
    if (one.hash ^ other.hash).bit_count() > DISTANCE:
        return False
    return int(cv2.absdiff(one.thumbnail, other.thumbnail).max()) <= TOLERANCE
