"""The model's heat map as a mask to begin with."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.masking.rects import Area, area_of

Heat = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """What a model thought of a picture.

    Attributes:
        values: (h, w) float32, finite, in the units of the score.
        limit: where an anomaly begins.
        box: (x, y, width, height), where the map lies on the picture, in its pixels; None: on the whole picture.
    """

    values: Heat
    limit: float
    box: tuple[float, float, float, float] | None = None

    @property
    def peak(self) -> float:
        """Its highest value."""
        return float(self.values.max(initial=0.0))


def heat_area(heat: HeatMap, size: tuple[int, int], threshold: float, min_area: int = 0) -> Area | None:
    """Where the map, brought to the picture by linear interpolation between the middles of its cells, reaches a
    threshold.

    Args:
        size: (width, height) of the picture.
        threshold: in the map's units.
        min_area: islands of fewer pixels are left out.

    Returns:
        None where the map reaches the threshold nowhere.
    """
    rows, columns = heat.values.shape
    if rows == 0 or columns == 0:
        return None
    x, y, width, height = heat.box if heat.box is not None else (0.0, 0.0, float(size[0]), float(size[1]))
    if width <= 0 or height <= 0:
        return None
    scale_x, scale_y = width / columns, height / rows
    # Cell (i, j) has its middle at ((i + 0.5) * scale - 0.5) when pixels count from their middles.
    matrix = np.array([[scale_x, 0, x + scale_x / 2 - 0.5], [0, scale_y, y + scale_y / 2 - 0.5]])
    full = cv2.warpAffine(heat.values, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    pixels = (np.asarray(full, np.float32) >= threshold).view(np.uint8)
    if heat.box is not None:  # beyond the map nobody has looked
        left, top = max(round(x), 0), max(round(y), 0)
        inside = np.zeros_like(pixels)
        part = slice(top, max(round(y + height), 0)), slice(left, max(round(x + width), 0))
        inside[part] = pixels[part]
        pixels = inside
    if min_area > 1:
        pixels = without_specks(pixels, min_area)
    return area_of(pixels)


def without_specks(pixels: NDArray[np.uint8], min_area: int) -> NDArray[np.uint8]:
    """(H, W) uint8 of 0 and 1 without its islands (8 neighbours) of fewer than `min_area` pixels."""
    _, names, stats, _ = cv2.connectedComponentsWithStats(pixels, connectivity=8, ltype=cv2.CV_32S)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area
    keep[0] = False
    return np.asarray(keep[names], bool).view(np.uint8)
