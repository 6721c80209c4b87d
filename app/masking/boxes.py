"""A box around something as its mask."""

from __future__ import annotations

import cv2
import numpy as np

from app.domain.frame import Image
from app.masking.rects import Area, Rect, area_of, size_of
from app.masking.snapping import snap_area

_SIDE = 192
"""Longest side at which GrabCut looks: its time grows with the pixels, and stays below half a second here."""
_ROUNDS = 3
_LEAST = 0.004
"""Share of the box below which nothing was found."""


def box_area(picture: Image, box: Rect) -> Area | None:
    """What stands out within a box from what lies around it.

    GrabCut (Rother, Kolmogorov, Blake 2004) on the box and half as much around it, made smaller; then brought back
    to the picture's pixels, and its outline moved onto the edges within the pixels that one small pixel stands for.
    The same box gives the same area.

    Args:
        picture: (H, W, 3) uint8 BGR.
        box: at least 4 x 4 pixels of it within the picture.

    Returns:
        None where nothing stands out.
    """
    size = size_of(picture)
    box = box.clipped(size)
    if box.width < 4 or box.height < 4:
        return None
    crop = Rect(
        box.x - box.width // 4 - 2, box.y - box.height // 4 - 2, box.width * 3 // 2 + 4, box.height * 3 // 2 + 4
    ).clipped(size)
    scale = min(1.0, _SIDE / max(crop.width, crop.height))
    small_size = max(4, round(crop.width * scale)), max(4, round(crop.height * scale))
    small = cv2.resize(picture[crop.slices], small_size, interpolation=cv2.INTER_AREA)
    scale_x, scale_y = small_size[0] / crop.width, small_size[1] / crop.height
    # At least a line of pixels stays outside on each side: GrabCut has to see what the box is not.
    left, top = max(1, round((box.x - crop.x) * scale_x)), max(1, round((box.y - crop.y) * scale_y))
    right = min(small_size[0] - 1, round((box.right - crop.x) * scale_x))
    bottom = min(small_size[1] - 1, round((box.bottom - crop.y) * scale_y))
    if right - left < 2 or bottom - top < 2:
        return None
    grades = np.full((small_size[1], small_size[0]), cv2.GC_BGD, np.uint8)
    grades[top:bottom, left:right] = cv2.GC_PR_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)  # its clusters begin at random places
    try:
        cv2.grabCut(np.ascontiguousarray(small), grades, (0, 0, 0, 0), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # a surface of one colour has no clusters to tell apart
        return None
    inside = ((grades == cv2.GC_FGD) | (grades == cv2.GC_PR_FGD)).astype(np.float32)
    if inside.sum() < max(4.0, _LEAST * (right - left) * (bottom - top)):
        return None
    full = cv2.resize(inside, (crop.width, crop.height), interpolation=cv2.INTER_LINEAR) >= 0.5
    area = area_of(np.asarray(full), crop.x, crop.y)
    if area is None or scale == 1.0:
        return area
    return _within(snap_area(picture, area, 1.5 / scale), box)


def _within(area: Area, box: Rect) -> Area | None:
    pixels = area.pixels.copy()
    columns = np.arange(area.rect.x, area.rect.right)
    rows = np.arange(area.rect.y, area.rect.bottom)
    pixels &= ((columns >= box.x) & (columns < box.right))[None, :]
    pixels &= ((rows >= box.y) & (rows < box.bottom))[:, None]
    return area_of(pixels, area.rect.x, area.rect.y)
