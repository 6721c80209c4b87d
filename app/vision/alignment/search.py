"""The search over every angle, size and place, on a small picture."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.vision.alignment.edges import Field, Matrix, Points
from app.vision.alignment.fit import pose

_RIM = 1.3  # pixels of the coarse level that half a step of the angle moves the rim of the part
_FEWEST_ANGLES, _MOST_ANGLES = 24, 72
_STEP = 1.118  # from one size to the next: the rim of a part 28 pixels in radius moves by 1.6 in half a step
_SIZES = 2  # steps up and down: 0.8 to 1.25
_WORTH = 0.6  # of the best score: half a step off in angle and size, the right pose still reaches more
_AT_ONCE = 24  # templates: more take memory and no less time
_NEAR = 2.5  # pixels of the coarse level within which two finds are one


@dataclass(frozen=True, slots=True)
class _Template:
    angle: float
    scale: float


class Search:
    """Finds edge points in a field by correlation of directions, over all poses at once.

    Slopes as complex numbers: the real part of (conjugate template times picture) is the sum of the dot products of
    their directions. The template is put up in every angle and size once; a picture then costs one Fourier transform
    there and one back for each (at most 360, of 60 x 60 pixels as a rule: 8 ms for 220).
    """

    def __init__(self, points: Points, size: tuple[int, int], *, turning: bool = True) -> None:
        """Args:
        points: of the coarse level.
        size: (width, height) of that level.
        turning: False looks in the golden's own angle only.
        """
        self._size = size
        # Some room beside the picture, so that what leaves on one side does not come in on the other at once.
        self._grid = cv2.getOptimalDFTSize(size[1] + 8), cv2.getOptimalDFTSize(size[0] + 8)
        self._quiet = points.quiet
        low, high = points.place.min(0), points.place.max(0)
        self._centre = float((low[0] + high[0]) / 2), float((low[1] + high[1]) / 2)
        self._mass = float(points.weight.sum())
        radius = math.hypot(float(high[0] - low[0]), float(high[1] - low[1])) / 2
        every = int(np.clip(math.ceil(math.pi * radius / _RIM), _FEWEST_ANGLES, _MOST_ANGLES))
        self._angles = every if turning else 1
        self._templates = [
            _Template(2 * math.pi * k / self._angles, _STEP**size)
            for size in range(-_SIZES, _SIZES + 1)
            for k in range(self._angles)
        ]
        self._points = points
        self._spectra: NDArray[np.complex64] | None = None  # not before a part has to be looked for everywhere
        self._making = threading.Lock()

    def _made(self) -> NDArray[np.complex64]:
        with self._making:
            if self._spectra is None:
                self._spectra = self._spectra_of(self._points)
            return self._spectra

    def _spectra_of(self, points: Points) -> NDArray[np.complex64]:
        """(templates, tall, wide): the conjugate Fourier transforms of the points in each pose about the origin,
        wrapped round."""
        tall, wide = self._grid
        cells, spectra = tall * wide, np.empty((len(self._templates), tall, wide), np.complex64)
        place, normal = points.place.T.astype(np.float64), points.normal.T * points.weight / self._mass
        for first in range(0, len(self._templates), _AT_ONCE):
            some = self._templates[first : first + _AT_ONCE]
            turns = np.stack([pose(each.angle, each.scale, self._centre, (0.0, 0.0)) for each in some])
            scales = np.array([each.scale for each in some])[:, None, None]
            places = turns[:, :, :2] @ place + turns[:, :, 2:]
            arrows = (turns[:, :, :2] / scales) @ normal
            corner = np.floor(places)
            part = places - corner
            x, y = corner.astype(np.int64).transpose(1, 0, 2)
            start = cells * np.arange(len(some))[:, None]
            planes = np.zeros((2, len(some) * cells))
            # Each point is shared out among the four pixels round it.
            for down in (0, 1):
                row = start + (y + down) % tall * wide
                high = part[:, 1] if down else 1 - part[:, 1]
                for across in (0, 1):
                    at = (row + (x + across) % wide).ravel()
                    share = high * (part[:, 0] if across else 1 - part[:, 0])
                    for axis in (0, 1):
                        planes[axis] += np.bincount(at, (share * arrows[:, axis]).ravel(), planes.shape[1])
            for number, plane in enumerate(planes.T.astype(np.float32).reshape(len(some), tall, wide, 2)):
                spectrum = cv2.dft(plane, flags=cv2.DFT_COMPLEX_OUTPUT)
                spectra[first + number] = spectrum.view(np.complex64)[..., 0]
        return np.conj(spectra, out=spectra)

    def find(self, field: Field, most: int, *, thorough: bool = False) -> list[Matrix]:
        """At most `most` of the best poses (golden to picture, coarse level), best first, no two nearly the same.

        Args:
            field: of the picture at the coarse level; its size may differ from the golden's by some pixels.
            thorough: also those far worse than the best, which can't be right.
        """
        tall, wide = self._grid
        field = field[:tall, :wide]
        height, width = field.shape[:2]
        padded = np.zeros((tall, wide, 2), np.float32)
        padded[:height, :width] = field / np.sqrt((field**2).sum(2, keepdims=True) + self._quiet**2)
        picture = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT).view(np.complex64)[..., 0]
        product = (self._made() * picture).view(np.float32).reshape(len(self._templates), tall, wide, 2)
        scores = np.empty((len(product), height, width), np.float32)
        for number, values in enumerate(product):
            back = cv2.dft(values, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_COMPLEX_OUTPUT)
            scores[number] = back[:height, :width, 0]
        return [self._pose(*peak) for peak in self._peaks(scores, most, thorough)]

    def _peaks(self, scores: NDArray[np.float32], most: int, thorough: bool) -> list[tuple[int, int, int]]:
        """(template, x, y) of the highest scores; each template gives its best place only."""
        flat = scores.reshape(len(scores), -1)
        at = flat.argmax(1)
        top = flat[np.arange(len(flat)), at]
        order = np.argsort(-top, kind="stable")
        if not thorough:
            order = order[top[order] >= _WORTH * top[order[0]]]
        kept: list[tuple[int, int, int]] = []
        for number in order:
            y, x = divmod(int(at[number]), scores.shape[2])
            if not any(self._same((int(number), x, y), other) for other in kept):
                kept.append((int(number), x, y))
                if len(kept) == most:
                    break
        return kept

    def _same(self, one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
        turn = abs(one[0] - other[0]) % self._angles
        grown = abs(one[0] // self._angles - other[0] // self._angles)
        near = math.hypot(one[1] - other[1], one[2] - other[2]) <= _NEAR
        return near and min(turn, self._angles - turn) <= 1 and grown <= 1

    def _pose(self, number: int, x: int, y: int) -> Matrix:
        template = self._templates[number]
        return pose(template.angle, template.scale, self._centre, (float(x), float(y)))
