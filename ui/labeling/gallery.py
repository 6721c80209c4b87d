"""The gallery: a grid of any number of pictures that paints only what is visible."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QImage, QKeyEvent, QKeySequence, QPainter, QPen

from app.domain.labelling import DefectType, LibraryPicture
from app.domain.verdict import Verdict
from ui.labeling.stock import Stock
from ui.shared.finger import TapArea
from ui.shared.shapes import draw_verdict
from ui.theme import current
from ui.theme.theme import font

GAP = 12
_TEXT = 44  # pixels below a thumbnail: name, and what it is
_MARK = 22
_CAPTIONS = 800

Key = Qt.Key

_MOVES = {
    Key.Key_Left,
    Key.Key_Right,
    Key.Key_Up,
    Key.Key_Down,
    Key.Key_Home,
    Key.Key_End,
    Key.Key_PageUp,
    Key.Key_PageDown,
}


class Gallery(TapArea):
    """Shows pictures by their ids. Signals: `selection_changed`; `opened` (double tap, Enter) with the id;
    `key` for every other key that the page has a use for."""

    selection_changed = Signal()
    opened = Signal(int)
    key = Signal(str)

    def __init__(self, stock: Stock) -> None:
        super().__init__()
        self._stock = stock
        self._ids: list[int] = []
        self._places: dict[int, int] = {}
        self._types: dict[str, DefectType] = {}
        self._chosen: set[int] = set()
        self._at = -1  # index of the current picture: where keys go on from
        self._anchor = -1
        self._picking = False
        self._nominal = self._side = 160
        self._marks: dict[tuple[Verdict, int, str], QImage] = {}
        self._captions: OrderedDict[tuple[object, ...], QImage] = OrderedDict()
        self.words = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Pictures of the library")
        self.viewport().setProperty("kind", "ground")
        self.verticalScrollBar().setSingleStep(60)
        stock.arrived.connect(self.viewport().update)
        current().changed.connect(self.viewport().update)

    # -- content
    def show_ids(self, ids: Sequence[int], words: str = "") -> None:
        """Shows these pictures in this order; the selection and the current one stay where they are still there.
        `words` stand in place of an empty gallery."""
        here = self.current
        first = self._ids[self._first()] if self._ids and self.verticalScrollBar().value() else None
        self._ids = list(ids)
        self._places = {number: place for place, number in enumerate(self._ids)}
        self.words = words
        before = set(self._chosen)
        self._chosen &= self._places.keys()
        if here is not None and here in self._places:
            self._at = self._places[here]
        else:
            self._at = min(max(self._at, 0), len(self._ids) - 1)
        self._anchor = self._at
        self._measure()
        if first is not None and first in self._places:
            self.verticalScrollBar().setValue(self._places[first] // self.columns * self._cell().height())
        self.viewport().update()
        if before != self._chosen:
            self.selection_changed.emit()

    def show_types(self, types: Iterable[DefectType]) -> None:
        self._types = {each.name: each for each in types}
        self.viewport().update()

    @property
    def ids(self) -> list[int]:
        return self._ids

    @property
    def current(self) -> int | None:
        return self._ids[self._at] if 0 <= self._at < len(self._ids) else None

    @property
    def selection(self) -> list[int]:
        """The chosen ones in the gallery's order; where none is, the current one."""
        if self._chosen:
            return sorted(self._chosen, key=self._places.__getitem__)
        return [self.current] if self.current is not None else []

    @property
    def chosen(self) -> set[int]:
        return set(self._chosen)

    def page(self) -> list[int]:
        """The pictures whose thumbnails are wholly visible now."""
        height = self.viewport().height()
        first = self._first()
        rows = -(-height // self._cell().height()) + 1
        visible = range(first, min(len(self._ids), first + rows * self.columns))
        rects = ((index, self.rect_of(index)) for index in visible)
        return [self._ids[index] for index, rect in rects if rect.top() >= 0 and rect.top() + self._side <= height]

    def choose(self, ids: Iterable[int]) -> None:
        self._chosen = set(ids) & self._places.keys()
        self.viewport().update()
        self.selection_changed.emit()

    def choose_nothing(self) -> None:
        self.choose(())

    def set_picking(self, on: bool) -> None:
        """A tap adds to the selection: for fingers, which have no Ctrl key."""
        self._picking = on

    def set_side(self, side: int) -> None:
        """Longer side of a thumbnail in pixels."""
        self._nominal = side
        self._resized()

    def go_to(self, number: int) -> None:
        if number in self._places:
            self._move_to(self._places[number])

    def advance(self) -> None:
        """To the next picture, as after a label was given by key."""
        if not self._chosen and self._at + 1 < len(self._ids):
            self._move_to(self._at + 1)

    # -- geometry
    def _cell(self) -> QSize:
        return QSize(self._side + GAP, self._side + _TEXT + GAP)

    @property
    def columns(self) -> int:
        return max(1, round((self.viewport().width() - GAP) / (self._nominal + GAP)))

    def _first(self) -> int:
        return self.verticalScrollBar().value() // self._cell().height() * self.columns

    def _measure(self) -> None:
        rows = -(-len(self._ids) // self.columns)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, rows * self._cell().height() + GAP - self.viewport().height()))
        bar.setPageStep(max(1, self.viewport().height() - self._cell().height()))

    def rect_of(self, index: int) -> QRect:
        """The cell's place in the viewport."""
        cell = self._cell()
        row, column = divmod(index, self.columns)
        left = GAP + column * cell.width()
        return QRect(left, GAP + row * cell.height() - self.verticalScrollBar().value(), self._side, self._side + _TEXT)

    def index_at(self, point: QPoint) -> int:
        """-1 between the pictures."""
        cell = self._cell()
        row = (point.y() + self.verticalScrollBar().value() - GAP) // cell.height()
        for column in range(self.columns):
            index = row * self.columns + column
            if 0 <= index < len(self._ids) and self.rect_of(index).contains(point):
                return index
        return -1

    def resizeEvent(self, _event: object) -> None:
        self._resized()

    def _resized(self) -> None:
        """The thumbnails take the width there is."""
        top = self._first()
        self._side = max(48, (self.viewport().width() - GAP) // self.columns - GAP)
        self._stock.set_side(self._side)
        self._captions.clear()
        self._measure()
        self.verticalScrollBar().setValue(top // self.columns * self._cell().height())
        if self._at >= 0 and self.hasFocus():
            self._show(self._at)
        self.viewport().update()

    # -- painting
    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self.viewport())
        theme = current()
        painter.fillRect(self.viewport().rect(), theme.colour("ground"))
        if not self._ids:
            painter.setPen(theme.colour("quiet"))
            painter.setFont(font(16))
            room = self.viewport().rect().adjusted(32, 32, -32, -32)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.words)
            painter.end()
            return
        first = self._first()
        rows = -(-self.viewport().height() // self._cell().height()) + 1
        visible = self._ids[first : first + rows * self.columns]
        small = font(14)
        metrics = QFontMetrics(small)
        painter.setFont(small)
        for offset, number in enumerate(visible):
            rect = self.rect_of(first + offset)
            if rect.bottom() >= 0 and rect.top() < self.viewport().height():
                self._paint_cell(painter, first + offset, number, rect, metrics)
        painter.end()
        ahead = self._ids[first + len(visible) : first + 2 * len(visible)]
        self._stock.want([*visible, *ahead])

    def _paint_cell(self, painter: QPainter, index: int, number: int, rect: QRect, metrics: QFontMetrics) -> None:
        theme = current()
        box = QRect(rect.left(), rect.top(), self._side, self._side)
        chosen = number in self._chosen
        painter.fillRect(box, theme.colour("surface"))
        thumb = self._stock.thumb(number)
        fact = self._stock.fact(number)
        if thumb is not None:
            painter.drawImage(
                box.left() + (box.width() - thumb.width()) // 2, box.top() + (box.height() - thumb.height()) // 2, thumb
            )
        elif self._stock.damaged(number):
            painter.setPen(theme.colour("quiet"))
            painter.drawText(box.adjusted(8, 8, -8, -8), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                             "This picture's file is gone or damaged.")  # fmt: skip
        if chosen:
            painter.setPen(QPen(theme.colour("action"), 4))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(1, 1, -2, -2))
            self._paint_tick(painter, QRectF(box.right() - 33, box.top() + 7, 26, 26))
        if index == self._at and self.hasFocus():
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(-3, -3, 2, 2))
        if fact is not None:
            painter.drawImage(rect.left(), rect.top() + self._side, self._caption(fact, metrics))
            if fact.suspicious or fact.disagrees:
                painter.drawImage(rect.left() + 6, rect.top() + 6, self._mark(Verdict.RETEST, _MARK))

    def _paint_tick(self, painter: QPainter, box: QRectF) -> None:
        theme = current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("action"))
        painter.drawEllipse(box)
        painter.setPen(QPen(theme.colour("on_fill"), 2.5))
        x, y, side = box.left(), box.top(), box.width()
        painter.drawPolyline(
            [QPoint(round(x + side * a), round(y + side * b)) for a, b in ((0.27, 0.52), (0.44, 0.7), (0.74, 0.34))]
        )
        painter.restore()

    def _mark(self, verdict: Verdict, side: int) -> QImage:
        """A verdict's shape, painted once."""
        key = (verdict, side, current().tokens.name)
        kept = self._marks.get(key)
        if kept is None:
            kept = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
            kept.fill(Qt.GlobalColor.transparent)
            painter = QPainter(kept)
            draw_verdict(painter, verdict, QRectF(0, 0, side, side), QColor(current().tokens.of(verdict)))
            painter.end()
            self._marks[key] = kept
        return kept

    def _caption(self, fact: LibraryPicture, metrics: QFontMetrics) -> QImage:
        """The words below a thumbnail, painted once: text is what costs most of a frame."""
        key = (fact.id, fact.revision, fact.score, self._side, current().tokens.name)
        kept = self._captions.get(key)
        if kept is None:
            kept = QImage(self._side, _TEXT, QImage.Format.Format_ARGB32_Premultiplied)
            kept.fill(Qt.GlobalColor.transparent)
            painter = QPainter(kept)
            painter.setFont(font(14))
            self._paint_words(painter, fact, metrics)
            painter.end()
            self._captions[key] = kept
            while len(self._captions) > _CAPTIONS:
                self._captions.popitem(last=False)
        else:
            self._captions.move_to_end(key)
        return kept

    def _paint_words(self, painter: QPainter, fact: LibraryPicture, metrics: QFontMetrics) -> None:
        theme = current()
        state = fact.state
        if state.label is not None:
            verdict = Verdict.PASS if state.label == "normal" else Verdict.FAIL
            painter.drawImage(0, 3, self._mark(verdict, 18))
            words = "Good" if state.label == "normal" else ", ".join(state.types) or "Defect"
        elif state.aside:
            words = state.aside
        else:
            words = "Not labelled" if fact.score is None else f"Model: {_opinion(fact)}"
        left = 24 if state.label is not None else 0
        marks = "".join(
            mark for mark, on in ((" mask", bool(state.mask)), (f" {state.split}", state.split == "test")) if on
        )
        used = metrics.horizontalAdvance(marks)
        room = self._side - left - used
        vertical = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.colour("text" if state.label else "quiet"))
        painter.drawText(left, 2, room, 20, vertical, metrics.elidedText(words, Qt.TextElideMode.ElideRight, room))
        painter.setPen(theme.colour("quiet"))
        if marks:
            painter.drawText(self._side - used, 2, used, 20, vertical, marks)
        name = metrics.elidedText(fact.name.rsplit("/", 1)[-1], Qt.TextElideMode.ElideMiddle, self._side)
        painter.drawText(0, 21, self._side, 20, vertical, name)

    # -- mouse and touch
    def tapped(self, point: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        self.setFocus()
        index = self.index_at(point)
        if index < 0:
            self.choose_nothing()
            return
        number = self._ids[index]
        if modifiers & Qt.KeyboardModifier.ShiftModifier and self._anchor >= 0:
            self._choose_range(self._anchor, index)
        elif modifiers & Qt.KeyboardModifier.ControlModifier or self._picking:
            self._chosen ^= {number}
            self._anchor = index
        else:
            self._chosen = {number}
            self._anchor = index
        self._at = index
        self.viewport().update()
        self.selection_changed.emit()

    def double_tapped(self, point: QPoint) -> None:
        index = self.index_at(point)
        if index >= 0 and not self._picking:  # while picking, two quick taps are two taps
            self.opened.emit(self._ids[index])

    def _choose_range(self, first: int, last: int) -> None:
        low, high = sorted((first, last))
        self._chosen = set(self._ids[low : high + 1])

    # -- keys
    def event(self, event):  # type: ignore[no-untyped-def]
        # The window has letters of its own (A acknowledges an alarm): here they label.
        if event.type() == QEvent.Type.ShortcutOverride and _word_of(event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in _MOVES:
            self._move(key, extend=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key in (Key.Key_Return, Key.Key_Enter):
            if self.current is not None:
                self.opened.emit(self.current)
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.choose(self._ids)
        elif key == Key.Key_Escape:
            self.choose_nothing()
        elif (word := _word_of(event)) is not None:
            self.key.emit(word)
        else:
            event.ignore()
            return
        event.accept()

    def _move(self, key: int, *, extend: bool) -> None:
        if not self._ids:
            return
        page = max(1, self.viewport().height() // self._cell().height()) * self.columns
        steps = {
            Key.Key_Left: -1,
            Key.Key_Right: 1,
            Key.Key_Up: -self.columns,
            Key.Key_Down: self.columns,
            Key.Key_PageUp: -page,
            Key.Key_PageDown: page,
            Key.Key_Home: -len(self._ids),
            Key.Key_End: len(self._ids),
        }
        target = min(max(self._at + steps[key], 0), len(self._ids) - 1)
        if extend:
            self._at = target
            self._choose_range(max(self._anchor, 0), target)
            self._show(target)
            self.selection_changed.emit()
        else:
            self._anchor = target
            if self._chosen:
                self.choose_nothing()
            self._move_to(target)

    def _move_to(self, index: int) -> None:
        self._at = index
        self._anchor = index
        self._show(index)
        self.selection_changed.emit()

    def _show(self, index: int) -> None:
        rect, bar = self.rect_of(index), self.verticalScrollBar()
        if rect.top() < GAP:
            bar.setValue(bar.value() + rect.top() - GAP)
        elif rect.bottom() > self.viewport().height() - GAP:
            bar.setValue(bar.value() + rect.bottom() - self.viewport().height() + GAP)
        self.viewport().update()

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        self.viewport().update()


def _opinion(fact: LibraryPicture) -> str:
    assert fact.score is not None and fact.threshold is not None
    return "defect" if fact.score >= fact.threshold else "good"


def _word_of(event: QKeyEvent) -> str | None:
    """The key as the page knows it: "N", "7", "Ctrl+Z"; None for keys it has no use for."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    key = event.key()
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    if modifiers == Qt.KeyboardModifier.NoModifier:
        if Key.Key_1 <= key <= Key.Key_9:
            return chr(key)
        return {Key.Key_N: "N", Key.Key_A: "A", Key.Key_U: "U", Key.Key_X: "X", Key.Key_T: "T", Key.Key_P: "P",
                Key.Key_Slash: "/", Key.Key_Delete: "X"}.get(key)  # fmt: skip
    if modifiers == control:
        return {Key.Key_Z: "Ctrl+Z", Key.Key_Y: "Ctrl+Y", Key.Key_F: "/"}.get(key)
    if modifiers == control | shift and key == Key.Key_Z:
        return "Ctrl+Y"
    return None
