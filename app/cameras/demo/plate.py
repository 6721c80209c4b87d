"""What every part shares and is drawn once: the machined plate, the belt, grain and noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.demo import light
from app.domain.frame import Image

WIDTH, HEIGHT = 1280, 720

Sample = TypeVar("Sample", np.uint8, np.float32)

CENTRE = (640.0, 360.0)
HALF = (505.0, 275.0)
CORNER = 30.0
BORE = (368.0, 360.0)
BORE_RADIUS, RING_RADIUS = 84.0, 132.0
DOWELS = ((255.0, 232.0), (481.0, 488.0))
SLOT = (1085.0, 360.0)
BOLTS = ((205.0, 155.0), (640.0, 148.0), (1075.0, 155.0), (205.0, 565.0), (640.0, 572.0), (1075.0, 565.0))
LABEL = (790.0, 366.0)
"""Centres in pixels of a picture whose part lies exactly as it should."""

_SCALE = 2
_ALUMINIUM = (0.985, 0.975, 0.955)
_MARGIN = 96


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """The bare plate, at picture size.

    Attributes:
        colour: (720, 1280, 3) float32 BGR 0..255, black off the plate.
        grain: (720, 1280) float32 0..1, how much of the brushing shows.
        behind: (720, 1280) uint8, what is let through of the belt: 255 far off, less in the shadow, 0 on metal.
    """

    colour: NDArray[np.float32]
    grain: NDArray[np.float32]
    behind: NDArray[np.uint8]


@lru_cache(maxsize=1)
def plate() -> Plate:
    """Draws the plate: brushed top, bevel, turned seat with bore, dowel holes, slot."""
    x, y = light.grid(WIDTH, HEIGHT, _SCALE)
    outline = light.box(x, y, CENTRE, HALF, CORNER)
    body = light.cover(outline)

    # Brushed along x: the lamp's reflection is drawn out across the lines into soft upright bands.
    u = (x[:1] - CENTRE[0]) / HALF[0]
    v = (y[:, :1] - CENTRE[1]) / HALF[1]
    sheen = 0.055 * np.cos(2.4 * u + 0.9) + 0.028 * np.cos(6.1 * u - 0.4) - 0.03 * v - 0.02 * u
    sheet = _Sheet(np.asarray(0.655 + sheen, np.float32), light.cover(outline + 8), np.zeros_like(x))
    for edge in _edges():
        _bevel(sheet, x, y, edge)
    _turned_seat(sheet, x, y)
    for cx, cy in DOWELS:
        near = _window((cx, cy), (20, 20))
        _hole(sheet, near, light.circle(x[near], y[near], cx, cy, 12.0), 2.5)
    near = _window(SLOT, (30, 96))
    _hole(sheet, near, light.box(x[near], y[near], SLOT, (17.0, 84.0), 17.0), 3.5)

    level = light.reduce(sheet.level * body, _SCALE)
    colour = light.tint(level, _ALUMINIUM)
    grain, through = light.reduce(sheet.grain, _SCALE), light.reduce(sheet.through, _SCALE)
    return Plate(colour, grain, _behind(light.reduce(body, _SCALE), through))


_Window = tuple[slice, slice]


@dataclass(slots=True, eq=False)
class _Sheet:
    """The drawing in work, enlarged by _SCALE: brightness, brushed area, openings. Changed in place."""

    level: light.Plane
    grain: light.Plane
    through: light.Plane

    def mix(self, window: _Window, over: light.Plane, amount: light.Plane) -> None:
        area = self.level[window]
        area += (over - area) * amount


def _window(centre: tuple[float, float], half: tuple[float, float]) -> _Window:
    """Rows and columns round a point, so that a small shape costs little."""
    (cx, cy), (hw, hh) = centre, half
    return (
        slice(int((cy - hh) * _SCALE), int((cy + hh) * _SCALE)),
        slice(int((cx - hw) * _SCALE), int((cx + hw) * _SCALE)),
    )


def _edges() -> list[_Window]:
    """The plate's rim as four strips that do not overlap."""
    left, right = int(CENTRE[0] - HALF[0]) - 4, int(CENTRE[0] + HALF[0]) + 4
    top, bottom = int(CENTRE[1] - HALF[1]) - 4, int(CENTRE[1] + HALF[1]) + 4
    wide = 44
    rows = ((top, top + wide), (bottom - wide, bottom), (top + wide, bottom - wide), (top + wide, bottom - wide))
    columns = ((left, right), (left, right), (left, left + wide), (right - wide, right))
    return [
        (slice(r[0] * _SCALE, r[1] * _SCALE), slice(c[0] * _SCALE, c[1] * _SCALE))
        for r, c in zip(rows, columns, strict=True)
    ]


def _bevel(sheet: _Sheet, x: light.Plane, y: light.Plane, window: _Window) -> None:
    """The broken outer edge: it mirrors the lamp or the dark room, with a thin line of light where it begins."""
    outline = light.box(x[window], y[window], CENTRE, HALF, CORNER)
    gx, gy = light.slope(outline, _SCALE)
    sheet.mix(window, light.metal(gx * 0.40, gy * 0.40) * 0.92, light.band(outline, -8.0, 0.5))
    facing = np.clip(-(0.6 * gx + 0.8 * gy), -0.35, 1)
    sheet.level[window] += 0.2 * facing * np.exp(-(((outline + 8.0) / 0.8) ** 2))


def _hole(sheet: _Sheet, window: _Window, distance: light.Plane, chamfer: float) -> None:
    """A through hole: chamfer that faces inwards, a wall in shadow on the lamp's side, lit opposite."""
    gx, gy = light.slope(distance, _SCALE)
    sheet.mix(window, light.metal(-gx * 0.42, -gy * 0.42) * 0.95, light.band(distance, -0.5, chamfer))
    lit = np.clip(0.6 * gx + 0.8 * gy, 0, 1)
    depth = np.clip(-distance / 9.0, 0, 1)
    inside = 0.05 + (0.42 * lit**2 + 0.05) * (1 - depth) ** 1.5
    sheet.mix(window, np.asarray(inside, np.float32), light.cover(distance))
    sheet.grain[window] *= 1 - light.cover(distance - chamfer)


def _turned_seat(sheet: _Sheet, x: light.Plane, y: light.Plane) -> None:
    """The seat for the bearing: turned on a lathe, so the light stands on it as two opposite fans."""
    near = _window(BORE, (RING_RADIUS + 8, RING_RADIUS + 8))
    x, y = x[near], y[near]
    radius = light.circle(x, y, *BORE, 0.0)
    angle = np.arctan2(y - BORE[1], x - BORE[0])
    fans = np.exp(-((np.cos(angle - 0.95) / 0.36) ** 2)) + 0.35 * np.exp(-((np.sin(angle - 0.7) / 0.2) ** 2))
    rng = np.random.default_rng(7)
    grooves = cv2.GaussianBlur(rng.normal(size=(1, 600)).astype(np.float32), (0, 0), 0.9)[0]
    grooves = np.interp(radius, np.arange(600) / 3.0, grooves / grooves.std()).astype(np.float32)
    seat = 0.44 + 0.30 * fans + grooves * (0.010 + 0.028 * fans)
    inside = light.cover(radius - RING_RADIUS)
    sheet.mix(near, np.asarray(seat, np.float32), inside)
    # The step down into the seat: dark towards the lamp, light on the far side.
    gx, gy = light.slope(radius, _SCALE)
    facing = 0.6 * gx + 0.8 * gy
    step = np.asarray(0.42 + 0.38 * facing, np.float32)
    sheet.mix(near, step, light.band(radius, RING_RADIUS - 3.5, RING_RADIUS))
    shade = np.exp(-np.clip(RING_RADIUS - 3.5 - radius, 0, None) / 7.0) * np.clip(-facing, 0, 1)
    sheet.level[near] *= 1 - 0.45 * shade * inside
    sheet.grain[near] *= 1 - light.cover(radius - RING_RADIUS - 1.5)
    _hole(sheet, near, light.circle(x, y, *BORE, BORE_RADIUS), 4.0)
    sheet.through[near] = light.cover(radius - BORE_RADIUS + 3)


def _behind(body: light.Plane, through: light.Plane) -> NDArray[np.uint8]:
    """The belt as the plate leaves it: soft shadow to the lower right, close dark at the foot."""
    far = cv2.GaussianBlur(np.roll(body, (15, 12), (0, 1)), (0, 0), 13)
    near = cv2.GaussianBlur(np.roll(body, (4, 3), (0, 1)), (0, 0), 4)
    open_ = (1 - 0.62 * far) * (1 - 0.45 * near)
    seen = (1 - body) * open_
    # Through the bore the belt lies deep in the plate's shadow, lightest away from the lamp.
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    reach = np.clip(0.30 + ((xx - BORE[0]) * 0.6 + (yy - BORE[1]) * 0.8) / 300, 0.06, 0.6)
    seen = np.maximum(seen, through * reach)
    return np.asarray(np.clip(seen * 255, 0, 255), np.uint8)


@lru_cache(maxsize=1)
def brushing() -> NDArray[np.float32]:
    """Grain of a larger sheet than one plate, mean 0 and deviation 1: every part is another piece of it."""
    rng = np.random.default_rng(11)
    height, width = HEIGHT + 3 * _MARGIN, WIDTH + 3 * _MARGIN
    sheet = np.zeros((height, width), np.float32)
    for along, across, weight in ((16, 0.45, 0.5), (70, 0.55, 1.0), (220, 1.1, 0.8)):
        # A few samples a line, drawn out along it: the same as a wide blur along x, without its cost.
        coarse = rng.normal(size=(height, 3 + width // along)).astype(np.float32)
        lines = cv2.GaussianBlur(coarse, (0, 0), sigmaX=0.7, sigmaY=across)
        layer = np.asarray(cv2.resize(lines, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
        sheet += np.float32(weight / layer.std()) * layer
    return np.asarray((sheet - sheet.mean()) / sheet.std(), np.float32)


@lru_cache(maxsize=1)
def belt() -> Image:
    """A strip of conveyor: woven dark belt with the wear of its travel, guide rails above and below."""
    rng = np.random.default_rng(23)
    height, width = HEIGHT, WIDTH + 512
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    weave = np.cos(2 * np.pi * (xx + yy) / 7.0) * np.cos(2 * np.pi * (xx - yy) / 7.0)
    speckle = cv2.GaussianBlur(rng.normal(size=(height, width)).astype(np.float32), (0, 0), 0.8)
    streaks = rng.normal(size=(height // 8, width // 200)).astype(np.float32)
    wear = cv2.resize(streaks, (width, height), interpolation=cv2.INTER_CUBIC)
    patches = rng.normal(size=(12, 26)).astype(np.float32)
    clouds = cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)
    level = 0.205 + 0.014 * weave + 0.010 * speckle / speckle.std()
    level = level + 0.007 * wear / wear.std() + 0.006 * clouds / clouds.std()
    colour = level[..., None] * np.array([0.98, 1.0, 0.90], np.float32)
    for edge, side in ((34.0, 1.0), (HEIGHT - 34.0, -1.0)):
        reach = (edge - yy) * side
        rail = np.interp(reach, [-1, 0, 3, 6, 16, 18, 21, 40], [0, 0.30, 0.62, 0.50, 0.53, 0.22, 0.40, 0.46]).astype(
            np.float32
        )
        rail *= 1.0 if side > 0 else 0.86
        shadow = np.clip(1 + reach / (26.0 if side > 0 else 8.0), 0, 1) * (reach < 0)
        colour = colour * (1 - (0.55 * shadow)[..., None])
        colour = np.where((reach >= 0)[..., None], rail[..., None] * np.array([0.99, 0.97, 0.95], np.float32), colour)
    # The belt lies below the plane in focus.
    soft = cv2.GaussianBlur(np.asarray(colour * 255, np.float32), (0, 0), 1.1)
    return np.asarray(np.clip(soft, 0, 255), np.uint8)


@lru_cache(maxsize=1)
def sensor_noise() -> NDArray[np.uint8]:
    """Noise round 128, (816, 1376, 3): read noise with the slight blotches that demosaicing leaves."""
    rng = np.random.default_rng(31)
    shape = (HEIGHT + _MARGIN, WIDTH + _MARGIN, 3)
    fine = rng.normal(size=shape).astype(np.float32)
    blotch = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), 1.0)
    noise = 128 + 1.5 * fine + 1.3 * blotch / blotch.std()
    return np.asarray(np.clip(np.rint(noise), 0, 255), np.uint8)


def piece(sheet: NDArray[Sample], rng: np.random.Generator) -> NDArray[Sample]:
    """A random window, as large as a picture, of a larger sheet."""
    top = int(rng.integers(0, sheet.shape[0] - HEIGHT + 1))
    left = int(rng.integers(0, sheet.shape[1] - WIDTH + 1))
    return sheet[top : top + HEIGHT, left : left + WIDTH]
