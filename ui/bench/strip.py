"""The last parts of the lot: picture, verdict, and what was decided."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QScrollArea, QWidget

from app.domain.lot import Choice, Part
from app.domain.verdict import Verdict
from ui.live.picture import draw_marks
from ui.shared.elided import Elided
from ui.shared.images import fit
from ui.shared.shapes import draw_verdict
from ui.shared.thumbs import Thumbs
from ui.shared.widgets import finger_scroll
from ui.theme import current
from ui.theme.theme import font

SHOWN = 24
TILE = QSize(104, 108)
DECIDED = {
    Choice.APPROVE: "approved",
    Choice.REJECT: "rejected",
    Choice.REWORK: "rework",
    Choice.CONCESSION: "concession",
}
_COLOUR = {Choice.APPROVE: "passed", Choice.REJECT: "failed"}


class LotTile(QAbstractButton):
    """One part."""

    def __init__(self, thumbs: Thumbs) -> None:
        super().__init__()
        self._thumbs = thumbs
        self.part: Part | None = None
        self.setFixedSize(TILE)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def show_part(self, part: Part | None) -> None:
        if part == self.part:
            return
        self.part = part
        self.setVisible(part is not None)
        if part is not None:
            word = DECIDED[part.decision.choice] if part.decision else "waits"
            self.setAccessibleName(f"Part {part.serial}, {part.last.verdict.value}, {word}")
        self.update()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            event.ignore()  # space and pedal are the trigger's

    def paintEvent(self, _event: object) -> None:
        part = self.part
        if part is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        edge = "action" if self.hasFocus() else "text" if part.decision is None else "line"
        painter.setPen(QPen(theme.colour(edge), 2 if edge != "line" else 1))
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        look = part.last
        picture = self._thumbs.get(look.image_path)
        if picture is not None:
            width, height = fit((picture.width(), picture.height()), (96, 56))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            place = QRectF((self.width() - width) / 2, 4 + (56 - height) / 2, width, height)
            painter.drawImage(place, picture)
            draw_marks(painter, look.regions, place, (look.width, look.height), look.verdict)
        shape = QRectF(6, 64, 16, 16)
        draw_verdict(painter, look.verdict, shape, QColor(theme.tokens.of(Verdict(look.verdict))))
        painter.setPen(theme.colour("text"))
        painter.setFont(font(14, QFont.Weight.DemiBold))
        serial = painter.fontMetrics().elidedText(part.serial, Qt.TextElideMode.ElideLeft, 74)
        painter.drawText(QRectF(26, 62, 76, 20), Qt.AlignmentFlag.AlignVCenter, serial)
        painter.setFont(font(14))
        word = "waits" if part.decision is None else DECIDED[part.decision.choice]
        colour = _COLOUR.get(part.decision.choice, "retest") if part.decision else "text"
        painter.setPen(theme.colour(colour))
        painter.drawText(QRectF(4, 83, self.width() - 8, 20), Qt.AlignmentFlag.AlignCenter, word)
        painter.end()


class LotStrip(QScrollArea):
    """Newest left; a tap opens the part to decide anew."""

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
        self.tiles = [LotTile(thumbs) for _ in range(SHOWN)]
        for tile in self.tiles:
            tile.hide()
            tile.clicked.connect(lambda _checked=False, tile=tile: self.opened.emit(tile.part))
            row.addWidget(tile)
        self.hint = Elided("The parts of the lot appear here. Tap one to decide on it anew.", "quiet")
        row.addWidget(self.hint, 1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        finger_scroll(self)
        thumbs.loaded.connect(self._redraw)

    def show_parts(self, parts: tuple[Part, ...]) -> None:
        newest = parts[::-1]
        self.hint.setText("" if len(parts) > 3 else "The parts of the lot appear here. Tap one to decide on it anew.")
        for index, tile in enumerate(self.tiles):
            tile.show_part(newest[index] if index < len(newest) else None)

    def _redraw(self) -> None:
        for tile in self.tiles:
            tile.update()
