"""A long list of rows that stand beside each other, painted as it scrolls; a tap marks one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen

from ui.shared.finger import TapArea
from ui.shared.widgets import icon
from ui.theme import current
from ui.theme.theme import font

_PAD = 16
_LINE = 22
_SMALL = 20
_BLOCK = _LINE + _SMALL + 8
_NARROW = 900
_CHIP = 136


@dataclass(frozen=True, slots=True)
class Entry:
    """Attributes:
    key: what a tap tells.
    head: above the blocks; "" for none.
    blocks: (what, where) side by side.
    foot: below them, in two lines at most.
    """

    key: int
    head: str
    blocks: tuple[tuple[str, str], ...]
    foot: str = ""


class EntryList(TapArea):
    """`tapped_entry` carries the key of an entry that was tapped, or chosen with Enter."""

    tapped_entry = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.entries: Sequence[Entry] = ()
        self.marked: frozenset[int] = frozenset()
        self.at = 0
        self._words: tuple[str, str] | None = None
        self._tops: list[int] = [0]
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self.verticalScrollBar().setSingleStep(56)
        current().changed.connect(self.viewport().update)

    def show_entries(self, entries: Sequence[Entry], marks: tuple[str, str] | None = None) -> None:
        """`marks`: what stands on an entry that is not marked and on one that is; None where a tap does nothing."""
        same = entries == self.entries
        self.entries, self._words = entries, marks
        self.at = min(self.at, max(0, len(entries) - 1)) if same else 0
        self._lay_out()
        if not same:
            self.verticalScrollBar().setValue(0)
        self.viewport().update()

    def mark(self, keys: frozenset[int]) -> None:
        self.marked = keys
        self.viewport().update()

    def area_of(self, index: int) -> QRect:
        """Where an entry lies in the viewport."""
        top = self._tops[index] - self.verticalScrollBar().value()
        return QRect(0, top, self.viewport().width(), self._tops[index + 1] - self._tops[index])

    # -- sizes
    def _columns(self) -> int:
        return 2 if self.viewport().width() < _NARROW or self._words is not None else 3

    def _height(self, entry: Entry) -> int:
        lines = -(-len(entry.blocks) // self._columns())
        feet = 2 * _SMALL if _small_width(entry.foot) > self._room() else _SMALL if entry.foot else 0
        return 2 * _PAD - 8 + (_LINE + 6 if entry.head else 0) + lines * _BLOCK + feet

    def _room(self) -> int:
        return self.viewport().width() - 2 * _PAD - (_CHIP + _PAD if self._words is not None else 0)

    def _lay_out(self) -> None:
        self._tops = [0, *accumulate(map(self._height, self.entries))]
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setRange(0, max(0, self._tops[-1] - self.viewport().height()))

    def resizeEvent(self, _event: object) -> None:
        self._lay_out()

    # -- taps and keys
    def _find(self, y: int) -> int:
        """The entry at a height of the viewport, or -1."""
        index = bisect_right(self._tops, y + self.verticalScrollBar().value()) - 1
        return index if 0 <= index < len(self.entries) else -1

    def tapped(self, point: QPoint, _modifiers: Qt.KeyboardModifier) -> None:
        index = self._find(point.y())
        if index >= 0:
            self._choose(index)
            if self._words is not None:
                self.tapped_entry.emit(self.entries[index].key)

    def _choose(self, index: int) -> None:
        self.at = max(0, min(index, len(self.entries) - 1))
        bar, area = self.verticalScrollBar(), self.area_of(self.at)
        if area.top() < 0:
            bar.setValue(self._tops[self.at])
        elif area.bottom() > self.viewport().height():
            bar.setValue(self._tops[self.at + 1] - self.viewport().height())
        self.setAccessibleName(_told(self.entries[self.at]))
        self.viewport().update()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        key = event.key()
        moves = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -4, Qt.Key.Key_PageDown: 4}
        if not self.entries:
            event.ignore()
        elif key in moves:
            self._choose(self.at + moves[key])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._choose(0 if key == Qt.Key.Key_Home else len(self.entries) - 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._words is not None and not event.isAutoRepeat():
            self.tapped_entry.emit(self.entries[self.at].key)
        else:
            event.ignore()

    # -- painting
    def paintEvent(self, event):  # type: ignore[no-untyped-def]
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first = max(0, self._find(max(0, event.rect().top())))
        for index in range(first, len(self.entries)):
            area = self.area_of(index)
            if area.top() > event.rect().bottom():
                break
            self._paint(painter, self.entries[index], area, index == self.at and self.hasFocus())
        painter.end()

    def _paint(self, painter: QPainter, entry: Entry, area: QRect, focused: bool) -> None:
        theme = current()
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(area.left(), area.bottom(), area.right(), area.bottom())
        if focused:
            painter.setPen(QPen(theme.colour("action"), 2))
            painter.drawRoundedRect(area.adjusted(2, 2, -3, -3), 6, 6)
        x, y, room = area.left() + _PAD, area.top() + _PAD - 4, self._room()
        if entry.head:
            _line(painter, QRect(x, y, room, _LINE), entry.head, "text", 16, QFont.Weight.DemiBold)
            y += _LINE + 6
        columns = self._columns()
        width = room // max(1, min(columns, len(entry.blocks)))
        for number, (what, where) in enumerate(entry.blocks):
            left, top = x + number % columns * width, y + number // columns * _BLOCK
            _line(painter, QRect(left, top, width - 16, _LINE), what, "text", 16)
            _line(painter, QRect(left, top + _LINE, width - 16, _SMALL), where, "quiet", 14)
        y += -(-len(entry.blocks) // columns) * _BLOCK
        if entry.foot:
            painter.setFont(font(14))
            painter.setPen(theme.colour("quiet"))
            metrics = painter.fontMetrics()
            text = metrics.elidedText(entry.foot, Qt.TextElideMode.ElideRight, int(1.85 * room))
            flags = Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(QRect(x, y, room, 2 * _SMALL + 2), flags, text)
        if self._words is not None:
            self._paint_chip(painter, entry, area)

    def _paint_chip(self, painter: QPainter, entry: Entry, area: QRect) -> None:
        assert self._words is not None
        theme, marked = current(), entry.key in self.marked
        height = min(theme.metrics.touch, area.height() - 16)
        chip = QRect(area.right() - _CHIP - _PAD, area.center().y() - height // 2, _CHIP, height)
        painter.setPen(QPen(theme.colour("text" if marked else "line"), 2 if marked else 1))
        painter.setBrush(theme.colour("surface" if marked else "raised"))
        painter.drawRoundedRect(chip, 8, 8)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        icon("check" if marked else "plus").paint(painter, chip.left() + 12, chip.center().y() - 11, 24, 24)
        painter.setFont(font(16, QFont.Weight.DemiBold if marked else QFont.Weight.Medium))
        painter.setPen(theme.colour("text"))
        painter.drawText(chip.adjusted(44, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, self._words[marked])


@lru_cache(maxsize=4096)
def _sign_width(sign: str) -> int:
    return QFontMetrics(font(14)).horizontalAdvance(sign)


def _small_width(text: str) -> int:
    """A small text's width in pixels, sign by sign: laying out tens of thousands of texts would hold the screen up."""
    return sum(map(_sign_width, text))


def _line(
    painter: QPainter, area: QRect, text: str, ink: str, size: int, weight: QFont.Weight = QFont.Weight.Normal
) -> None:
    painter.setFont(font(size, weight))
    painter.setPen(current().colour(ink))
    words = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, words)


def _told(entry: Entry) -> str:
    return ". ".join(part for part in (entry.head, *(f"{a}, {b}" for a, b in entry.blocks), entry.foot) if part)
