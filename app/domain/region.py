"""The place of a defect on the original picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """A connected area whose anomaly map lies at or above the model's region limit.

    Attributes:
        x, y, width, height: bounding box in pixels of the EXIF-upright original.
        area: pixels of the original inside the outline.
        label: the defect type's name; "anomaly" where the model knows only normals.
        score: the highest value of the anomaly map inside, on the scale of the image score.
        area_mm2: the same in square millimetres; None where no scale was measured.
        outline: ((x, y), ...) polygon in pixels of the original, closed implicitly.
        severity: area over the limit for its label (`app.domain.wear`): 1 and more is too much; None without a limit.
    """

    x: int
    y: int
    width: int
    height: int
    area: int
    label: str
    score: float
    outline: tuple[tuple[int, int], ...] = ()
    area_mm2: float | None = None
    severity: float | None = None


def place_words(region: Region, size: tuple[int, int]) -> str:
    """Where the region lies on a picture of `size` (width, height), in words: "upper left"."""
    cx = (region.x + region.width / 2) / max(size[0], 1)
    cy = (region.y + region.height / 2) / max(size[1], 1)
    row = "upper" if cy < 1 / 3 else "lower" if cy > 2 / 3 else ""
    column = "left" if cx < 1 / 3 else "right" if cx > 2 / 3 else ""
    return " ".join(word for word in (row, column) if word) or "centre"
