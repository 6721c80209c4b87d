"""Damage to the surface, drawn into the plate before it is photographed: scratch, dent, stain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.demo import light, plate
from app.cameras.demo.label import HEIGHT as LABEL_HEIGHT
from app.cameras.demo.label import WIDTH as LABEL_WIDTH

_BARE = np.array([252, 251, 249], np.float32)
_DRIED = np.array([[0.20, 0.42, 0.60], [0.34, 0.42, 0.46]], np.float32)
"""B, G, R factors: rusty water, coolant."""

Canvas = NDArray[np.float32]
"""(720, 1280, 3) float32 BGR 0..255, changed in place."""
Box = tuple[int, int, int, int]
"""x, y, width, height in pixels before the pose."""


def free_place(rng: np.random.Generator, radius: float) -> tuple[float, float]:
    """A point on the plain top of the plate with nothing else within `radius`."""
    for _ in range(400):
        x = float(rng.uniform(plate.CENTRE[0] - plate.HALF[0], plate.CENTRE[0] + plate.HALF[0]))
        y = float(rng.uniform(plate.CENTRE[1] - plate.HALF[1], plate.CENTRE[1] + plate.HALF[1]))
        if _clearance(x, y) > radius:
            return x, y
    return 640.0, 225.0


def _clearance(x: float, y: float) -> float:
    """Distance to the nearest edge or feature."""

    def to_box(cx: float, cy: float, half_width: float, half_height: float) -> float:
        return max(abs(x - cx) - half_width, abs(y - cy) - half_height)

    gaps = [
        -to_box(*plate.CENTRE, plate.HALF[0] - 10, plate.HALF[1] - 10),
        _to_opening(x, y),
        to_box(*plate.LABEL, LABEL_WIDTH / 2 + 4, LABEL_HEIGHT / 2 + 4),
        *(np.hypot(x - cx, y - cy) - 44 for cx, cy in plate.BOLTS),
    ]
    return float(min(gaps))


def _to_opening(x: float, y: float) -> float:
    """Distance to the nearest hole, slot or seat."""
    gaps = [
        np.hypot(x - plate.BORE[0], y - plate.BORE[1]) - plate.RING_RADIUS,
        max(abs(x - plate.SLOT[0]) - 21, abs(y - plate.SLOT[1]) - 88),
        *(np.hypot(x - cx, y - cy) - 15 for cx, cy in plate.DOWELS),
    ]
    return float(min(gaps))


def _gouge(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of 60 points along a bent line that stays on the plate and mostly in view."""
    for _ in range(200):
        x, y = free_place(rng, 30)
        bend = float(rng.uniform(-0.5, 0.5))
        headings = float(rng.uniform(0, 2 * np.pi)) + np.linspace(0, bend, 60) + np.cumsum(rng.normal(size=60)) / 60
        length = float(rng.uniform(150, 260))
        px = x + np.cumsum(np.cos(headings)) * length / 60
        py = y + np.cumsum(np.sin(headings)) * length / 60
        steep = abs(py[-1] - py[0]) > 0.6 * length
        shown = np.mean([_clearance(float(a), float(b)) > 0 for a, b in zip(px, py, strict=True)])
        across, down = np.abs(px - plate.CENTRE[0]), np.abs(py - plate.CENTRE[1])
        on_plate = across.max() < plate.HALF[0] - 4 and down.max() < plate.HALF[1] - 4
        whole = all(_to_opening(float(a), float(b)) > 4 for a, b in zip(px, py, strict=True))
        # Along the grain a scratch hides among the brush lines.
        if on_plate and whole and shown > 0.8 and steep:
            return px, py
    return np.linspace(510, 640, 60), np.linspace(470, 540, 60)


def scratch(canvas: Canvas, rng: np.random.Generator) -> Box:
    """A gouge of 150 to 260 px across the grain: bright floor, dark burr beside it, skipping in places."""
    scale = 2
    px, py = _gouge(rng)
    steps = np.linspace(0, 1, len(px))
    left, top = int(px.min()) - 12, int(py.min()) - 12
    width, height = int(px.max()) + 13 - left, int(py.max()) + 13 - top
    drawn = np.zeros((height * scale, width * scale), np.float32)
    pressure = np.clip(0.75 + 0.35 * np.sin(steps * float(rng.uniform(5, 11)) + 1) - (steps > 0.9) * 0.3, 0.15, 1)
    broad = float(rng.uniform(3.8, 5.2))
    for i in range(len(px) - 1):
        ends = [(round((px[j] - left) * scale * 16), round((py[j] - top) * scale * 16)) for j in (i, i + 1)]
        thick = max(1, round(broad * scale * float(pressure[i])))
        cv2.line(drawn, ends[0], ends[1], (float(pressure[i]),), thick, cv2.LINE_AA, 4)
    groove = light.reduce(np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.9), np.float32), scale)
    burr = cv2.GaussianBlur(np.roll(groove, (2, 2), (0, 1)), (0, 0), 0.8)
    edge = cv2.GaussianBlur(np.roll(groove, (-2, -1), (0, 1)), (0, 0), 0.7)
    area = canvas[top : top + height, left : left + width]
    glitter = 1 + 0.25 * rng.normal(size=(height, width)).astype(np.float32)
    area *= (1 - 0.48 * burr * (1 - groove) - 0.15 * edge * (1 - groove))[..., None]
    area += (np.clip(groove * glitter, 0, 1) * 0.92)[..., None] * (_BARE - area)
    return left, top, width, height


def dent(canvas: Canvas, rng: np.random.Generator) -> Box:
    """A blow of 38 to 60 px across: the bowl mirrors the dark room near the lamp, the lamp opposite."""
    across = float(rng.uniform(38, 60))
    cx, cy = free_place(rng, across * 0.62)
    reach = int(across * 0.85)
    x, y = light.grid(2 * reach, 2 * reach, 2)
    turn = float(rng.uniform(0, np.pi))
    dx, dy = x - reach, y - reach
    long = (dx * np.cos(turn) + dy * np.sin(turn)) / (across / 2)
    short = (-dx * np.sin(turn) + dy * np.cos(turn)) / (across / 2 * float(rng.uniform(0.72, 0.95)))
    r = np.hypot(long, short)
    # Depth profile: a bowl whose metal is pushed up into a low rim.
    depth = -np.exp(-((r / 0.68) ** 4)) + 0.16 * np.exp(-(((r - 1.05) / 0.18) ** 2))
    facet = cv2.GaussianBlur(rng.normal(size=x.shape).astype(np.float32), (0, 0), 9)
    depth = depth + 0.10 * facet / facet.std() * np.exp(-((r / 0.75) ** 4))
    gy, gx = np.gradient(depth.astype(np.float32) * across * 0.20, np.float32(0.5))
    norm = np.sqrt(1 + gx * gx + gy * gy)
    shade = light.metal(np.asarray(-gx / norm, np.float32), np.asarray(-gy / norm, np.float32))
    level = light.metal(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32))[0, 0]
    gain = light.reduce(np.asarray(np.clip(shade / level, 0.22, 1.75), np.float32), 2)
    left, top = int(cx) - reach, int(cy) - reach
    canvas[top : top + 2 * reach, left : left + 2 * reach] *= gain[..., None]
    half = int(across * 0.62)
    return int(cx) - half, int(cy) - half, 2 * half, 2 * half


def stain(canvas: Canvas, rng: np.random.Generator) -> Box:
    """A dried drop of 55 to 90 px: coolant with rust in it, darkest where its rim dried last."""
    across = float(rng.uniform(55, 90))
    cx, cy = free_place(rng, across * 0.46)
    reach = int(across * 0.85)
    x, y = light.grid(2 * reach, 2 * reach, 1)
    dx, dy = x - reach, y - reach
    angle = np.arctan2(dy, dx)
    edge = np.ones_like(x)
    for lobe in range(2, 7):
        edge += float(rng.normal()) * 0.22 / lobe * np.cos(lobe * angle + float(rng.uniform(0, 6.3)))
    r = np.hypot(dx, dy) / (across / 2) / np.clip(edge, 0.6, 1.4)
    blot = cv2.GaussianBlur(rng.normal(size=x.shape).astype(np.float32), (0, 0), 4)
    blot = blot / blot.std()
    inside = np.clip((1.0 + 0.05 * blot - r) / 0.10, 0, 1)
    rim = np.exp(-(((r - 0.93) / 0.075) ** 2)) + 0.4 * np.exp(-(((r - 0.66) / 0.06) ** 2))
    strength = np.clip(inside * (0.50 + 0.10 * blot + 0.30 * rim), 0, 0.92)
    colour = _DRIED[int(rng.integers(2))]
    left, top = int(cx) - reach, int(cy) - reach
    area = canvas[top : top + 2 * reach, left : left + 2 * reach]
    area *= 1 - strength[..., None].astype(np.float32) * (1 - colour)
    half = int(across / 2)
    return int(cx) - half, int(cy) - half, 2 * half, 2 * half
