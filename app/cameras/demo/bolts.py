"""Bolts seen from above, with washer and shadow, as small pictures to lay on the plate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.demo import light

SIDE = 128
"""Pixels of a bolt's picture, bolt in the middle."""

_SCALE = 2
_STEEL = (0.96, 0.965, 0.96)
_ZINC = (0.97, 0.95, 0.92)
_YELLOW = (0.50, 0.80, 0.95)
_BLACK = (1.0, 0.97, 0.95)


class Bolt(StrEnum):
    """What may sit in a bolt hole: the right screw, the wrong ones, or nothing."""

    SOCKET = "socket head, bright"
    FLANGE_BLACK = "hexagon head with flange, black"
    HEX_YELLOW = "hexagon head and washer, yellow zinc"
    CROSS = "cross recess pan head without washer, yellow zinc"
    EMPTY = "empty tapped hole"


WRONG = (Bolt.FLANGE_BLACK, Bolt.HEX_YELLOW, Bolt.CROSS)


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """Laid on by `under * keep + colour`.

    Attributes:
        colour: (128, 128, 3) float32 BGR, already multiplied with its cover.
        keep: (128, 128, 1) float32, what stays of the plate (less in the shadow).
    """

    colour: NDArray[np.float32]
    keep: NDArray[np.float32]


@lru_cache(maxsize=128)
def sprite(bolt: Bolt, turn: int) -> Sprite:
    """The bolt turned by `turn` degrees; the light stays where it is."""
    x, y = light.grid(SIDE, SIDE, _SCALE)
    x, y = x - SIDE / 2, y - SIDE / 2
    if bolt is Bolt.EMPTY:
        return _empty(x, y)
    look = _LOOKS[bolt]
    shade, shape, height = look.head(x, y, np.deg2rad(turn), look.dark)
    if look.washer is None:
        colour, covered = np.zeros((*x.shape, 3), np.float32), shape
    else:
        ring, covered = _washer(x, y)
        colour = light.tint(ring * look.dark, look.washer)
    cast = _shadow(shape, height)
    colour = colour * (1 - cast)[..., None]
    colour += (light.tint(shade, look.paint) - colour) * shape[..., None]
    keep = (1 - covered) * (1 - _shadow(covered, 2.0)) * (1 - cast)
    return Sprite(
        light.reduce(np.asarray(colour * covered[..., None], np.float32), _SCALE),
        light.reduce(keep, _SCALE)[..., None],
    )


def _shadow(shape: light.Plane, height: float) -> light.Plane:
    """What the shape takes of the light round it: cast to the lower right, dark at the foot."""
    step = round(height * 0.55 * _SCALE)
    cast = cv2.GaussianBlur(np.roll(shape, (round(step * 1.25), step), (0, 1)), (0, 0), (1.2 + height * 0.33) * _SCALE)
    foot = cv2.GaussianBlur(shape, (0, 0), 2.2 * _SCALE)
    return np.asarray(1 - (1 - 0.55 * cast) * (1 - 0.30 * foot), np.float32)


def _washer(x: light.Plane, y: light.Plane) -> tuple[light.Plane, light.Plane]:
    """A flat washer, 82 px across: stamped, so its rim is rolled on one side."""
    distance = light.circle(x, y, 0, 0, 41.0)
    gx, gy = light.slope(distance, _SCALE)
    angle = np.arctan2(y, x)
    level = 0.60 + 0.05 * np.cos(2 * angle + 1.1) + 0.02 * np.cos(5 * angle)
    rim = np.clip((distance + 3.2) / 3.2, 0, 1)
    level = level + (light.metal(gx * 0.45 * rim, gy * 0.45 * rim) * 0.95 - level) * (rim > 0)
    return np.asarray(level, np.float32), light.cover(distance)


def _recess(shade: light.Plane, distance: light.Plane, dark: float) -> light.Plane:
    """A driven recess: bright broken edge, a wall lit away from the lamp, darkness below."""
    gx, gy = light.slope(distance, _SCALE)
    facing = 0.6 * gx + 0.8 * gy
    edge = light.metal(-gx * 0.45, -gy * 0.45) * (0.5 + 0.5 * dark)
    shade = np.asarray(shade + (edge - shade) * light.band(distance, -0.2, 1.3), np.float32)
    depth = np.clip(-distance / 5.0, 0, 1)
    wall = 0.055 + 0.36 * dark**0.5 * np.clip(facing, 0, 1) ** 1.5 * (1 - depth)
    return np.asarray(shade + (wall - shade) * light.cover(distance), np.float32)


def _socket_head(x: light.Plane, y: light.Plane, turn: float, dark: float) -> tuple[light.Plane, light.Plane, float]:
    """A cylinder head with knurled side and hexagon socket, 62 px across (after DIN 912)."""
    distance = light.circle(x, y, 0, 0, 31.0)
    angle = np.arctan2(y, x)
    teeth = np.cos(40 * (angle - turn))
    distance = np.asarray(distance + 0.35 * teeth, np.float32)
    gx, gy = light.slope(light.circle(x, y, 0, 0, 0.0), _SCALE)
    radius = np.hypot(x, y)
    fans = np.exp(-((np.cos(angle - 0.95) / 0.42) ** 2))
    rings = 0.018 * np.cos(radius * 4.1) + 0.012 * np.cos(radius * 6.7 + 1)
    face = (0.52 + 0.26 * fans + rings * (0.4 + fans)) * dark
    tilt = np.clip((radius - 25.5) / 3.5, 0, 1) * 0.46
    bevel = light.metal(gx * tilt, gy * tilt) * (0.18 + 0.82 * dark)
    shade = np.where(radius > 25.5, bevel, face).astype(np.float32)
    flank = 0.30 - 0.08 * teeth - 0.16 * (0.6 * gx + 0.8 * gy)
    shade = np.asarray(shade + (flank * (0.3 + 0.7 * dark) - shade) * light.cover(29.2 - radius), np.float32)
    return _recess(shade, light.hexagon(x, y, 13.2, turn), dark), light.cover(distance), 13.0


def _hex_head(x: light.Plane, y: light.Plane, turn: float, dark: float) -> tuple[light.Plane, light.Plane, float]:
    """A hexagon head, 62 px over flats, its corners turned off, with the strength mark on top (ISO 898-1)."""
    distance = light.hexagon(x, y, 31.0, turn)
    radius = np.hypot(x, y)
    gx, gy = light.slope(light.circle(x, y, 0, 0, 0.0), _SCALE)
    face = 0.66 + 0.06 * np.cos(2 * np.arctan2(y, x) + 0.8) - 0.0012 * (x * 0.6 + y * 0.8)
    tilt = np.clip((radius - 28.0) / 3.0, 0, 1) * 0.46
    shade = np.where(radius > 28.0, light.metal(gx * tilt, gy * tilt), face).astype(np.float32)
    hx, hy = light.slope(distance, _SCALE)
    shade = np.asarray(
        shade + (light.metal(hx * 0.55, hy * 0.55) * 0.7 - shade) * light.band(distance, -2.2, 1), np.float32
    )
    mark = np.zeros(x.shape, np.uint8)
    middle = SIDE * _SCALE // 2
    cv2.putText(mark, "8.8", (middle - 28, middle + 12), cv2.FONT_HERSHEY_DUPLEX, 1.03, (255,), 3, cv2.LINE_AA)
    spin = cv2.getRotationMatrix2D((middle, middle), -np.rad2deg(turn), 1)
    raised = cv2.GaussianBlur(cv2.warpAffine(mark, spin, mark.shape[::-1]).astype(np.float32) / 255, (0, 0), 1.1)
    relief = raised - np.roll(raised, (-2, -2), (0, 1))
    return np.asarray((shade - 0.26 * relief) * dark, np.float32), light.cover(distance), 12.0


def _pan_head(x: light.Plane, y: light.Plane, turn: float, dark: float) -> tuple[light.Plane, light.Plane, float]:
    """A pan head with cross recess, 70 px across (after ISO 7045)."""
    radius = np.hypot(x, y)
    gx, gy = light.slope(light.circle(x, y, 0, 0, 0.0), _SCALE)
    tilt = 0.62 * np.clip(radius / 35.0, 0, 1) ** 2.6
    shade = light.metal(gx * tilt, gy * tilt)
    cx = x * np.cos(turn) + y * np.sin(turn)
    cy = -x * np.sin(turn) + y * np.cos(turn)
    arm = np.minimum(light.box(cx, cy, (0, 0), (19.0, 4.2), 1.8), light.box(cx, cy, (0, 0), (4.2, 19.0), 1.8))
    cross = np.minimum(arm, light.box(cx, cy, (0, 0), (7.5, 7.5), 3.0))
    return _recess(shade, np.asarray(cross, np.float32), dark), light.cover(radius - 35.0), 9.0


def _empty(x: light.Plane, y: light.Plane) -> Sprite:
    """The tapped hole a forgotten bolt leaves: chamfer, threads going down, the ring the washer polished."""
    distance = light.circle(x, y, 0, 0, 17.5)
    gx, gy = light.slope(distance, _SCALE)
    facing = 0.6 * gx + 0.8 * gy
    chamfer = light.metal(-gx * 0.42, -gy * 0.42) * 0.95
    radius = np.hypot(x - 1.2, y - 1.6)
    thread = 0.5 + 0.5 * np.cos(2 * np.pi * radius / 2.6)
    depth = np.clip(-distance / 11.0, 0, 1)
    wall = 0.05 + (0.34 * np.clip(facing, 0, 1) + 0.07) * thread * (1 - depth)
    shape = light.cover(distance - 3.4)
    shade = chamfer + (wall - chamfer) * light.cover(distance)
    witness = light.band(light.circle(x, y, 0, 0, 0.0), 21.0, 40.0)
    keep = (1 - shape) * (1 - 0.07 * witness)
    return Sprite(
        light.reduce(light.tint(np.asarray(shade * shape, np.float32), _STEEL), _SCALE),
        light.reduce(np.asarray(keep, np.float32), _SCALE)[..., None],
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """How one kind is drawn.

    Attributes:
        head: (x, y, turn in radians, dark) -> brightness, cover, height in pixels.
        paint, washer: colours as B, G, R factors; washer None for none.
        dark: what the finish leaves of bare metal's light.
    """

    head: Callable[[light.Plane, light.Plane, float, float], tuple[light.Plane, light.Plane, float]]
    paint: tuple[float, float, float]
    washer: tuple[float, float, float] | None
    dark: float = 1.0


_LOOKS = {
    Bolt.SOCKET: _Look(_socket_head, _STEEL, _ZINC),
    Bolt.FLANGE_BLACK: _Look(_hex_head, _BLACK, _BLACK, 0.28),
    Bolt.HEX_YELLOW: _Look(_hex_head, _YELLOW, _YELLOW),
    Bolt.CROSS: _Look(_pan_head, _YELLOW, None),
}
