"""The last parts as a strip: thumbnail, shape, time; a tap opens the part."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QScrollArea, QWidget

from app.domain.inspection import Inspection
from ui.live.picture import draw_marks
from ui.shared.elided import Paragraph
from ui.shared.images import fit
from ui.shared.shapes import draw_verdict
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import clock, finger_scroll
from ui.theme import current
from ui.theme.theme import font

SHOWN = 20
HINT = "The last 20 parts appear here. Tap one to see it again, hold it to send it to the review."
_HINT_UNTIL = 3
"""Parts beside which the hint still has room."""
TILE = QSize(96, 96)
HOLD_MS = 600
"""A finger that stays this long means the review, not the part's sheet."""
_PICTURE = QSize(88, 62)


_Key = tuple[str, float, str]


class PartTile(QAbstractButton):
    """One past part. With each new part all of them move on by one place, so what a part looks like is
    drawn once and kept in `drawn`, which the tiles share. `held` follows a long press in place of `clicked`."""

    held = Signal()

    def __init__(self, thumbs: Thumbs, drawn: dict[_Key, QPixmap]) -> None:
        super().__init__()
        self._thumbs = thumbs
        self._drawn = drawn
        self.inspection: Inspection | None = None
        self._when = ""
        self.has_picture = False
        self._hold = QTimer(self)
        self._hold.setSingleShot(True)
        self._hold.setInterval(HOLD_MS)
        self._hold.timeout.connect(self._held)
        self.pressed.connect(self._hold.start)
        self.released.connect(self._hold.stop)
        self.setFixedSize(TILE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_part(self, inspection: Inspection | None, zone: tzinfo | None) -> None:
        if inspection is self.inspection:
            return
        self.inspection = inspection
        self.setVisible(inspection is not None)
        if inspection is not None:
            self._when = clock(inspection.captured_at, zone)
            self.setAccessibleName(f"Part {inspection.part_id}, {inspection.verdict.value}, {self._when}")
        self.update()

    def _held(self) -> None:
        if self.isDown():
            self.setDown(False)  # what is no longer down is not clicked when it is let go
            self.held.emit()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Space:  # kept for the trigger
            event.ignore()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        if self.inspection is None:
            painter.end()
            return
        key = (self.inspection.id, self.devicePixelRatioF(), current().tokens.name)
        drawn = self._drawn.get(key)
        if drawn is None:
            drawn = self._draw()
            if self.has_picture or not self.inspection.image_path:
                self._drawn[key] = drawn
                while len(self._drawn) > 2 * SHOWN:
                    self._drawn.pop(next(iter(self._drawn)))
        else:
            self.has_picture = True
        painter.drawPixmap(0, 0, drawn)
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(current().colour("action"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()

    def _draw(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        drawn = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        drawn.setDevicePixelRatio(ratio)
        drawn.fill(Qt.GlobalColor.transparent)
        painter = QPainter(drawn)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        assert self.inspection is not None  # a tile without a part is hidden
        room = QRectF(4, 4, _PICTURE.width(), _PICTURE.height())
        picture = self._thumbs.get(self.inspection.image_path)
        self.has_picture = picture is not None
        if picture is not None:
            width, height = fit((picture.width(), picture.height()), (_PICTURE.width(), _PICTURE.height()))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)  # small and still
            place = QRectF(room.center().x() - width / 2, room.center().y() - height / 2, width, height)
            painter.drawImage(place, picture)
            part = self.inspection
            draw_marks(painter, part.regions, place, (part.width, part.height), part.verdict)
        shape = QRectF(6, 72, 17, 17)
        draw_verdict(painter, self.inspection.verdict, shape, QColor(theme.tokens.of(self.inspection.verdict)))
        painter.setPen(theme.colour("text"))
        painter.setFont(font(14))
        painter.drawText(QRectF(28, 68, self.width() - 32, 24), Qt.AlignmentFlag.AlignCenter, self._when)
        painter.end()
        return drawn


class PartStrip(QScrollArea):
    """Newest left; drag to see older ones. The tiles stay, only what they show moves."""

    opened = Signal(object)
    held = Signal(object)

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
        drawn: dict[_Key, QPixmap] = {}
        self.tiles = [PartTile(thumbs, drawn) for _ in range(SHOWN)]
        for tile in self.tiles:
            tile.hide()
            tile.clicked.connect(lambda _checked=False, tile=tile: self.opened.emit(tile.inspection))
            tile.held.connect(lambda tile=tile: self.held.emit(tile.inspection))
            row.addWidget(tile)
        self.hint = Paragraph(TILE.height())
        self.hint.setProperty("kind", "quiet")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.hint.setText(HINT)
        row.addWidget(self.hint, 1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        finger_scroll(self)
        thumbs.loaded.connect(self._redraw)

    def show_parts(self, parts: list[Inspection], zone: tzinfo | None) -> None:
        """`parts` newest first."""
        self.hint.setText(HINT if len(parts) <= _HINT_UNTIL else "")
        for index, tile in enumerate(self.tiles):
            tile.show_part(parts[index] if index < len(parts) else None, zone)

    def _redraw(self) -> None:
        for tile in self.tiles:
            if not tile.has_picture:
                tile.update()
