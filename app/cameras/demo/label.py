"""The printed label: maker's mark, part name, serial and a Code 128 barcode that really decodes."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from app.domain.frame import Image

WIDTH, HEIGHT = 416, 196
_MODULE = 2
_PAPER = (236, 239, 240)
_INK = (38, 34, 32)
_CORNER = 9


@lru_cache(maxsize=1)
def _form() -> Image:
    """What is on every label."""
    form: Image = np.full((HEIGHT, WIDTH, 3), _PAPER, np.uint8)
    centre = np.array([38.0, 38.0])
    for radius, colour in ((23.0, _INK), (15.5, _PAPER), (8.5, _INK)):
        angles = np.deg2rad(30 + 60 * np.arange(6))
        points = centre + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
        cv2.fillPoly(form, [np.rint(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    _write(form, "BEARING PLATE", (74, 35), 25, 700)
    _write(form, "BP-40 / 6 x M8   EN AW-6082 T6", (75, 57), 15, 450)
    cv2.line(form, (16, 70), (WIDTH - 17, 70), _INK, 1, cv2.LINE_AA)
    _write(form, "S/N", (33, 95), 15, 450)
    return form


def _write(image: Image, text: str, origin: tuple[int, int], size: int, weight: int) -> None:
    cv2.putText(image, text, origin, _INK, cv2.FontFace("sans"), size, weight)


def print_label(serial: str) -> Image:
    """The label of one part, (196, 416, 3) uint8 BGR."""
    label = _form().copy()
    _write(label, serial, (68, 96), 21, 600)
    bars = np.array(zxingcpp.create_barcode(serial, zxingcpp.BarcodeFormat.Code128).to_image(scale=1))[0]
    bars = bars[np.flatnonzero(bars == 0)[0] : np.flatnonzero(bars == 0)[-1] + 1]
    row = np.repeat(bars, _MODULE)
    left = (WIDTH - row.size) // 2
    code = np.where(row[None, :, None] == 0, np.array(_INK, np.uint8), np.array(_PAPER, np.uint8))
    label[108:180, left : left + row.size] = code
    return label


def misprint(label: Image, rng: np.random.Generator) -> tuple[Image, tuple[int, int, int, int]]:
    """A label as a failing printer makes it, and (x, y, width, height) of where it differs."""
    kind = int(rng.integers(3))
    if kind == 0:  # the web slipped: everything printed too far over, cut at the edge
        dx = int(rng.integers(52, 84)) * (1 if rng.random() < 0.5 else -1)
        dy = int(rng.integers(18, 34))
        move = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
        return np.asarray(cv2.warpAffine(label, move, (WIDTH, HEIGHT), borderValue=_PAPER)), (0, 0, WIDTH, HEIGHT)
    if kind == 1:  # wiped while wet: the ink is drawn out to the lower right and thins
        left, width = int(rng.integers(50, 110)), int(rng.integers(200, 260))
        area = label[8 : HEIGHT - 4, left : left + width].astype(np.float32)
        reach = 45
        steps = np.linspace(0, reach, 2 * reach)
        tail = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        # filter2D correlates: what lies up and to the left is what was dragged here.
        np.add.at(tail, (reach - np.rint(steps * 0.75).astype(int), reach - np.rint(steps).astype(int)), 1 - steps / 60)
        wiped = cv2.filter2D(area, -1, tail / tail.sum(), borderType=cv2.BORDER_REPLICATE)
        across = np.clip(np.minimum(np.arange(width), np.arange(width)[::-1]) / 25, 0, 1)[None, :, None]
        out = label.copy()
        mixed = area + (0.9 * wiped + 0.1 * area - area) * across
        out[8 : HEIGHT - 4, left : left + width] = np.clip(mixed, 0, 255).astype(np.uint8)
        return out, (left, 8, width, HEIGHT - 12)
    # dead elements of the print head: stripes along the feed stay white
    out = label.copy()
    left = int(rng.integers(110, 230))
    width = int(rng.integers(70, 110))
    out[6 : HEIGHT - 6, left : left + width] = _PAPER
    return out, (left, 0, width, HEIGHT)


@lru_cache(maxsize=1)
def cover() -> NDArray[np.float32]:
    """(196, 416) float32: 1 on the label, 0 off it, round corners."""
    big = np.zeros((HEIGHT * 4, WIDTH * 4), np.uint8)
    radius = _CORNER * 4
    cv2.rectangle(big, (radius, 0), (WIDTH * 4 - radius - 1, HEIGHT * 4), (255,), -1)
    cv2.rectangle(big, (0, radius), (WIDTH * 4, HEIGHT * 4 - radius - 1), (255,), -1)
    for cx in (radius, WIDTH * 4 - radius - 1):
        for cy in (radius, HEIGHT * 4 - radius - 1):
            cv2.circle(big, (cx, cy), radius, (255,), -1)
    small = cv2.resize(big, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(small / 255, np.float32)
