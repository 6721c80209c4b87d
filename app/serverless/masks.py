"""The mask of a result, as the project's own dataset folders have them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from app.domain.frame import Image
from app.domain.region import Region


def mask_of(image: Image, regions: Sequence[Region]) -> Image:
    """(H, W, 3) uint8 of the picture's size: 255 where a defect was found, 0 elsewhere."""
    mask = np.zeros(image.shape[:2], np.uint8)
    for region in regions:
        if len(region.outline) >= 3:
            cv2.fillPoly(mask, [np.array(region.outline, np.int32)], [255])
        else:
            mask[region.y : region.y + region.height, region.x : region.x + region.width] = 255
    return np.repeat(mask[:, :, None], 3, axis=2)
