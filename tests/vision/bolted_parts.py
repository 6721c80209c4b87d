"""Drawn parts with four screws and a printed label, for the tests of checkpoints."""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np

from app.domain.frame import Image

SIZE = (480, 360)
TABLE = (58, 60, 61)
Head = Literal["round", "cross", "slot", "hex", "missing"]

# name -> (x, y, width, height) in pixels of the picture
PLACES = {
    "bolt 1": (92, 92, 48, 48),
    "bolt 2": (340, 92, 48, 48),
    "bolt 3": (92, 226, 48, 48),
    "bolt 4": (340, 226, 48, 48),
    "label": (168, 150, 140, 60),
}
HEADS: dict[str, Head] = {"bolt 1": "round", "bolt 2": "cross", "bolt 3": "slot", "bolt 4": "round"}

_FINER = 2


def draw_bolted(
    seed: int,
    *,
    heads: dict[str, Head] | None = None,
    label: Literal["right", "turned", "missing", "other"] = "right",
    damaged: str = "",
    shift: float = 0.0,
) -> Image:
    """A part, (360, 480, 3) uint8 BGR; the same arguments give the same picture.

    Args:
        heads: of the bolts that are not as they should be.
        damaged: name of a place that is scratched.
        shift: pixels by which parts lie apart at most.
    """
    rng = np.random.default_rng(seed)
    fine = np.full((SIZE[1] * _FINER, SIZE[0] * _FINER, 3), TABLE, np.uint8)
    tone = int(rng.integers(138, 156))
    outline = [(60, 60), (420, 60), (420, 240), (370, 304), (60, 304)]
    _fill(fine, outline, (tone, tone + 4, tone + 2))
    _fill(fine, [(200, 60), (280, 60), (270, 96), (210, 96)], TABLE)
    cv2.circle(fine, _at(240, 262), 18 * _FINER, (40, 42, 42), -1, cv2.LINE_AA)
    for name, usual in HEADS.items():
        x, y, width, height = PLACES[name]
        place = x + width / 2 + rng.uniform(-1, 1), y + height / 2 + rng.uniform(-1, 1)
        _head(fine, place, (heads or {}).get(name, usual), rng)
    if label != "missing":
        _label(fine, label, rng)
    if damaged:
        x, y, width, height = PLACES[damaged]
        for _ in range(3):
            start, end = rng.uniform(0.15, 0.4, 2), rng.uniform(0.6, 0.85, 2)
            line = [_at(x + width * share[0], y + height * share[1]) for share in (start, end)]
            cv2.line(fine, line[0], line[1], (30, 40, 120), 3 * _FINER, cv2.LINE_AA)
    if shift:
        matrix = np.array([[1, 0, 0], [0, 1, 0]], np.float64)
        matrix[:, 2] = rng.uniform(-shift, shift, 2) * _FINER
        size = (fine.shape[1], fine.shape[0])
        fine = np.asarray(cv2.warpAffine(fine, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    picture = cv2.resize(fine, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    light = 1 + rng.uniform(-0.04, 0.04) + np.linspace(-0.03, 0.03, SIZE[0])[None, :, None] * rng.uniform(-1, 1)
    return np.clip(picture * light + rng.normal(0, 2.5, picture.shape), 0, 255).astype(np.uint8)


def posed(
    image: Image, angle: float, shift: tuple[float, float] = (0, 0), scale: float = 0.8
) -> tuple[Image, np.ndarray]:
    """The part turned and shifted on the table; and the matrix (2, 3) that did it."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), angle, scale)
    matrix[:, 2] += shift
    moved = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=TABLE)
    return np.asarray(moved, np.uint8), matrix


def _head(fine: Image, place: tuple[float, float], kind: Head, rng: np.random.Generator) -> None:
    x, y = place
    cv2.circle(fine, _at(x, y), 20 * _FINER, (112, 116, 115), -1, cv2.LINE_AA)  # the countersink
    if kind == "missing":
        cv2.circle(fine, _at(x, y), 12 * _FINER, (25, 26, 27), -1, cv2.LINE_AA)
        return
    shine = int(rng.integers(195, 215))
    if kind == "hex":
        turned = rng.uniform(0, math.pi / 3)
        corners = [
            (x + 18 * math.cos(turned + k * math.pi / 3), y + 18 * math.sin(turned + k * math.pi / 3)) for k in range(6)
        ]
        _fill(fine, corners, (shine, shine, shine - 4))
        return
    cv2.circle(fine, _at(x, y), 17 * _FINER, (shine, shine, shine - 4), -1, cv2.LINE_AA)
    cv2.circle(fine, _at(x, y), 17 * _FINER, (90, 92, 92), _FINER, cv2.LINE_AA)
    if kind == "slot":
        _bar(fine, place, 26, 5, math.radians(rng.uniform(-4, 4)))
    elif kind == "cross":
        turned = math.radians(rng.uniform(-4, 4))
        _bar(fine, place, 20, 5, turned)
        _bar(fine, place, 20, 5, turned + math.pi / 2)


def _bar(fine: Image, place: tuple[float, float], long: float, wide: float, turned: float) -> None:
    (x, y), across, down = (
        place,
        np.array([math.cos(turned), math.sin(turned)]),
        np.array([-math.sin(turned), math.cos(turned)]),
    )
    corners = [
        (x + a * long / 2 * across[0] + b * wide / 2 * down[0], y + a * long / 2 * across[1] + b * wide / 2 * down[1])
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    _fill(fine, corners, (45, 46, 47))


def _label(fine: Image, kind: str, rng: np.random.Generator) -> None:
    x, y, width, height = PLACES["label"]
    paper = np.full((44 * _FINER, 124 * _FINER, 3), (226, 232, 233), np.uint8)
    for number, text in enumerate(("LINE 24V", "MADE 70 K") if kind != "other" else ("BURN 99A", "XO 333 W")):
        cv2.putText(
            paper,
            text,
            (6 * _FINER, (18 + 18 * number) * _FINER),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.5 * _FINER,
            (40, 36, 34),
            2 * _FINER,
            cv2.LINE_AA,
        )
    cv2.rectangle(paper, (104 * _FINER, 6 * _FINER), (118 * _FINER, 20 * _FINER), (60, 60, 190), -1)
    if kind == "turned":
        paper = paper[::-1, ::-1]
    left, top = x + (width - 124) / 2 + rng.uniform(-1, 1), y + (height - 44) / 2 + rng.uniform(-1, 1)
    column, row = round(left * _FINER), round(top * _FINER)
    fine[row : row + paper.shape[0], column : column + paper.shape[1]] = paper


def _fill(fine: Image, corners: list[tuple[float, float]], colour: tuple[int, int, int]) -> None:
    cv2.fillPoly(fine, [np.array([_at(*corner) for corner in corners], np.int32)], colour, cv2.LINE_AA)


def _at(x: float, y: float) -> tuple[int, int]:
    return round(x * _FINER), round(y * _FINER)
