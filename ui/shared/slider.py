"""A slider for a finger: the whole height takes the touch, and it can be dragged from anywhere."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QSlider

from ui.theme import current
from ui.theme.theme import font

_KNOB = 14


class TouchSlider(QSlider):
    """Horizontal, its name above it, without groove hunting: a touch sets the value where the finger is."""

    def __init__(self, low: int, high: int, value: int, name: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(low, high)
        self.setValue(value)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(160, current().metrics.touch)

    def minimumSizeHint(self) -> QSize:
        return QSize(96, current().metrics.touch)

    def words(self) -> str:
        """What stands above it."""
        return f"{self.accessibleName()} {self.value()} %" if self.isEnabled() else self.accessibleName()

    def _set_from(self, x: float) -> None:
        share = (x - _KNOB - 2) / max(self.width() - 2 * _KNOB - 4, 1)
        self.setValue(round(self.minimum() + share * (self.maximum() - self.minimum())))

    def mousePressEvent(self, event):  # type: ignore[no-untyped-def]
        self._set_from(event.position().x())

    def mouseMoveEvent(self, event):  # type: ignore[no-untyped-def]
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._set_from(event.position().x())

    def mouseReleaseEvent(self, event):  # type: ignore[no-untyped-def]
        event.accept()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        y = self.height() - _KNOB - 4.0
        left, right = _KNOB + 2.0, self.width() - _KNOB - 2.0
        painter.setFont(font(14))
        painter.setPen(theme.colour("quiet"))
        painter.drawText(QRectF(left, 0, self.width() - left, y - _KNOB), Qt.AlignmentFlag.AlignVCenter, self.words())
        share = (self.value() - self.minimum()) / max(self.maximum() - self.minimum(), 1)
        x = left + share * (right - left)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("line"))
        painter.drawRoundedRect(QRectF(left, y - 3, right - left, 6), 3, 3)
        painter.setBrush(theme.colour("quiet" if self.isEnabled() else "line"))
        painter.drawRoundedRect(QRectF(left, y - 3, x - left, 6), 3, 3)
        painter.setBrush(theme.colour("text" if self.isEnabled() else "line"))
        painter.setPen(QPen(theme.colour("action"), 3) if self.hasFocus() else QPen(theme.colour("ground"), 2))
        painter.drawEllipse(QRectF(x - _KNOB, y - _KNOB, 2 * _KNOB, 2 * _KNOB))
        painter.end()
