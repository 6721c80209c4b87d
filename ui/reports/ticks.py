"""Chips of which any number is chosen."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from ui.shared.widgets import Button


class Ticks(QWidget):
    """`changed` after a chip was tapped. At least `least` stay chosen."""

    changed = Signal()

    def __init__(
        self, options: list[tuple[str, str]], chosen: Collection[str], *, columns: int = 2, least: int = 0
    ) -> None:
        """`options` are (key, words)."""
        super().__init__()
        self._least = least
        self._chips: dict[str, Button] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        for number, (key, words) in enumerate(options):
            chip = Button(words, "chip")
            chip.setCheckable(True)
            chip.setChecked(key in chosen)
            chip.clicked.connect(lambda _checked=False, key=key: self._tapped(key))
            self._chips[key] = chip
            grid.addWidget(chip, number // columns, number % columns)

    def button(self, key: str) -> Button:
        return self._chips[key]

    def value(self) -> list[str]:
        """The chosen keys in the order of the chips."""
        return [key for key, chip in self._chips.items() if chip.isChecked()]

    def set_value(self, chosen: Collection[str]) -> None:
        for key, chip in self._chips.items():
            chip.setChecked(key in chosen)

    def _tapped(self, key: str) -> None:
        if len(self.value()) < self._least:
            self._chips[key].setChecked(True)
        self.changed.emit()
