"""From a picture to one heat map over it and one score: what trainer and station both do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.frame import Image
from app.vision.alignment import Golden, Registration
from app.vision.bank import MemoryBank
from app.vision.geometry import covered_box
from app.vision.graph import Network
from app.vision.looking import Eye, View
from app.vision.maps import Scale, fuse, pooled, smooth

Array = NDArray[np.float32]
Box = tuple[float, float, float, float]

AREA = 64

_SECOND_LOOK = 0.85
"""Score from which a part that should lie in its place is looked for elsewhere: below it nothing is amiss."""


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """A view, what it remembers of good parts, and the scale of its distances."""

    view: View
    bank: MemoryBank
    scale: Scale


@dataclass(frozen=True, slots=True, eq=False)
class Fixture:
    """The golden part, and when pictures are laid onto it.

    Attributes:
        always: parts move, so that every picture is; else only one that looks defective where it lies, since a
            part that has slipped is no defect.
        area: (64, 64) uint8 over the golden's picture, 1 where most training pictures showed something, so that there
            is something to compare with.
    """

    golden: Golden
    always: bool
    area: NDArray[np.uint8] = field(default_factory=lambda: np.ones((AREA, AREA), np.uint8))

    def known(self) -> NDArray[np.bool_]:
        """`area` at the golden's size, (H, W) bool."""
        return np.asarray(cv2.resize(self.area, self.golden.size, interpolation=cv2.INTER_NEAREST), np.uint8) > 0


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """
    Attributes:
        heat: (h, w) float32 on the scale of the score, placed on the picture as it came.
        box: (x, y, width, height) in pixels of the picture that `heat` covers.
        failed: why the part could not be laid onto the golden part although it has to be, or empty.
        in_place: whether there is a golden part and it was found, or nothing is amiss where it should lie. Then it
            does not matter whether the camera was moved.
    """

    score: float
    heat: Array
    box: Box
    failed: str = ""
    in_place: bool = False


class Judge:
    """The views of a model with their banks; any thread may ask."""

    def __init__(self, network: Network, views: Sequence[Remembered], fixture: Fixture | None) -> None:
        self._network, self._views, self._fixture = network, tuple(views), fixture
        self._eye = Eye(network, [each.view for each in views], [each.bank for each in views], features=False)
        self._finest = max((each.view for each in views), key=lambda view: view.size)

    def judge(self, image: Image) -> Judged:
        """Score and heat map of an (H, W, 3) uint8 BGR picture."""
        fixture = self._fixture
        if fixture is None:
            return self._as_it_lies(image)
        if fixture.always:
            found = fixture.golden.register(image)
            return self._as_it_lies(image, found.failed) if found.failed else self._laid(image, found, fixture)
        plain = self._as_it_lies(image)
        if plain.score < _SECOND_LOOK:
            return replace(plain, in_place=True)
        found = fixture.golden.register(image)
        if found.failed:
            return plain
        if np.array_equal(found.matrix, _STILL):
            return replace(plain, in_place=True)
        laid = self._laid(image, found, fixture)
        return laid if laid.score < plain.score else replace(plain, in_place=True)

    def prepare(self, width: int, height: int) -> None:
        """Compiles for the next picture of this size now."""
        if self._fixture is not None and self._fixture.always:
            width, height = self._fixture.golden.size
        self._eye.prepare(width, height)

    def _as_it_lies(self, image: Image, failed: str = "") -> Judged:
        heat = self._heat(image)
        return Judged(pooled(heat), heat, self._box(image.shape[1], image.shape[0]), failed)

    def _laid(self, image: Image, found: Registration, fixture: Fixture) -> Judged:
        laid, there = fixture.golden.warp(image, found)
        there = there & fixture.known()
        # What the picture does not show is no evidence, and the border's repeated pixels even less.
        heat = self._heat(laid, None if there.all() else there)
        width, height = image.shape[1], image.shape[0]
        box = self._box(laid.shape[1], laid.shape[0])
        if laid is image:
            return Judged(pooled(heat), heat, box, in_place=True)
        canvas = self._eye.canvas(self._finest, width, height)
        rows, columns = (2 * side // self._network.stride for side in (canvas.height, canvas.width))
        back = placed_back(heat, box, found.matrix, (width, height), (columns, rows))
        return Judged(pooled(heat), back, (0.0, 0.0, float(width), float(height)), in_place=True)

    def _heat(self, image: Image, there: NDArray[np.bool_] | None = None) -> Array:
        heats = []
        for sight, each in zip(self._eye.look(image), self._views, strict=True):
            assert sight.distances is not None
            distances = sight.distances if there is None else sight.distances * sight.seen(there)
            heats.append(smooth(distances, self._network.stride, self._network.offset, each.scale.edge))
        return fuse(heats, [each.scale.limit for each in self._views])

    def _box(self, width: int, height: int) -> Box:
        return covered_box(width, height, self._eye.canvas(self._finest, width, height))


def placed_back(
    heat: Array, box: Box, matrix: NDArray[np.float64], size: tuple[int, int], grid: tuple[int, int]
) -> Array:
    """A heat map over the golden part as one over the picture as it came.

    Args:
        heat: (h, w) over `box` (x, y, width, height) of the golden's picture.
        matrix: (2, 3), pixels of the picture to pixels of the golden's, (0, 0) the middle of the first pixel.
        size: (width, height) of the picture.
        grid: (columns, rows) of the answer, which covers the whole picture; what it shows beside the golden's
            picture is 0.
    """
    to_picture = np.diag([size[0] / grid[0], size[1] / grid[1], 1.0])
    to_picture[:2, 2] = to_picture.diagonal()[:2] / 2 - 0.5
    to_golden = np.vstack([matrix, [0.0, 0.0, 1.0]])
    to_heat = np.diag([heat.shape[1] / box[2], heat.shape[0] / box[3], 1.0])
    to_heat[:2, 2] = (0.5 - np.array(box[:2])) * to_heat.diagonal()[:2] - 0.5
    whole = (to_heat @ to_golden @ to_picture)[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(heat, whole, grid, flags=flags, borderValue=(0,)), np.float32)


_STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
