"""Which parts people look at again, and when the station proposes a retraining."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.errors import LinesightError
from ui.bridge import Bridge
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Button, Card, Notice, label, row

_LOOK = (
    ("review_pass_rate", "Good parts, drawn at random", "%", "How sure the station is of what it passes shows here."),
    ("review_fail_rate", "Defect parts, drawn at random", "%", "False alarms are found among these."),
    ("review_confidence_below", "Verdicts less sure than", "%", "Every one of them is asked about."),
    ("review_second_rate", "Asked of a second person, blind", "%", "Tells how far people agree with each other."),
    ("review_days", "Parts are asked about for", "days", "Older ones leave the queue."),
)
_PROPOSE = (
    ("retrain_after_labels", "New labels from reviews", "", "So many, and a training is proposed."),
    ("retrain_below_agreement", "Agreement surely below", "%", "Of people with the station, on random parts."),
)
_WHOLE = {"review_days", "retrain_after_labels"}
_EXPLAINED = (
    "RETEST parts and what an operator overruled always come into the queue. These rates add to them, and cost time."
)
_NOTHING_ALONE = (
    "Drift of scores and pictures proposes one as well. The station prepares a candidate and shows the case for and "
    "against it; only a person releases."
)


class ReviewSetup(QWidget):
    """`saved` after the settings were written."""

    saved = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self.editors: dict[str, QLineEdit] = {}
        self.primary = Button("Save", "primary", on=self._save)
        self.primary.setMinimumWidth(200)
        self.words = Notice()
        cards = QHBoxLayout()
        cards.setSpacing(24)
        cards.addWidget(self._card("Looked at again", _EXPLAINED, _LOOK), 3)
        cards.addWidget(self._card("Retraining is proposed", _NOTHING_ALONE, _PROPOSE), 2)
        foot = row(self.primary, spacing=16)
        foot.addWidget(self.words, 4)
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(cards)
        layout.addLayout(foot)
        layout.addStretch(1)

    def _card(self, heading: str, words: str, fields: tuple[tuple[str, str, str, str], ...]) -> Card:
        card = Card(heading)
        card.body.addWidget(label(words, "note", wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        settings = self._bridge.station.settings
        for line, (key, name, unit, hint) in enumerate(fields):
            value = getattr(settings, key)
            editor = number_field(round(100 * value, 6) if unit == "%" else value, name)
            self.editors[key] = editor
            told = QVBoxLayout()
            told.setSpacing(0)
            told.addWidget(label(name, "strong", wrap=True))
            told.addWidget(label(hint, "quiet", wrap=True))
            grid.addLayout(told, line, 0)
            grid.addWidget(editor, line, 1)
            grid.addWidget(label(unit, "note"), line, 2)
        grid.setColumnStretch(0, 1)
        card.body.addLayout(grid)
        card.body.addStretch(1)
        return card

    def changes(self) -> dict[str, Any]:
        """The settings as they stand in the fields; LinesightError naming a field that is no number."""
        found: dict[str, Any] = {}
        for key, name, unit, _hint in (*_LOOK, *_PROPOSE):
            value = number_of(self.editors[key], name, whole=key in _WHOLE)
            if unit == "%":
                if not 0 <= value <= 100:
                    raise LinesightError(f"{name}: give 0 to 100 %.")
                value /= 100
            found[key] = value
        return found

    def _save(self) -> None:
        try:
            changes = self.changes()
        except LinesightError as error:
            self.words.tell(str(error), "bad")
            return
        self.primary.setEnabled(False)
        self._bridge.run(
            lambda: self._bridge.station.save_settings(**changes), lambda _none: self._saved(), self._refused
        )

    def _saved(self) -> None:
        self.primary.setEnabled(True)
        self.words.tell("Saved.", "good")
        self.saved.emit()

    def _refused(self, words: str) -> None:
        self.primary.setEnabled(True)
        self.words.tell(words, "bad")
