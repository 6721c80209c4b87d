"""From the heat map to places on the original picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.region import Region

_FINER = 4
"""The map is enlarged this many times before its outline is drawn: it is smooth, so the outline is
placed between cells instead of along them."""

_MAX_REGIONS = 50


def enlarge(heat: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """The heat map at another size over the same area, (height, width) float32, linear between the
    middles of its cells."""
    return np.asarray(cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def find_regions(
    heat: NDArray[np.float32],
    box: tuple[float, float, float, float],
    size: tuple[int, int],
    limit: float,
    label: str = "anomaly",
) -> tuple[Region, ...]:
    """Connected areas where the map reaches `limit`, strongest first.

    Args:
        heat: (h, w) float32.
        box: (x, y, width, height) in pixels of the picture that the map covers.
        size: (width, height) of the picture.
    """
    if float(heat.max()) < limit:
        return ()
    rows, columns = heat.shape
    fine = enlarge(heat, columns * _FINER, rows * _FINER)
    # Enlarging between middles may shave the very top of a peak: the cell's own value counts.
    fine = np.maximum(fine, np.repeat(np.repeat(np.where(heat >= limit, heat, -np.inf), _FINER, 0), _FINER, 1))
    above = (fine >= limit).astype(np.uint8)
    x0, y0, box_width, box_height = box
    scale_x, scale_y = box_width / fine.shape[1], box_height / fine.shape[0]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    regions: list[Region] = []
    for index in range(1, count):
        left, top, wide, tall, cells = (int(value) for value in stats[index])
        window = labels[top : top + tall, left : left + wide] == index
        peak = float(fine[top : top + tall, left : left + wide][window].max())
        x = int(np.floor(x0 + left * scale_x))
        y = int(np.floor(y0 + top * scale_y))
        right = min(size[0], int(np.ceil(x0 + (left + wide) * scale_x)))
        bottom = min(size[1], int(np.ceil(y0 + (top + tall) * scale_y)))
        regions.append(
            Region(
                x=x,
                y=y,
                width=right - x,
                height=bottom - y,
                area=max(1, round(cells * scale_x * scale_y)),
                label=label,
                score=peak,
                outline=_outline(window, (x0 + left * scale_x, y0 + top * scale_y), (scale_x, scale_y), size),
            )
        )
    regions.sort(key=lambda region: (-region.score, region.y, region.x))
    return tuple(regions[:_MAX_REGIONS])


def _outline(
    window: NDArray[np.bool_], origin: tuple[float, float], scale: tuple[float, float], size: tuple[int, int]
) -> tuple[tuple[int, int], ...]:
    """The outer border of one component, in pixels of the picture."""
    # Contours run through cell middles; twice the size with a border puts them on cell edges instead.
    doubled = np.repeat(np.repeat(window.astype(np.uint8), 2, 0), 2, 1)
    contours, _ = cv2.findContours(np.pad(doubled, 1), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest = max(contours, key=cv2.contourArea)
    points = cv2.approxPolyDP(longest, 0.8, True).reshape(-1, 2).astype(np.float64)
    points = (points - 1 + 0.5) / 2  # back from the padded, doubled grid
    placed = points * scale + origin
    placed[:, 0] = np.clip(placed[:, 0], 0, size[0] - 1)
    placed[:, 1] = np.clip(placed[:, 1], 0, size[1] - 1)
    return tuple((round(float(x)), round(float(y))) for x, y in placed)
