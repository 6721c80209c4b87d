"""What is said about a golden part, and about where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field as Bounded
from pydantic import model_validator

from app.domain.errors import PictureError
from app.domain.frame import Image
from app.vision.alignment.edges import Matrix
from app.vision.parts import Described

LONGEST = 32_000
"""Longest side of a picture, pixels: OpenCV warps none longer."""

SHORTEST = 16
"""Shortest side of a picture, pixels: less shows no shape."""

Coordinate = Annotated[float, Bounded(ge=-1e4, le=1e4)]
Share = Annotated[float, Bounded(ge=-1, le=1)]


def require_alignable(picture: Image) -> None:
    """
    Raises:
        PictureError: not (H, W, 3) uint8, or a side too long or too short.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) < SHORTEST:
        raise PictureError(
            f"The picture can't be aligned: it must have 8 bits, three colours and {SHORTEST} pixels a side."
        )
    if max(picture.shape[:2]) > LONGEST:
        raise PictureError(f"The picture can't be aligned: it is longer than {LONGEST} pixels. Cut it into pieces.")


class GoldenDescription(Described):
    """What a model file says about its golden part.

    Attributes:
        width, height: of the picture it was, pixels.
        axis: mix of B, G, R that edges are looked for in.
        level: agreement a good part reaches where it lies right; below it every pose is searched.
        threshold: quality below which a part does not count as found.
        hub: point (pixels at work size) about which the part can be turned so that it looks nearly the same.
        round: the part looks the same in every turn about the hub, or good parts are turned anyhow and nothing on them
            says how: it is never turned.
        shift, turn, scale: how far good parts moved in training (`Spread`).
    """

    width: int = Bounded(ge=SHORTEST, le=LONGEST)
    height: int = Bounded(ge=SHORTEST, le=LONGEST)
    axis: tuple[Share, Share, Share]
    level: float = Bounded(ge=0, le=1)
    threshold: float = Bounded(ge=0, le=1)
    hub: tuple[Coordinate, Coordinate] | None = None
    round: bool = False
    shift: float = Bounded(ge=0, le=1e6)
    turn: float = Bounded(ge=0, le=180)
    scale: float = Bounded(ge=0, le=10)

    @model_validator(mode="after")
    def _round_about_something(self) -> Self:
        if self.round and self.hub is None:
            raise ValueError("a round golden part needs the point it is round about")
        return self


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the training parts lay from the golden, 95 of 100 of them at most.

    Attributes:
        shift: of the part's middle, pixels of the golden's picture.
        angle: degrees.
        scale: |size against the golden's - 1|.
        reach: pixels that the part's rim moved by all three together, as a share of the golden picture's diagonal.
    """

    shift: float
    angle: float
    scale: float
    reach: float

    @property
    def fixtured(self) -> bool:
        """Whether parts lie still enough (2 % of the picture's diagonal) to be compared place by place as they are."""
        return self.reach <= 0.02


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a registration may be off: shift in pixels of the golden's picture, angle in degrees, scale a share."""

    shift: float
    angle: float
    scale: float


EXACT = Tolerance(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Where the golden part lies in a picture. Coordinates are OpenCV's: (0, 0) is the middle of the first pixel.

    Attributes:
        matrix: (2, 3) float64, from pixels of the picture to pixels of the golden's picture; exactly the identity
            (for pictures of the golden's size) where the part has not moved.
        inverse: (2, 3) float64, the way back.
        angle: degrees the part is turned against the golden, counter-clockwise as seen, -180..180; 0 for a part of
            which it cannot be told (`Golden.round`).
        scale: its size against the golden's, after evening out a different picture size.
        shift: (x, y) by which the part's middle moved, pixels of the golden's picture.
        quality: 0..1, how well the best agreeing 60 % of the part's edges agree: a defect does not lower it.
        agreement: 0..1, the same over the whole part.
        visible: 0..1, share of the part's edges that lies inside the picture. What is outside was not seen.
        failed: "" or, in words, why this registration must not be used.
    """

    matrix: Matrix
    inverse: Matrix
    angle: float
    scale: float
    shift: tuple[float, float]
    quality: float
    agreement: float
    visible: float
    failed: str
