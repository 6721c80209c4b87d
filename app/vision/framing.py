"""What of a picture is looked at: laid onto the golden part, cut to the regions of interest, some of it ignored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.errors import DatasetError
from app.domain.frame import Image
from app.vision.alignment import Golden, Registration
from app.vision.look import Look
from app.vision.parts import Described

AREA = 64

Share = Annotated[float, Field(ge=0, le=1)]
Rect = tuple[Share, Share, Share, Share]
"""x, y, width, height in shares of the picture's sides."""

Mask = NDArray[np.bool_]


class Regions(Described):
    """Where to look; in the golden part's picture where there is one.

    Attributes:
        interest: only what lies in one of these is judged; none: the whole picture.
        ignored: what lies in one of these is not judged, such as a serial number.
    """

    interest: tuple[Rect, ...] = Field(default=(), max_length=64)
    ignored: tuple[Rect, ...] = Field(default=(), max_length=64)

    def crop(self, width: int, height: int) -> tuple[int, int, int, int]:
        """(x, y, width, height) in pixels of a picture: the smallest rectangle around the regions of interest."""
        if not self.interest:
            return 0, 0, width, height
        left = min(rect[0] for rect in self.interest) * width
        top = min(rect[1] for rect in self.interest) * height
        right = max(rect[0] + rect[2] for rect in self.interest) * width
        bottom = max(rect[1] + rect[3] for rect in self.interest) * height
        x, y = min(round(left), width - 1), min(round(top), height - 1)
        return x, y, max(1, min(round(right), width) - x), max(1, min(round(bottom), height) - y)

    def counts(self, width: int, height: int) -> Mask | None:
        """(H, W) bool of the whole picture, True where it is judged; None where it all is."""
        if len(self.interest) <= 1 and not self.ignored:
            return None  # one region of interest is what the crop leaves
        counts = np.zeros((height, width), np.bool_) if self.interest else np.ones((height, width), np.bool_)
        for rects, value in ((self.interest, True), (self.ignored, False)):
            for x, y, wide, tall in rects:
                rows = slice(round(y * height), max(round((y + tall) * height), round(y * height) + 1))
                columns = slice(round(x * width), max(round((x + wide) * width), round(x * width) + 1))
                counts[rows, columns] = value
        return counts


def regions_of(
    interest: Sequence[tuple[int, int, int, int]], ignored: Sequence[tuple[int, int, int, int]], size: tuple[int, int]
) -> Regions:
    """Regions from rectangles (x, y, width, height) in pixels of a picture of `size` (width, height).

    Raises:
        DatasetError: one lies outside the picture.
    """

    def shares(rect: tuple[int, int, int, int]) -> Rect:
        x, y, wide, tall = rect
        if wide < 1 or tall < 1 or x < 0 or y < 0 or x + wide > size[0] or y + tall > size[1]:
            raise DatasetError(
                f"The region {x},{y},{wide},{tall} lies outside the pictures of {size[0]} x {size[1]} pixels: give its "
                "left, top, width and height in pixels of the picture."
            )
        return x / size[0], y / size[1], wide / size[0], tall / size[1]

    return Regions(interest=tuple(map(shares, interest)), ignored=tuple(map(shares, ignored)))


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


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What is looked at.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        there: (H, W) bool, what counts of it; None: all.
        origin: (x, y) of its corner in the picture, or in the golden's picture where it was laid onto that.
        look: what is judged of it by the station's own regions; None: all that counts.
    """

    image: Image
    there: Mask | None
    origin: tuple[int, int]
    look: Look | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """From a picture to the part of it that is looked at: the same for training and judging."""

    fixture: Fixture | None
    regions: Regions = field(default_factory=Regions)

    def as_it_lies(self, image: Image) -> Part:
        """Without looking for the part."""
        return self._cut(image, None)

    def laid(self, image: Image, found: Registration) -> Part:
        """Laid onto the golden part; there must be one."""
        assert self.fixture is not None
        laid, there = self.fixture.golden.warp(image, found)
        there = there & self._known()
        return self._cut(laid, None if there.all() else there)

    def known(self) -> Mask:
        """Where there is something to compare with, (H, W) bool of what is looked at of the golden's picture."""
        known = self._known()
        x, y, wide, tall = self.regions.crop(known.shape[1], known.shape[0])
        return known[y : y + tall, x : x + wide]

    def _known(self) -> Mask:
        assert self.fixture is not None
        size = self.fixture.golden.size
        return np.asarray(cv2.resize(self.fixture.area, size, interpolation=cv2.INTER_NEAREST), np.uint8) > 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of what is looked at in a picture of this size."""
        if self.fixture is not None and self.fixture.always:
            width, height = self.fixture.golden.size
        return self.regions.crop(width, height)[2:]

    def _cut(self, image: Image, there: Mask | None) -> Part:
        height, width = image.shape[:2]
        counts = self.regions.counts(width, height)
        if counts is not None:
            there = counts if there is None else there & counts
        x, y, wide, tall = self.regions.crop(width, height)
        if (wide, tall) == (width, height):
            return Part(image, there, (0, 0))
        piece = np.s_[y : y + tall, x : x + wide]
        return Part(image[piece], None if there is None else there[piece], (x, y))
