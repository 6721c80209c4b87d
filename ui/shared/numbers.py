"""Short editors for one number, and what stands in them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from app.domain.errors import LinesightError

_NARROW = 84


def number_field(value: float, name: str) -> QLineEdit:
    """A short editor for one number."""
    editor = QLineEdit(f"{value:g}")
    editor.setFixedWidth(_NARROW)
    editor.setAlignment(Qt.AlignmentFlag.AlignRight)
    editor.setAccessibleName(name)
    editor.setProperty("number", True)  # the keyboard on the screen begins with its digits and signs
    return editor


def number_of(editor: QLineEdit, words: str, *, whole: bool = False) -> float:
    """What stands in it; LinesightError naming it where that is no number."""
    text = editor.text().strip().replace(",", ".")
    try:
        return int(text) if whole else float(text)
    except ValueError as error:
        kind = "a whole number" if whole else "a number"
        raise LinesightError(f"{words}: {editor.text().strip() or 'nothing'} is not {kind}.") from error
