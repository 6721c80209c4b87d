"""A checkpoint's crops of many pictures, each cut where the part lies, for labelling them side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.datasets.library import Library
from app.domain.errors import DatasetError, PictureError
from app.domain.frame import Image
from app.domain.labelling import Place, Query
from app.pictures import read_picture
from app.vision.alignment import Golden, learn
from app.vision.alignment.edges import after, inverted

Matrix = NDArray[np.float64]
Step = Callable[[float | None, str], None]

CROP_SIDE = 160
"""Longer side of a crop in pixels."""

_LEARNED_FROM = 24
_STILL = np.array([[1, 0, 0], [0, 1, 0]], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class PlaceCrop:
    """One crop.

    Attributes:
        picture: its id.
        image: (h, w, 3) uint8 BGR; None where the picture can't be read.
        word: what somebody said of it, "" for nothing.
        found: False where the part was not found and the crop lies where it was drawn.
    """

    picture: int
    image: Image | None
    word: str
    found: bool


class CropCutter:
    """Cuts checkpoints out of a library's pictures. Where parts move, each picture is laid onto the golden part once
    and that is remembered. Calls may come from several threads.

    Args:
        library: whose pictures are cut.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._learned = False
        self._golden: Golden | None = None
        self._ways: dict[int, Matrix | None] = {}  # picture -> onto the golden part

    def cut(self, name: str, ids: Sequence[int]) -> list[PlaceCrop]:
        """Slow: the crop of the checkpoint `name` on each of these pictures.

        Raises:
            DatasetError: there is no checkpoint of that name, or the picture it is drawn on is gone.
        """
        place = next((each for each in self._library.places() if each.name == name), None)
        if place is None:
            raise DatasetError(f"There is no checkpoint called {name}.")
        self._learn()
        drawn_on = self._way(place.picture)
        crops = []
        for each in self._library.pictures(ids):
            word = dict(each.state.crops).get(name, "")
            try:
                image = read_picture(self._library.path(each.id))
            except PictureError:
                crops.append(PlaceCrop(each.id, None, word, found=False))
                continue
            way = drawn_on if each.id == place.picture else self._way(each.id, image)
            found = way is not None and drawn_on is not None
            matrix = after(inverted(way), drawn_on) if way is not None and drawn_on is not None else _STILL
            crops.append(PlaceCrop(each.id, _crop(image, place, matrix), word, found or self._golden is None))
        return crops

    def _learn(self) -> None:
        with self._lock:
            if self._learned:
                return
            # Good parts tell best what they have in common; before any is labelled, most pictures show good ones.
            ids = self._library.find(Query(labels=frozenset({"normal"}))) or self._library.find(Query())
            pictures = []
            for number in ids[:: max(1, len(ids) // _LEARNED_FROM)][:_LEARNED_FROM]:
                try:
                    pictures.append(read_picture(self._library.path(number)))
                except PictureError:
                    continue
            golden = learn(pictures) if len({picture.shape for picture in pictures}) == 1 else None
            self._golden, self._learned = golden, True

    def _way(self, number: int, image: Image | None = None) -> Matrix | None:
        """From pixels of the picture to the golden part's; as it lies where there is none; None if not found."""
        if self._golden is None:
            return _STILL
        if number not in self._ways:
            try:
                found = self._golden.register(read_picture(self._library.path(number)) if image is None else image)
            except PictureError:
                return None
            self._ways[number] = None if found.failed else found.matrix
        return self._ways[number]


def _crop(image: Image, place: Place, matrix: Matrix) -> Image:
    """The place's rectangle laid through `matrix` (pixels of the picture it was drawn on -> pixels of this one)."""
    x, y, width, height = place.box
    scale = min(4.0, CROP_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    to_drawn = np.array([[1 / scale, 0, x + 0.5 / scale - 0.5], [0, 1 / scale, y + 0.5 / scale - 0.5]], np.float64)
    whole = after(matrix, to_drawn)
    flags = (cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, whole, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)
