"""What a search has found: one line a part, newest first, read on as one scrolls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.domain.words import moment, number
from ui.live.picture import draw_marks
from ui.shared.finger import TapArea
from ui.shared.images import fit
from ui.shared.shapes import draw_verdict
from ui.shared.thumbs import Thumbs
from ui.theme import current
from ui.theme.theme import font

_THUMB = (112, 72)
_GAP = 4


class Results(TapArea):
    """`opened` carries the id of the part that was tapped; `more_wanted` when the end comes into sight."""

    opened = Signal(str)
    more_wanted = Signal()

    def __init__(self, thumbs: Thumbs) -> None:
        super().__init__()
        self._thumbs = thumbs
        self._zone: tzinfo | None = None
        self._at = -1
        self.parts: list[Inspection] = []
        self.words = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Parts found")
        self.viewport().setProperty("kind", "ground")
        self.verticalScrollBar().setSingleStep(40)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        thumbs.loaded.connect(self.viewport().update)
        current().changed.connect(self._measure)

    @property
    def line(self) -> int:
        """Height of a part's line in pixels."""
        return max(_THUMB[1] + 16, current().metrics.touch) + _GAP

    def show_parts(self, parts: Sequence[Inspection], zone: tzinfo | None, words: str = "") -> None:
        """Begins anew; `words` stand in place of an empty list."""
        self.parts, self._zone, self.words, self._at = list(parts), zone, words, -1
        self.verticalScrollBar().setValue(0)
        self._measure()

    def add_parts(self, parts: Sequence[Inspection]) -> None:
        """The next page."""
        self.parts += parts
        self._measure()

    def _measure(self) -> None:
        height = len(self.parts) * self.line
        self.verticalScrollBar().setRange(0, max(0, height - self.viewport().height()))
        self.verticalScrollBar().setPageStep(self.viewport().height())
        self.viewport().update()

    def _scrolled(self) -> None:
        self.viewport().update()
        if self.verticalScrollBar().value() + 3 * self.viewport().height() >= len(self.parts) * self.line:
            self.more_wanted.emit()

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        self.viewport().update()

    def resizeEvent(self, _event: object) -> None:
        self._measure()

    def rect_of(self, index: int) -> QRect:
        top = index * self.line - self.verticalScrollBar().value()
        return QRect(0, top, self.viewport().width() - 4, self.line - _GAP)

    def tapped(self, point: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        index = (point.y() + self.verticalScrollBar().value()) // self.line
        if 0 <= index < len(self.parts):
            self._at = index
            self.opened.emit(self.parts[index].id)

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self.parts:
            self._at = min(max(self._at + (1 if key == Qt.Key.Key_Down else -1), 0), len(self.parts) - 1)
            rect = self.rect_of(self._at)
            bar = self.verticalScrollBar()
            if rect.top() < 0:
                bar.setValue(bar.value() + rect.top())
            elif rect.bottom() > self.viewport().height():
                bar.setValue(bar.value() + rect.bottom() - self.viewport().height())
            self.viewport().update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and 0 <= self._at < len(self.parts):
            self.opened.emit(self.parts[self._at].id)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        if not self.parts:
            painter.setPen(theme.colour("quiet"))
            room = self.viewport().rect().adjusted(24, 24, -24, -24)
            painter.drawText(room, Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap, self.words)
            painter.end()
            return
        first = self.verticalScrollBar().value() // self.line
        for index in range(first, min(len(self.parts), first + self.viewport().height() // self.line + 2)):
            self._paint(painter, self.parts[index], self.rect_of(index), index == self._at)
        painter.end()

    def _paint(self, painter: QPainter, part: Inspection, rect: QRect, here: bool) -> None:
        theme = current()
        painter.setPen(QPen(theme.colour("action" if here and self.hasFocus() else "line"), 2 if here else 1))
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), 8, 8)
        box = QRectF(rect.x() + 8, rect.y() + (rect.height() - _THUMB[1]) / 2, *_THUMB)
        self._picture(painter, part, box)
        shape = QRectF(box.right() + 16, rect.center().y() - 14, 28, 28)
        draw_verdict(painter, part.verdict, shape, QColor(theme.tokens.of(part.verdict)))
        left, right = int(shape.right()) + 16, rect.right() - 16
        when = moment(part.captured_at, self._zone)
        painter.setFont(font(14))
        wide = painter.fontMetrics().horizontalAdvance(when)
        upper, lower = rect.center().y() - 28, rect.center().y() + 2
        painter.setPen(theme.colour("quiet"))
        painter.drawText(QRect(right - wide, upper, wide, 26), Qt.AlignmentFlag.AlignVCenter, when)
        told = [part.product]
        told += [f"lot {part.lot}"] if part.lot else []
        told += [part.operator] if part.operator else []
        tail = ", ".join(told)
        tail_wide = min(painter.fontMetrics().horizontalAdvance(tail), (right - left) // 2)
        end = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        self._words(painter, tail, QRect(right - tail_wide, lower, tail_wide, 26), end)
        reason = part.error if part.verdict is Verdict.ERROR else part.reason
        score = f"{number(part.score)}, threshold {number(part.threshold)}" if part.score is not None else ""
        self._words(painter, reason or score, QRect(left, lower, right - left - tail_wide - 16, 26))
        painter.setPen(theme.colour("text"))
        painter.setFont(font(16, QFont.Weight.DemiBold))
        name = f"{part.part_id}, serial {part.serial}" if part.serial and part.serial != part.part_id else part.part_id
        self._words(painter, name, QRect(left, upper, right - left - wide - 16, 26))

    def _words(
        self, painter: QPainter, words: str, room: QRect, where: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignVCenter
    ) -> None:
        painter.drawText(
            room, where, painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room.width())
        )

    def _picture(self, painter: QPainter, part: Inspection, box: QRectF) -> None:
        theme = current()
        gone = not part.image_path or part.picture_removed_at is not None
        picture = None if gone else self._thumbs.get(part.image_path)
        if picture is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("ground"))
            painter.drawRoundedRect(box, 4, 4)
            if gone:
                painter.setPen(theme.colour("quiet"))
                painter.setFont(font(14))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "no picture")
            return
        width, height = fit((picture.width(), picture.height()), _THUMB)
        place = QRectF(box.center().x() - width / 2, box.center().y() - height / 2, width, height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)  # small and still
        painter.drawImage(place, picture)
        draw_marks(painter, part.regions, place, (part.width, part.height), part.verdict)
