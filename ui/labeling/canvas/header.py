"""The line above the picture: its name, its label, where it stands among the others."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.domain.labelling import Label
from ui.labeling.canvas.port import Subject
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Choice, column, label

_LABELS: tuple[tuple[str, str], ...] = (("normal", "Good"), ("anomaly", "Defect"), ("", "Unlabelled"))


class Header(QWidget):
    """`label_wanted` carries "normal", "anomaly" or None; `next_wanted` and `previous_wanted` ask for a picture."""

    label_wanted = Signal(object)
    next_wanted = Signal()
    previous_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.previous = self._arrow("Previous picture (M)", "chevron-left")
        self.previous.clicked.connect(self.previous_wanted)
        self.next = self._arrow("Next picture (N)", "chevron-right")
        self.next.clicked.connect(self.next_wanted)
        self.name = Elided("", "heading")
        self.facts = Elided("", "quiet")
        self.label = Choice(list(_LABELS), "")
        self.label.chosen.connect(lambda key: self.label_wanted.emit(key or None))
        self.position = label("", "note")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(column(self.name, self.facts, spacing=0), 1)
        layout.addWidget(self.label)
        layout.addWidget(self.previous)
        layout.addWidget(self.position)
        layout.addWidget(self.next)

    def _arrow(self, words: str, icon_name: str) -> Button:
        made = Button("", icon_name=icon_name)
        made.setAccessibleName(words)
        made.setToolTip(words)
        made.setStyleSheet("padding: 0;")
        made.setFixedWidth(56)
        return made

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
