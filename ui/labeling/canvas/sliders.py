"""Sliders whose steps mean something else than a share."""

from __future__ import annotations

from PySide6.QtCore import Signal

from app.domain.words import number
from ui.labeling.canvas.canvas import SIZES
from ui.shared.slider import TouchSlider

_STEPS = 200


class SizeSlider(TouchSlider):
    """The brush's diameter: each step the same share more, so that small ones can be told apart. `moved` carries
    pixels of the picture."""

    moved = Signal(int)

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels
        super().__init__(0, _STEPS, 0, "Size")
        self.show_pixels(pixels)
        self.valueChanged.connect(self._moved)

    def show_pixels(self, pixels: int) -> None:
        """The brush has another size."""
        self.pixels = pixels
        share = 0.0
        for step in range(_STEPS + 1):
            share = step / _STEPS
            if SIZES[1] ** share >= pixels:
                break
        self.blockSignals(True)
        self.setValue(round(_STEPS * share))
        self.blockSignals(False)
        self.update()

    def _moved(self, step: int) -> None:
        self.pixels = max(SIZES[0], round(SIZES[1] ** (step / _STEPS)))
        self.update()
        self.moved.emit(self.pixels)

    def words(self) -> str:
        return f"{self.accessibleName()} {self.pixels} px"


class LevelSlider(TouchSlider):
    """The wand's tolerance in grey levels."""

    def words(self) -> str:
        return f"{self.accessibleName()} {self.value()}"


class LimitSlider(TouchSlider):
    """How hot a place has to be. `moved` carries the limit in the map's units."""

    moved = Signal(float)

    def __init__(self) -> None:
        self._peak = 1.0
        super().__init__(1, _STEPS, _STEPS // 2, "Hotter than")
        self.valueChanged.connect(lambda _step: self.moved.emit(self.limit()))

    def show_map(self, peak: float, limit: float) -> None:
        """Another map: its highest value, and where it begins to be an anomaly."""
        self._peak = max(peak, limit, 1e-9)
        self.blockSignals(True)
        self.setValue(round(_STEPS * limit / self._peak))
        self.blockSignals(False)
        self.update()

    def limit(self) -> float:
        return self._peak * self.value() / _STEPS

    def words(self) -> str:
        return f"{self.accessibleName()} {number(self.limit())}"
