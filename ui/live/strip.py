"""The last parts as a strip: thumbnail, shape, time; a tap opens the part."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QScrollArea, QWidget

from app.domain.inspection import Inspection
from ui.shared.images import fit
from ui.shared.shapes import draw_verdict
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import clock, finger_scroll
from ui.theme import current
from ui.theme.theme import font

SHOWN = 20
TILE = QSize(96, 96)
_PICTURE = QSize(88, 62)


class PartTile(QAbstractButton):
    """One past part."""

    def __init__(self, thumbs: Thumbs) -> None:
        super().__init__()
        self._thumbs = thumbs
        self.inspection: Inspection | None = None
        self._when = ""
        self.has_picture = False
        self.setFixedSize(TILE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_part(self, inspection: Inspection | None, zone: tzinfo | None) -> None:
        if inspection is self.inspection:
            return
        self.inspection = inspection
        self.setEnabled(inspection is not None)
        if inspection is not None:
            self._when = clock(inspection.captured_at, zone)
            self.setAccessibleName(f"Part {inspection.part_id}, {inspection.verdict.value}, {self._when}")
        self.update()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Space:  # kept for the trigger
            event.ignore()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        focused = self.hasFocus()
        painter.setPen(QPen(theme.colour("action" if focused else "line"), 2 if focused else 1))
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        if self.inspection is None:
            painter.end()
            return
        room = QRectF(4, 4, _PICTURE.width(), _PICTURE.height())
        picture = self._thumbs.get(self.inspection.image_path)
        self.has_picture = picture is not None
        if picture is not None:
            width, height = fit((picture.width(), picture.height()), (_PICTURE.width(), _PICTURE.height()))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)  # small and still
            painter.drawImage(
                QRectF(room.center().x() - width / 2, room.center().y() - height / 2, width, height), picture
            )
        shape = QRectF(6, 72, 17, 17)
        draw_verdict(painter, self.inspection.verdict, shape, QColor(theme.tokens.of(self.inspection.verdict)))
        painter.setPen(theme.colour("text"))
        painter.setFont(font(14))
        painter.drawText(QRectF(28, 68, self.width() - 32, 24), Qt.AlignmentFlag.AlignCenter, self._when)
        painter.end()


class PartStrip(QScrollArea):
    """Newest left; drag to see older ones. The tiles stay, only what they show moves."""

    opened = Signal(object)

    def __init__(self, thumbs: Thumbs) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(TILE.height())
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        content = QWidget()
        content.setProperty("kind", "ground")
        row = QHBoxLayout(content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.tiles = [PartTile(thumbs) for _ in range(SHOWN)]
        for tile in self.tiles:
            tile.setEnabled(False)
            tile.clicked.connect(lambda _checked=False, tile=tile: self.opened.emit(tile.inspection))
            row.addWidget(tile)
        row.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        finger_scroll(self)
        thumbs.loaded.connect(self._redraw)

    def show_parts(self, parts: list[Inspection], zone: tzinfo | None) -> None:
        """`parts` newest first."""
        for index, tile in enumerate(self.tiles):
            tile.show_part(parts[index] if index < len(parts) else None, zone)

    def _redraw(self) -> None:
        for tile in self.tiles:
            if not tile.has_picture:
                tile.update()
