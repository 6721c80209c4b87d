"""From a picture to the fused heat map of all views: what trainer and station both do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.frame import Image
from app.vision.bank import MemoryBank
from app.vision.geometry import covered_box
from app.vision.graph import Network
from app.vision.looking import Eye, View
from app.vision.maps import Scale, fuse, smooth


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """A view, what it remembers of good parts, and the scale of its distances."""

    view: View
    bank: MemoryBank
    scale: Scale


class Judge:
    """The views of a model with their banks; any thread may ask."""

    def __init__(self, network: Network, views: Sequence[Remembered]) -> None:
        self._network, self._views = network, tuple(views)
        self._eye = Eye(network, [each.view for each in views], [each.bank for each in views], features=False)
        self._finest = max((each.view for each in views), key=lambda view: view.size)

    def heat(self, image: Image) -> NDArray[np.float32]:
        """The fused heat map (h, w) of an (H, W, 3) uint8 BGR picture, on the scale of the score."""
        heats = []
        for sight, each in zip(self._eye.look(image), self._views, strict=True):
            assert sight.distances is not None
            heats.append(smooth(sight.distances, self._network.stride, self._network.offset, each.scale.edge))
        return fuse(heats, [each.scale.limit for each in self._views])

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """(x, y, width, height) in pixels of a picture of this size that its heat map covers."""
        return covered_box(width, height, self._eye.canvas(self._finest, width, height))

    def prepare(self, width: int, height: int) -> None:
        """Compiles for the next picture of this size now."""
        self._eye.prepare(width, height)
