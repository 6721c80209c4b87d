"""Sizes in pixels, from millimetres where a finger or three metres of distance decide them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtGui import QScreen

USUAL_PIXELS_PER_MM = 96 / 25.4
_PLAUSIBLE_DPI = (70.0, 330.0)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Sizes of one screen, in device-independent pixels.

    Attributes:
        pixels_per_mm: of this screen.
    """

    pixels_per_mm: float

    @property
    def touch(self) -> int:
        """Side of a touch target: 15 mm, at least 56 px."""
        return max(56, math.ceil(15 * self.pixels_per_mm))

    @property
    def strip(self) -> int:
        """Height kept for the alarm strip: a touch target and 8 px above and below."""
        return self.touch + 16

    @property
    def top_bar(self) -> int:
        """Height of the top bar: 88 px where a finger's 15 mm are about as many (a 10-inch screen), else 56."""
        return 88 if self.tight else 56

    @property
    def tight(self) -> bool:
        """Whether a touch target takes so much of the screen (a 10-inch one) that rows have to be saved."""
        return self.touch > 72

    def mm(self, length: float) -> int:
        """Millimetres as whole pixels."""
        return round(length * self.pixels_per_mm)


RAIL = 88
GAP = 8
RADIUS = 8


def pixels_per_mm(setting: float, screen: QScreen | None) -> float:
    """The setting; where it is 0, what the screen says of itself if that can be true (EDID is often
    wrong, a virtual screen has none), else the usual 96 dots per inch."""
    if setting > 0:
        return setting
    if screen is not None:
        dpi = screen.physicalDotsPerInch()
        if _PLAUSIBLE_DPI[0] <= dpi <= _PLAUSIBLE_DPI[1]:
            return dpi / 25.4
    return USUAL_PIXELS_PER_MM
