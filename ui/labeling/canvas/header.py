"""The line above the picture: its name, its label, where it stands among the others."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.domain.labelling import Label
from ui.labeling.canvas.port import Subject
from ui.labeling.canvas.toolbar import SquareButton
from ui.shared.elided import Elided
from ui.shared.widgets import Choice, column, label
from ui.theme import current

_LABELS: tuple[tuple[str, str], ...] = (("normal", "Good"), ("anomaly", "Defect"), ("", "Unlabelled"))


class Header(QWidget):
    """`label_wanted` carries "normal", "anomaly" or None; `next_wanted` and `previous_wanted` ask for a picture."""

    label_wanted = Signal(object)
    next_wanted = Signal()
    previous_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.previous = SquareButton("Previous picture (M)", "chevron-left", self.previous_wanted.emit)
        self.next = SquareButton("Next picture (N)", "chevron-right", self.next_wanted.emit)
        self.name = Elided("", "heading")
        self.facts = Elided("", "quiet")
        self.label = Choice(list(_LABELS), "")
        self.label.chosen.connect(lambda key: self.label_wanted.emit(key or None))
        self.position = label("", "note")
        self._line = layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(column(self.name, self.facts, spacing=0), 1)
        layout.addWidget(self.label)
        layout.addWidget(self.previous)
        layout.addWidget(self.position)
        layout.addWidget(self.next)
        current().changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        for key, _ in _LABELS:
            self.label.button(key).setMinimumWidth(current().metrics.touch)

    def lead(self, widget: QWidget) -> None:
        """Puts a widget at its left end."""
        self._line.insertWidget(0, widget)

    def show_subject(self, subject: Subject | None) -> None:
        self.label.setEnabled(subject is not None)
        if subject is None:
            self.name.setText("")
            self.facts.setText("")
            self.position.setText("")
            return
        height, width = subject.picture.shape[:2]
        self.name.setText(subject.name)
        self.facts.setText(f"{width} x {height} pixels")
        self.position.setText(f"{subject.position} of {subject.total}")
        self.previous.setEnabled(subject.position > 1)
        self.next.setEnabled(subject.position < subject.total)
        self.show_label(subject.label)

    def show_label(self, value: Label | None) -> None:
        self.label.set_value(value or "")
