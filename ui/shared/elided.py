"""Text that takes the room it is given instead of pushing its neighbours: one line, or a few."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget


class Elided(QLabel):
    """Like a QLabel of one line that takes the width it is given; the whole text stays in the accessible name.

    A new text only repaints: QLabel itself would lay out the whole window again, with every part.
    """

    def __init__(
        self,
        text: str = "",
        kind: str = "",
        parent: QWidget | None = None,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self._text = text
        self._keep = ""
        if kind:
            self.setProperty("kind", kind)
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def text(self) -> str:
        return self._text

    def setText(self, text: str, keep: str = "") -> None:
        """`keep` is an ending of the text that is never cut, such as a count."""
        if text == self._text:
            return
        self._text, self._keep = text, keep
        self.setAccessibleName(text)
        if self.sizePolicy().horizontalPolicy() != QSizePolicy.Policy.Ignored:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        self.ensurePolished()
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._text) + 1, metrics.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(self.foregroundRole()))
        metrics, keep = self.fontMetrics(), self._keep
        room = self.width() - (metrics.horizontalAdvance(keep) if keep else 0)
        words = metrics.elidedText(self._text.removesuffix(keep), self._mode, room) + keep
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | self.alignment(), words)
        painter.end()


class Paragraph(QLabel):
    """A few lines in a place of fixed height, broken between words.

    A new text only repaints, as with `Elided`: beside a live picture it changes many times a second.
    """

    def __init__(self, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setWordWrap(True)
        self.setFixedHeight(height)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        return self._text

    def heightForWidth(self, width: int) -> int:
        return self.fontMetrics().boundingRect(0, 0, width, 0, Qt.TextFlag.TextWordWrap, self._text).height()

    def setText(self, text: str, tip: str = "") -> None:
        """`tip`: shown under the pointer."""
        if tip != self.toolTip():  # else every part of the window hears of it, with each picture
            self.setToolTip(tip)
        if text == self._text:
            return
        self._text = text
        self.setAccessibleName(text)
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), Qt.TextFlag.TextWordWrap | self.alignment(), self._text)
        painter.end()
