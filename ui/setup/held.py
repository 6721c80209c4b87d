"""Settings of a camera that are held fast, as fields of the screen."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from ui.shared.widgets import field


class HeldFields(QWidget):
    """One field a setting; an empty one leaves it to the camera. `changed` with every key.

    Args:
        names: (name in the address, words on the screen) of each.
    """

    changed = Signal()

    def __init__(self, names: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.editors: dict[str, QLineEdit] = {}
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        for name, words in names:
            editor = self.editors[name] = QLineEdit()
            editor.setPlaceholderText("free")
            editor.textChanged.connect(self.changed)
            line.addWidget(field(words, editor), 1)

    def take(self, source: str) -> None:
        """Shows what a SOURCE address holds."""
        held = dict(one.partition("=")[::2] for one in source.partition("?")[2].split("&"))
        for name, editor in self.editors.items():
            editor.setText(held.get(name, ""))

    def added_to(self, address: str) -> str:
        """The address with what is entered here."""
        entered = {name: editor.text().strip() for name, editor in self.editors.items()}
        words = "&".join(f"{name}={value}" for name, value in entered.items() if value)
        return f"{address}?{words}" if words else address
