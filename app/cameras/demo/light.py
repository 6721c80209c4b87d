"""Shapes as signed distances and the light that falls on metal: the drawing's two tools.

Shapes are drawn larger than needed and reduced, which gives their edges the grey levels a lens and
a sensor would. Distances are in pixels of the finished picture, negative inside.
Signed distances: I. Quilez, "2D distance functions" (iquilezles.org/articles/distfunctions2d).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""(h, w) float32."""
Values = NDArray[np.floating[Any]]
"""What the functions here take: any floating point array."""


def grid(width: int, height: int, scale: int) -> tuple[Plane, Plane]:
    """x and y of the sample centres of a (height x width) picture, `scale` samples a pixel and side."""
    x = (np.arange(width * scale, dtype=np.float32) + 0.5) / scale
    y = (np.arange(height * scale, dtype=np.float32) + 0.5) / scale
    xx, yy = np.meshgrid(x, y)
    return xx.astype(np.float32), yy.astype(np.float32)


def reduce(image: Values, scale: int) -> NDArray[np.float32]:
    """The mean of each scale x scale block."""
    height, width = image.shape[:2]
    samples = image.astype(np.float32, copy=False)
    small = cv2.resize(samples, (width // scale, height // scale), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def circle(x: Plane, y: Plane, cx: float, cy: float, radius: float) -> Plane:
    return np.asarray(np.hypot(x - cx, y - cy) - radius, np.float32)


def box(x: Plane, y: Plane, centre: tuple[float, float], half: tuple[float, float], radius: float) -> Plane:
    """A rectangle with rounded corners."""
    qx = np.abs(x - centre[0]) - half[0] + radius
    qy = np.abs(y - centre[1]) - half[1] + radius
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0))
    return np.asarray(outside + np.minimum(np.maximum(qx, qy), 0) - radius, np.float32)


def hexagon(x: Plane, y: Plane, apothem: float, turn: float) -> Plane:
    """A regular hexagon round the origin; `turn` in radians (exact inside, near outside)."""
    angle = np.arctan2(y, x) - turn
    sector = np.mod(angle + np.pi / 6, np.pi / 3) - np.pi / 6
    return np.asarray(np.hypot(x, y) * np.cos(sector) - apothem, np.float32)


def cover(distance: Values, soft: float = 0.35) -> Plane:
    """1 inside, 0 outside, with a soft step of +- `soft` pixels."""
    return np.asarray(np.clip(0.5 - distance / (2 * soft), 0, 1), np.float32)


def band(distance: Values, inner: float, outer: float) -> Plane:
    """1 where inner <= distance <= outer."""
    return np.asarray(np.minimum(cover(inner - distance), cover(distance - outer)), np.float32)


def slope(distance: Values, scale: int) -> tuple[Plane, Plane]:
    """Unit direction away from the shape."""
    gy, gx = np.gradient(distance, np.float32(1 / scale))
    length = np.maximum(np.hypot(gx, gy), 1e-6)
    return np.asarray(gx / length, np.float32), np.asarray(gy / length, np.float32)


_LAMP = np.array([-0.42, -0.56, 0.71], np.float32) / np.linalg.norm([-0.42, -0.56, 0.71])
_FILL = np.array([0.55, 0.30, 0.78], np.float32) / np.linalg.norm([0.55, 0.30, 0.78])


def metal(nx: Values, ny: Values) -> Plane:
    """Brightness of bare metal seen from above, for the surface direction (nx, ny, rest).

    Metal shows its surroundings: a large lamp at the upper left, a weak fill at the right, a dark
    room. The view ray is mirrored and looks up these three. Level metal gives about 0.62.
    """
    nz = np.sqrt(np.clip(1 - nx * nx - ny * ny, 0, 1))
    rx, ry, rz = 2 * nz * nx, 2 * nz * ny, 2 * nz * nz - 1
    lamp = np.exp((rx * _LAMP[0] + ry * _LAMP[1] + rz * _LAMP[2] - 1) / 0.22)
    fill = np.exp((rx * _FILL[0] + ry * _FILL[1] + rz * _FILL[2] - 1) / 0.25)
    room = 0.16 + 0.18 * np.clip(rz, 0, 1)
    return np.asarray(room + 0.95 * lamp + 0.22 * fill, np.float32)


def tint(plane: Values, colour: tuple[float, float, float]) -> NDArray[np.float32]:
    """(h, w, 3): the plane in a colour (B, G, R factors), on the 0..255 scale of the picture."""
    return np.asarray(plane[..., None] * (np.asarray(colour, np.float32) * 255), np.float32)
