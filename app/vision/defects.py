"""Labelled defects, as training looks at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.errors import PictureError
from app.domain.frame import Image
from app.vision.alignment import Registration
from app.vision.framing import Framing, Part
from app.vision.judge import Judge
from app.vision.known import Looked

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Defect:
    """One labelled defect.

    Attributes:
        kind: its type; "" where nobody named it.
        masks: for a picture of (width, height) its defects by type, each (H, W) bool; None where only the picture
            was labelled.
    """

    name: str
    load: Callable[[], Image]
    kind: str = ""
    masks: Callable[[tuple[int, int]], dict[str, NDArray[np.bool_]]] | None = None


@dataclass(slots=True)
class LabelledDefects:
    """What was seen of the defects.

    Attributes:
        kinds: type of each, "" where nobody named it.
        areas: of each by type, (h, w) float32 share of each fine cell that its mask covers; empty without a mask.
    """

    seen: list[Looked] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    areas: list[dict[str, Array]] = field(default_factory=list)


def look_at_defects(
    defects: Sequence[Defect],
    judge: Judge,
    framing: Framing,
    skipped: list[tuple[str, str]],
    step: Callable[[float, str], None],
) -> LabelledDefects:
    """Looks at each defect by banks that have not seen it; unreadable ones are added to `skipped`."""
    found = LabelledDefects()
    for number, defect in enumerate(defects):
        step(0.9 + 0.03 * number / len(defects), f"Looking at defect {number + 1} of {len(defects)}")
        try:
            image = defect.load()
            size = (image.shape[1], image.shape[0])
            masks = defect.masks(size) if defect.masks else {}
            looked, part, placed = judge.look(image)
        except PictureError as error:
            skipped.append((defect.name, str(error)))
            continue
        found.seen.append(looked)
        found.kinds.append(defect.kind)
        grid = looked.evidence.distances.shape if looked.evidence else (1, 1)
        found.areas.append(
            {
                # A type given by the folder names the mask's pixels too.
                defect.kind if len(masks) == 1 else kind: _covered(area, framing, part, placed, grid)
                for kind, area in masks.items()
                if area.any()
            }
        )
    return found


def _covered(
    area: NDArray[np.bool_], framing: Framing, part: Part, placed: Registration | None, grid: tuple[int, ...]
) -> Array:
    """Share of each cell of `grid` (rows, columns) over the part that a mask of the picture covers."""
    mask = area.astype(np.float32)
    if placed is not None:
        assert framing.fixture is not None
        mask = np.asarray(cv2.warpAffine(mask, placed.matrix, framing.fixture.golden.size), np.float32)
    x, y = part.origin
    mask = mask[y : y + part.image.shape[0], x : x + part.image.shape[1]]
    share = cv2.resize(mask, (grid[1], grid[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(share, np.float32).clip(0, 1)
