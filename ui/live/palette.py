"""The heat map's colours: even steps of lightness, so that no false edge appears where the map is smooth.

Made here from CIE L*C*h (CIE 15:2004, D65 white): lightness rises linearly, the hue turns from violet
over red to yellow, and the chroma is reduced where sRGB (IEC 61966-2-1) can't show it.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

_WHITE = np.array([0.95047, 1.0, 1.08883])
_XYZ_TO_RGB = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)
LIGHTNESS = (38.0, 90.0)
_HUE = (315.0, 455.0)
_CHROMA = 85.0
_EDGE = 0.04
_STEPS = 255


def lab_to_rgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3) CIE L*a*b* (D65) to linear-light-encoded sRGB, (..., 3), unclipped, 1.0 is full."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE
    linear = xyz @ _XYZ_TO_RGB.T
    low = linear <= 0.0031308
    curved = 1.055 * np.clip(linear, 0.0031308, None) ** (1 / 2.4) - 0.055
    rgb: NDArray[np.float64] = np.where(low, 12.92 * linear, curved)
    return rgb


@cache
def heat_colours() -> NDArray[np.uint8]:
    """256 colours from weak to strong, (256, 3) uint8, B, G, R."""
    t = np.linspace(0.0, 1.0, 256)
    lightness = LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * t
    hue = np.radians(_HUE[0] + (_HUE[1] - _HUE[0]) * t)
    low, high = np.zeros(256), np.full(256, _CHROMA)
    for _ in range(24):  # the largest chroma that sRGB can show, by bisection
        middle = (low + high) / 2
        rgb = lab_to_rgb(np.stack([lightness, middle * np.cos(hue), middle * np.sin(hue)], axis=-1))
        inside = np.all((rgb >= 0) & (rgb <= 1), axis=-1)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    rgb = lab_to_rgb(np.stack([lightness, low * np.cos(hue), low * np.sin(hue)], axis=-1))
    return np.ascontiguousarray(np.rint(np.clip(rgb, 0, 1)[:, ::-1] * 255).astype(np.uint8))


def paint_heat(heat: NDArray[np.float32], limit: float, highest: float | None = None) -> NDArray[np.uint8]:
    """An anomaly map as premultiplied BGRA, (h, w) float32 to (h, w, 4) uint8.

    Below `limit` fully transparent; from there to half as much again (or the map's highest value, if
    that is more) the palette runs from weak to strong while the opacity rises from 55 % to 90 %. The first
    4 % of the way are a soft edge. `highest`: of the whole map, where `heat` is a part of it: the same place has the
    same colour wherever one looks.
    """
    top = max(1.5 * limit, float(heat.max(initial=0.0)) if highest is None else highest, limit + 1e-6)
    if heat.size == 0:
        return np.zeros((*heat.shape, 4), np.uint8)
    # Steps count from 1; OpenCV rounds and holds what lies beyond to 0 and 255.
    step = (_STEPS - 1) / (top - limit)
    index = cv2.addWeighted(heat, step, heat, 0.0, 1.0 - step * limit - _DOWN, dtype=cv2.CV_8U)
    return np.take(_premultiplied(), index).view(np.uint8).reshape(*heat.shape, 4)


_DOWN = 0.499
"""Makes rounding one to the whole number below; a little less than half, so that the limit itself is coloured."""


@cache
def _premultiplied() -> NDArray[np.uint32]:
    """(256,) pixels: transparent, then `_STEPS` from weak to strong."""
    strength = np.arange(_STEPS) / (_STEPS - 1)
    colours = heat_colours()[np.rint(strength * 255).astype(np.uint8)].astype(np.float64)
    opacity = np.clip(strength / _EDGE, 0.2, 1.0) * (0.55 + 0.35 * strength)
    out = np.zeros((_STEPS + 1, 4), np.uint8)
    out[1:, :3] = np.rint(colours * opacity[:, None])
    out[1:, 3] = np.rint(opacity * 255)
    return out.view(np.uint32)[:, 0]
