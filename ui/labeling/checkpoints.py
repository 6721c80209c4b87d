"""Checkpoints: each named place of the part, cut out of every picture and labelled side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.domain.checkpoint import DAMAGED, MISSING, OK, WRONG
from app.domain.labelling import Done, Place, Query
from app.domain.verdict import Verdict
from app.labelling import LabellingDesk, PlaceCrop
from ui.bridge import Bridge
from ui.shared.finger import TapArea
from ui.shared.images import fit, to_qimage
from ui.shared.shapes import draw_verdict
from ui.shared.widgets import Button, Choice, Notice, clear, field, label
from ui.shared.work import Follower
from ui.theme import current
from ui.theme.theme import font

WORDS = ((OK, "Present"), (MISSING, "Missing"), (WRONG, "Wrong"), (DAMAGED, "Damaged"))
_SIDE = 144
_GAP = 12
_TEXT = 26
_BATCH = 24


class CropGrid(TapArea):
    """Crops of all pictures. A tap gives the word in hand; `given` carries the picture's id."""

    given = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._ids: list[int] = []
        self._crops: dict[int, tuple[QImage | None, str, bool]] = {}
        self.setAccessibleName("Crops of the checkpoint")

    def show_ids(self, ids: Sequence[int]) -> None:
        self._ids = list(ids)
        self._crops = {}
        self._measure()
        self.viewport().update()

    def put(self, crops: Sequence[PlaceCrop], images: Sequence[QImage | None]) -> None:
        for each, image in zip(crops, images, strict=True):
            self._crops[each.picture] = (image, each.word, each.found)
        self.viewport().update()

    def say(self, number: int, word: str) -> None:
        if number in self._crops:
            image, _, found = self._crops[number]
            self._crops[number] = (image, word, found)
            self.viewport().update()

    def word(self, number: int) -> str:
        return self._crops[number][1] if number in self._crops else ""

    def unlabelled(self) -> list[int]:
        """Pictures whose crop is there and has no word yet."""
        return [number for number in self._ids if number in self._crops and not self._crops[number][1]]

    @property
    def ids(self) -> list[int]:
        return self._ids

    @property
    def columns(self) -> int:
        return max(1, (self.viewport().width() - _GAP) // (_SIDE + _GAP))

    def rect_of(self, index: int) -> QRect:
        row, column = divmod(index, self.columns)
        height = _SIDE + _TEXT + _GAP
        return QRect(
            _GAP + column * (_SIDE + _GAP), _GAP + row * height - self.verticalScrollBar().value(), _SIDE, _SIDE + _TEXT
        )

    def _measure(self) -> None:
        rows = -(-len(self._ids) // self.columns)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, rows * (_SIDE + _TEXT + _GAP) + _GAP - self.viewport().height()))
        bar.setPageStep(max(1, self.viewport().height() - _SIDE))
        bar.setSingleStep(60)

    def resizeEvent(self, _event: object) -> None:
        self._measure()

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        self.viewport().update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self.viewport())
        theme = current()
        painter.fillRect(self.viewport().rect(), theme.colour("ground"))
        painter.setFont(font(14))
        for index, number in enumerate(self._ids):
            rect = self.rect_of(index)
            if rect.bottom() < 0 or rect.top() > self.viewport().height():
                continue
            box = QRect(rect.left(), rect.top(), _SIDE, _SIDE)
            painter.fillRect(box, theme.colour("surface"))
            image, word, found = self._crops.get(number, (None, "", True))
            if image is not None:
                painter.drawImage(
                    box.left() + (_SIDE - image.width()) // 2, box.top() + (_SIDE - image.height()) // 2, image
                )
            elif number in self._crops:
                painter.setPen(theme.colour("quiet"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, "File gone or damaged")
            if word:
                verdict = Verdict.PASS if word == OK else Verdict.FAIL
                colour = QColor(theme.tokens.of(verdict))
                painter.setPen(QPen(colour, 3))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(box.adjusted(1, 1, -2, -2))
                draw_verdict(painter, verdict, QRectF(rect.left(), rect.top() + _SIDE + 4, 18, 18), colour)
            painter.setPen(theme.colour("text" if word else "quiet"))
            words = dict(WORDS).get(word, word) or ("Not labelled" if found else "Part not found")
            left = 24 if word else 0
            painter.drawText(
                rect.left() + left, rect.top() + _SIDE + 2, _SIDE - left, 22, Qt.AlignmentFlag.AlignVCenter, words
            )
        painter.end()

    def index_at(self, point: QPoint) -> int:
        return next((index for index in range(len(self._ids)) if self.rect_of(index).contains(point)), -1)

    def tapped(self, point: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        index = self.index_at(point)
        if index >= 0:
            self.given.emit(self._ids[index])


class PlaceDrawer(QWidget):
    """A picture on which a checkpoint's rectangle is drawn by mouse or finger; `drawn` carries it."""

    drawn = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._size = (1, 1)
        self._others: list[Place] = []
        self._begin: QPoint | None = None
        self.box: QRect | None = None  # in pixels of the picture
        self.setMinimumSize(QSize(320, 240))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Picture to draw the checkpoint on")

    def show_picture(self, image: QImage | None, size: tuple[int, int], others: list[Place]) -> None:
        self._image, self._size, self._others, self.box = image, size, others, None
        self.update()

    def _place(self) -> QRectF:
        width, height = fit(self._size, (self.width(), self.height()))
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def on_screen(self, box: QRect) -> QRectF:
        place = self._place()
        scale = place.width() / self._size[0]
        return QRectF(
            place.left() + box.x() * scale, place.top() + box.y() * scale, box.width() * scale, box.height() * scale
        )

    def _pixel(self, point: QPoint) -> QPoint:
        place = self._place()
        scale = place.width() / self._size[0]
        x = min(max(round((point.x() - place.left()) / scale), 0), self._size[0])
        y = min(max(round((point.y() - place.top()) / scale), 0), self._size[1])
        return QPoint(x, y)

    def mousePressEvent(self, event):  # type: ignore[no-untyped-def]
        if self._image is not None and event.button() == Qt.MouseButton.LeftButton:
            self._begin = self._pixel(event.position().toPoint())

    def mouseMoveEvent(self, event):  # type: ignore[no-untyped-def]
        if self._begin is not None:
            to = self._pixel(event.position().toPoint())
            left, right = sorted((self._begin.x(), to.x()))
            top, bottom = sorted((self._begin.y(), to.y()))
            self.box = QRect(left, top, right - left, bottom - top)
            self.update()

    def mouseReleaseEvent(self, event):  # type: ignore[no-untyped-def]
        if self._begin is not None:
            self.mouseMoveEvent(event)
            self._begin = None
            self.drawn.emit()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        theme = current()
        if self._image is None:
            painter.setPen(theme.colour("quiet"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Loading the picture")
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(self._place(), self._image)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setFont(font(14))
        for each in self._others:
            rect = self.on_screen(QRect(*each.box))
            for colour, width in ((QColor(0, 0, 0, 150), 4), (QColor(255, 255, 255), 2)):
                painter.setPen(QPen(colour, width))
                painter.drawRect(rect)
            painter.drawText(rect.adjusted(4, 2, 200, 0).topLeft() + QPoint(0, 14), each.name)
        if self.box is not None:
            painter.setPen(QPen(theme.colour("action"), 3))
            painter.drawRect(self.on_screen(self.box))
        painter.end()


class CheckpointView(QWidget):
    """Places at the left, crops of the chosen one at the right; or the picture on which a new one is drawn."""

    said = Signal(str, str)

    def __init__(self, bridge: Bridge, desk: LabellingDesk, follower: Follower) -> None:
        super().__init__()
        self._bridge, self._desk, self._follower = bridge, desk, follower
        self._turn = 0
        self._places: list[Place] = []
        self._name = ""
        self._ids: list[int] = []
        self._drawn_on = 0
        self._build()

    def _build(self) -> None:
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.add = Button("Draw a checkpoint", icon_name="vector-square-plus", on=self.begin_drawing)
        self.remove = Button("Remove this one", icon_name="trash-can-outline", on=self._remove)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(label("Checkpoints", "heading"))
        left.addLayout(self._list)
        left.addWidget(self.add)
        left.addStretch(1)
        left.addWidget(self.remove)
        self.hint = label("", "note", wrap=True)
        self.word = Choice(list(WORDS), MISSING)
        self.rest = Button("The rest is present", "primary", on=self._rest)
        top = QHBoxLayout()
        top.addWidget(self.word)
        top.addStretch(1)
        top.addWidget(self.rest)
        self.grid = CropGrid()
        self.grid.given.connect(self._given)
        crops = QWidget()
        column = QVBoxLayout(crops)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.hint)
        column.addLayout(top)
        column.addWidget(self.grid, 1)
        self.drawer = PlaceDrawer()
        self.drawer.drawn.connect(self._update)
        self.name = QLineEdit()
        self.name.setMaxLength(60)
        self.name.setPlaceholderText("for example: bolt 1")
        self.name.textChanged.connect(self._update)
        self.name.returnPressed.connect(self._save)
        self.save = Button("Keep this checkpoint", "primary", on=self._save)
        self.cancel = Button("Cancel", on=self._cancel)
        self.notice = Notice()
        drawing = QWidget()
        inner = QVBoxLayout(drawing)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(12)
        inner.addWidget(label("Draw a rectangle around the place, then name it.", "note", wrap=True))
        inner.addWidget(self.drawer, 1)
        below = QHBoxLayout()
        below.addWidget(field("Name", self.name), 1)
        for each in (self.cancel, self.save):
            below.addWidget(each, 0, Qt.AlignmentFlag.AlignBottom)
        inner.addWidget(self.notice)
        inner.addLayout(below)
        self.stack = QStackedWidget()
        self.stack.addWidget(crops)
        self.stack.addWidget(drawing)
        side = QWidget()
        side.setFixedWidth(264)
        side.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(24)
        layout.addWidget(side)
        layout.addWidget(self.stack, 1)
        self._update()

    # -- showing
    def refresh(self) -> None:
        if self._desk.place is None:
            return
        self._turn += 1
        turn, desk = self._turn, self._desk

        def come(found: tuple[list[Place], list[int]]) -> None:
            if turn == self._turn:
                self._show(*found)

        self._bridge.run(lambda: (desk.places(), desk.find(Query())), come, lambda words: self.said.emit(words, "bad"))

    def _show(self, places: list[Place], ids: list[int]) -> None:
        self._places, self._ids = places, ids
        names = [each.name for each in places]
        if self._name not in names:
            self._name = names[0] if names else ""
        clear(self._list)
        for each in names:
            chip = Button(each, "chip")
            chip.setCheckable(True)
            chip.setAutoExclusive(True)
            chip.setChecked(each == self._name)
            chip.clicked.connect(lambda _on=False, name=each: self.choose(name))
            self._list.addWidget(chip)
        self.choose(self._name)

    def choose(self, name: str) -> None:
        """Shows the crops of a checkpoint."""
        self._name = name
        self.stack.setCurrentIndex(0)
        self.grid.show_ids(self._ids if name else [])
        self._turn += 1
        if name:
            self._load(list(self._ids), self._turn)
        self._update()

    def _load(self, ids: list[int], turn: int) -> None:
        """Batch by batch, so that the first crops are there at once."""
        batch, rest = ids[:_BATCH], ids[_BATCH:]
        if not batch or turn != self._turn:
            return
        name = self._name

        def work() -> tuple[list[PlaceCrop], list[QImage | None]]:
            crops = self._desk.crops(name, batch)
            images = [
                to_qimage(each.image, fit((each.image.shape[1], each.image.shape[0]), (_SIDE, _SIDE)))
                if each.image is not None
                else None
                for each in crops
            ]
            return crops, images

        def come(found: tuple[list[PlaceCrop], list[QImage | None]]) -> None:
            if turn == self._turn:
                self.grid.put(*found)
                self._update()
                self._load(rest, turn)

        self._bridge.run(work, come, lambda words: self.said.emit(words, "bad"))

    def _update(self) -> None:
        free = len(self.grid.unlabelled())
        if not self._places:
            self.hint.setText(
                "A checkpoint is a place that must be right on every part: a bolt, a label, a clip. Draw it once; then "
                "say for each picture whether it is present, missing, wrong or damaged."
            )
        else:
            self.hint.setText("Choose a word, then tap the crops it is true of. Tap again to take it back.")
        for each in (self.word, self.rest, self.remove):
            each.setVisible(bool(self._places))
        self.rest.setText(f"The other {free} are present" if free else "All are labelled")
        self.rest.setEnabled(free > 0)
        box = self.drawer.box
        self.save.setEnabled(box is not None and min(box.width(), box.height()) >= 8 and bool(self.name.text().strip()))

    # -- saying
    def _given(self, number: int) -> None:
        word = "" if self.grid.word(number) == self.word.value() else self.word.value()
        self.grid.say(number, word)
        self._label([number], word)

    def _rest(self) -> None:
        ids = self.grid.unlabelled()
        for number in ids:
            self.grid.say(number, OK)
        self._label(ids, OK)

    def _label(self, ids: list[int], word: str) -> None:
        name = self._name

        def done(_done: Done) -> None:
            self._update()

        self._follower.follow(
            lambda: self._desk.label_crops(ids, name, word), done, lambda words: self.said.emit(words, "bad")
        )
        self._update()

    # -- drawing
    def begin_drawing(self) -> None:
        if not self._ids:
            self.said.emit("Add pictures first: a checkpoint is drawn on one of them.", "mention")
            return
        self._drawn_on = self._places[0].picture if self._places else self._ids[0]
        number, others = self._drawn_on, [each for each in self._places if each.picture == self._drawn_on]
        self.drawer.show_picture(None, (1, 1), [])
        self.name.setText(self._proposed())
        self.notice.tell("")
        self.stack.setCurrentIndex(1)

        def work() -> tuple[QImage, tuple[int, int]]:
            picture = self._desk.image(number)
            size = (picture.shape[1], picture.shape[0])
            return to_qimage(picture, fit(size, (1600, 1200)) if max(size) > 1600 else None), size

        self._bridge.run(
            work, lambda found: self.drawer.show_picture(*found, others), lambda words: self.notice.tell(words, "bad")
        )
        self._update()

    def _proposed(self) -> str:
        """The next name of a row: after "bolt 2" comes "bolt 3"."""
        if not self._places:
            return ""
        head, _, tail = self._places[-1].name.rpartition(" ")
        return f"{head} {int(tail) + 1}" if head and tail.isdigit() else ""

    def _save(self) -> None:
        box = self.drawer.box
        if not self.save.isEnabled() or box is None:
            return
        place = Place(self.name.text().strip(), self._drawn_on, (box.x(), box.y(), box.width(), box.height()))

        def done(_nothing: None) -> None:
            self._name = place.name
            self.refresh()

        self._follower.follow(lambda: self._desk.draw_place(place), done, lambda words: self.notice.tell(words, "bad"))

    def _cancel(self) -> None:
        self.stack.setCurrentIndex(0)

    def _remove(self) -> None:
        name = self._name

        def done(_nothing: None) -> None:
            self.said.emit(f"{name} removed. Its labels come back if it is drawn again under this name.", "mention")
            self.refresh()

        self._follower.follow(lambda: self._desk.remove_place(name), done, lambda words: self.said.emit(words, "bad"))
