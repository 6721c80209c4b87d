"""Lists whose lines begin with a colour: defect types, regions of a mask."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyledItemDelegate, QStyleOptionViewItem

from ui.shared.widgets import finger_scroll, icon
from ui.theme import current
from ui.theme.theme import font

_ROW = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        key: what `picked` and `removed` carry.
        colour: "#RRGGBB".
        words: on the left; `end`: on the right.
        key_cap: whether `end` names a key.
    """

    key: int
    colour: str
    words: str
    end: str = ""
    key_cap: bool = False


class _Painter(QStyledItemDelegate):
    def __init__(self, rows: SwatchList) -> None:
        super().__init__(rows)
        self._rows = rows

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:
        return QSize(64, current().metrics.touch)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        row = index.data(_ROW)
        theme, box = current(), option.rect
        chosen = row.key == self._rows.chosen
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen:
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.setBrush(theme.colour("raised"))
            painter.drawRoundedRect(QRectF(box).adjusted(3, 3, -3, -3), 6, 6)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.setBrush(QColor(row.colour))
        painter.drawRoundedRect(QRectF(box.left() + 16, box.center().y() - 9, 20, 20), 5, 5)
        right = box.right() - 16
        if self._rows.removable:
            bin_ = self._rows.bin_of(box)
            icon("trash-can-outline", "quiet").paint(painter, bin_.center().x() - 11, bin_.center().y() - 11, 24, 24)
            right = bin_.left()
        if row.end:
            painter.setFont(font(14))
            painter.setPen(theme.colour("quiet"))
            width = QFontMetrics(painter.font()).horizontalAdvance(row.end)
            place = QRect(right - width, box.top(), width, box.height())
            if row.key_cap:
                cap = QRectF(right - 22, box.center().y() - 10, 22, 22)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.colour("line"), 1))
                painter.drawRoundedRect(cap, 4, 4)
                painter.setPen(theme.colour("quiet"))
                painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, row.end)
                right -= 22
            else:
                painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, row.end)
                right -= width
        painter.setFont(font(16, QFont.Weight.DemiBold if chosen else QFont.Weight.Normal))
        painter.setPen(theme.colour("text"))
        room = QRect(box.left() + 48, box.top(), max(right - 12 - box.left() - 48, 0), box.height())
        words = QFontMetrics(painter.font()).elidedText(row.words, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, words)
        painter.restore()


class SwatchList(QListWidget):
    """`picked` by a tap on a line, `removed` by a tap on its bin; both carry the line's key."""

    picked = Signal(int)
    removed = Signal(int)

    def __init__(self, name: str, removable: bool = False) -> None:
        super().__init__()
        self.removable = removable
        self.chosen: int | None = None
        self._tapped = QPoint()
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setItemDelegate(_Painter(self))
        self.setMinimumHeight(current().metrics.touch + 4)
        finger_scroll(self)
        self.itemClicked.connect(self._clicked)
        current().changed.connect(self._dress)

    def show_rows(self, rows: list[Row]) -> None:
        """Replaces every line; stays where it was scrolled to."""
        while self.count() > len(rows):
            self.takeItem(self.count() - 1)
        for index, row in enumerate(rows):
            item = self.item(index)
            if item is None:
                item = QListWidgetItem()
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                self.addItem(item)
            if item.data(_ROW) != row:
                item.setData(_ROW, row)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{row.words} {row.end}")

    def rows(self) -> list[Row]:
        return [self.item(index).data(_ROW) for index in range(self.count())]

    def choose(self, key: int | None) -> None:
        """Marks a line."""
        self.chosen = key
        self.viewport().update()
        for index in range(self.count()):
            if self.item(index).data(_ROW).key == key:
                self.scrollToItem(self.item(index))

    def bin_of(self, line: QRect) -> QRect:
        """Where a line's bin is tapped."""
        side = current().metrics.touch
        return QRect(line.right() - side + 1, line.top(), side, line.height())

    def _clicked(self, item: QListWidgetItem) -> None:
        on_bin = self.removable and self.bin_of(self.visualItemRect(item)).contains(self._tapped)
        (self.removed if on_bin else self.picked).emit(item.data(_ROW).key)

    def mouseReleaseEvent(self, event):  # type: ignore[no-untyped-def]
        self._tapped = event.position().toPoint()
        super().mouseReleaseEvent(event)

    def _dress(self) -> None:
        self.setMinimumHeight(current().metrics.touch + 4)
        self.scheduleDelayedItemsLayout()
        self.viewport().update()
