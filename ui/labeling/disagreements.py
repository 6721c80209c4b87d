"""Pictures that two sessions labelled differently, side by side, until a person has chosen."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.labelling import Conflict
from app.labelling import LabellingDesk
from ui.bridge import Bridge
from ui.labeling.words import state_words
from ui.shared.images import fit, to_qimage
from ui.shared.widgets import Button, Card, clear, label, scrolled
from ui.shared.work import Follower

_SHOWN = 40
_THUMB = 160


class Thumb(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self.setFixedSize(_THUMB, _THUMB)

    def show_image(self, image: QImage) -> None:
        self._image = image
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        if self._image is None:
            painter.fillRect(self.rect(), QColor(0, 0, 0, 20))
        else:
            painter.drawImage((_THUMB - self._image.width()) // 2, (_THUMB - self._image.height()) // 2, self._image)
        painter.end()


class Disagreements(QWidget):
    """`changed` after a choice; `said` words and the kind of notice."""

    changed = Signal()
    said = Signal(str, str)

    def __init__(self, bridge: Bridge, desk: LabellingDesk, follower: Follower) -> None:
        super().__init__()
        self._bridge, self._desk, self._follower = bridge, desk, follower
        self.waiting: list[Conflict] = []
        self.later = Button("Take the later one everywhere", on=lambda: self._resolve(self.waiting, "later"))
        self.heading = label("", "heading")
        content = QWidget()
        self._rows = QVBoxLayout(content)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(16)
        top = QHBoxLayout()
        top.addWidget(self.heading, 1)
        top.addWidget(self.later)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(top)
        layout.addWidget(scrolled(content), 1)

    def show_conflicts(self, waiting: list[Conflict]) -> None:
        self.waiting = waiting
        count = len(waiting)
        self.heading.setText(
            "Nobody disagrees." if not count else f"{count} labelled differently in two sessions: which one is right?"
        )
        self.later.setVisible(count > 0)
        clear(self._rows)
        for each in waiting[:_SHOWN]:
            self._rows.addWidget(self._card(each))
        if count > _SHOWN:
            self._rows.addWidget(label(f"{count - _SHOWN} more follow.", "note"))
        self._rows.addStretch(1)

    def _card(self, conflict: Conflict) -> Card:
        card = Card(padding=16)
        thumb = Thumb()

        def load() -> QImage:
            picture = self._desk.thumbnail(conflict.picture)
            return to_qimage(picture, fit((picture.shape[1], picture.shape[0]), (_THUMB, _THUMB)))

        self._bridge.run(load, thumb.show_image, lambda _words: None)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(thumb)
        words = QVBoxLayout()
        words.addWidget(label(conflict.name, "strong", wrap=True))
        words.addWidget(label(f"{conflict.author}, {conflict.at.astimezone():%d %b, %H:%M}", "note", wrap=True))
        words.addStretch(1)
        line.addLayout(words, 1)
        mine = Button(f"Here: {state_words(conflict.mine)}", on=lambda: self._resolve([conflict], "mine"))
        theirs = Button(f"There: {state_words(conflict.theirs)}", on=lambda: self._resolve([conflict], "theirs"))
        for each in (mine, theirs):
            each.setMinimumWidth(240)
            line.addWidget(each, 0, Qt.AlignmentFlag.AlignVCenter)
        card.body.addLayout(line)
        return card

    def _resolve(self, chosen: list[Conflict], take: str) -> None:
        def done(what: object) -> None:
            self.said.emit(f"{len(chosen)} settled.", "mention")
            self.changed.emit()

        self._follower.follow(
            lambda: self._desk.resolve(chosen, take), done, lambda words: self.said.emit(words, "bad")
        )
