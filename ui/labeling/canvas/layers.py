"""What lies on the screen of a picture and its mask, kept at the screen's size.

Two buffers: the picture and the mask over it, both as the view shows them. A brush brings the second up to date where
it has been, and painting is a plain copy of the same rectangle: its cost follows the brush, not the 12 megapixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QImage

from app.domain.frame import Image
from app.masking import Plane, Rect
from ui.labeling.canvas.view import PIXELS_FROM, View
from ui.shared.images import wrap

PREVIEW = 255
"""The value that no defect type has: what is shown before it is taken."""
_SMALLEST = 256
_EDGE = 256
"""Added to a value at the rim of its region."""

_Samples = NDArray[np.intp]
"""(samples a device pixel, device pixels): indices of the picture's pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """A picture with its halves, so that zooming out neither flickers nor takes long.

    Attributes:
        levels: (H, W, 3) uint8 BGR, the picture itself first; each the mean of 2 x 2 of the one before.
    """

    levels: tuple[Image, ...]

    @property
    def picture(self) -> Image:
        return self.levels[0]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.levels[0].shape[1], self.levels[0].shape[0]

    def level_for(self, scale: float) -> tuple[Image, float]:
        """The smallest level that still has a pixel for each of the screen, and what its pixels are scaled by."""
        index = 0
        while index + 1 < len(self.levels) and scale * 2 <= 1.0:
            index, scale = index + 1, scale * 2
        return self.levels[index], scale


def pyramid(picture: Image) -> Pyramid:
    """Halves a (H, W, 3) uint8 BGR picture until it is small. Takes some 15 ms for 12 megapixels: on a worker."""
    levels = [np.ascontiguousarray(picture)]
    while min(levels[-1].shape[:2]) >= 2 * _SMALLEST:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, np.uint8))
    return Pyramid(tuple(levels))


class Layers:
    """The two buffers of one picture in one view. `picture` and `mask` are images over them, at device pixels."""

    def __init__(self) -> None:
        self._pyramid: Pyramid | None = None
        self._plane: Plane | None = None
        self._preview: Plane | None = None
        self._colours = np.zeros(2 * _EDGE, np.uint32)
        self._view = View(1.0, 0.0, 0.0)
        self._ratio = 1.0
        self._ground = QColor(0, 0, 0)
        self._columns = self._rows = np.zeros((1, 0), np.intp)
        self._inside = (0, 0, 0, 0)
        self._set_room(1, 1)

    def _set_room(self, width: int, height: int) -> None:
        self._picture = np.zeros((height, width, 4), np.uint8)
        self._mask = np.zeros((height, width), np.uint32)
        self.picture = wrap(self._picture, QImage.Format.Format_RGB32)
        self.mask = QImage(
            self._mask.data, width, height, self._mask.strides[0], QImage.Format.Format_ARGB32_Premultiplied
        )

    def show(self, pictures: Pyramid | None, plane: Plane | None) -> None:
        """Another picture and its plane; `look` has to follow."""
        self._pyramid, self._plane, self._preview = pictures, plane, None

    def set_colours(self, colours: dict[int, QColor], preview: QColor, opacity: float, ground: QColor) -> None:
        """Colours by type id, how much they cover (0..1), and what lies around the picture."""
        self._ground = ground
        for value in range(1, 256):
            colour = preview if value == PREVIEW else colours.get(value, QColor(128, 128, 128))
            self._colours[value] = _premultiplied(colour, opacity)
            self._colours[value + _EDGE] = _premultiplied(colour, min(1.0, opacity * 1.6 + 0.1))

    def set_preview(self, preview: Plane | None) -> None:
        """A (H, W) uint8 of 0 and 1 that is shown over the mask until it is taken; None for nothing."""
        self._preview = preview

    def look(self, view: View, width: int, height: int, ratio: float) -> None:
        """Brings both buffers to a view in a widget of width x height pixels of `ratio` device pixels each."""
        self._view, self._ratio = view, ratio
        wide, high = max(1, round(width * ratio)), max(1, round(height * ratio))
        if self._mask.shape != (high, wide):
            self._set_room(wide, high)
        if self._pyramid is None:
            return
        scale = view.scale * ratio
        level, scaled = self._pyramid.level_for(scale)
        across = level.shape[1] / self._pyramid.size[0]
        # A picture's point p lies at (p - view) * scale; both count pixels from their corners, OpenCV from middles.
        matrix = np.array(
            [
                [scale / across, 0, scale / across / 2 - 0.5 - view.x * scale],
                [0, scale / across, scale / across / 2 - 0.5 - view.y * scale],
            ]
        )
        way = cv2.INTER_NEAREST if scaled >= PIXELS_FROM else cv2.INTER_LINEAR
        ground = (self._ground.blue(), self._ground.green(), self._ground.red())
        seen = cv2.warpAffine(level, matrix, (wide, high), flags=way, borderValue=ground)
        cv2.cvtColor(seen, cv2.COLOR_BGR2BGRA, dst=self._picture)
        self._columns, left, right = _sampled(view.x, scale, wide, self._pyramid.size[0])
        self._rows, top, bottom = _sampled(view.y, scale, high, self._pyramid.size[1])
        self._inside = (left, top, right, bottom)
        self._mask[:] = 0
        self._colour(left, top, right, bottom)

    def refresh(self, rect: Rect) -> QRect:
        """Brings the mask up to date where the plane changed; gives what has to be painted, in the widget's pixels."""
        if self._plane is None or rect.empty:
            return QRect()
        scale = self._view.scale * self._ratio
        # The rim of a region lies one device pixel around what changed.
        left, right = (rect.x - self._view.x) * scale - 2, (rect.right - self._view.x) * scale + 2
        top, bottom = (rect.y - self._view.y) * scale - 2, (rect.bottom - self._view.y) * scale + 2
        inside = self._inside
        x0, x1 = max(math.floor(left), inside[0]), min(math.ceil(right), inside[2])
        y0, y1 = max(math.floor(top), inside[1]), min(math.ceil(bottom), inside[3])
        if x0 >= x1 or y0 >= y1:
            return QRect()
        self._colour(x0, y0, x1, y1)
        ratio = self._ratio
        return QRectF(x0 / ratio, y0 / ratio, (x1 - x0) / ratio, (y1 - y0) / ratio).toAlignedRect()

    def _colour(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Samples the plane at every device pixel of a rectangle, and marks where its value changes."""
        if self._plane is None or x0 >= x1 or y0 >= y1:
            return
        inside = self._inside
        left, top = max(x0 - 1, inside[0]), max(y0 - 1, inside[1])
        columns, rows = self._columns[:, left : min(x1 + 1, inside[2])], self._rows[:, top : min(y1 + 1, inside[3])]
        values = _taken(self._plane, rows, columns)
        if self._preview is not None:
            np.putmask(values, _taken(self._preview, rows, columns), PREVIEW)
        rim = np.zeros(values.shape, bool)
        across, down = values[:, 1:] != values[:, :-1], values[1:] != values[:-1]
        rim[:, 1:] |= across
        rim[:, :-1] |= across
        rim[1:] |= down
        rim[:-1] |= down
        index = values.astype(np.uint16)
        rim &= values != 0
        np.add(index, _EDGE, out=index, where=rim)
        part = index[y0 - top : y1 - top, x0 - left : x1 - left]
        self._mask[y0:y1, x0:x1] = self._colours.take(part)


def _taken(plane: Plane, rows: _Samples, columns: _Samples) -> Plane:
    """The plane at every crossing; of several samples a pixel the highest, so that a thin mark does not vanish."""
    first, last = int(columns[0, 0]), int(columns[-1, -1])
    near = plane[:, first : last + 1]
    lines = near.take(rows[0], axis=0)
    for more in rows[1:]:
        np.maximum(lines, near.take(more, axis=0), out=lines)
    values = lines.take(columns[0] - first, axis=1)
    for more in columns[1:]:
        np.maximum(values, lines.take(more - first, axis=1), out=values)
    return values


def _sampled(start: float, scale: float, count: int, length: int) -> tuple[_Samples, int, int]:
    """Which pixels of the picture each device pixel shows, and from where to where they show any. Far away, where
    one covers many, it looks at two in each direction."""
    middle = np.floor(start + (np.arange(count) + 0.5) / scale)
    first, last = int(np.searchsorted(middle, 0)), int(np.searchsorted(middle, length))
    shares = (0.25, 0.75) if scale < 0.5 else (0.5,)
    at = np.stack([np.floor(start + (np.arange(count) + share) / scale) for share in shares])
    return np.clip(at, 0, length - 1).astype(np.intp), first, last


def _premultiplied(colour: QColor, opacity: float) -> int:
    alpha = round(255 * opacity)
    red, green, blue = (round(each * alpha / 255) for each in (colour.red(), colour.green(), colour.blue()))
    return alpha << 24 | red << 16 | green << 8 | blue
