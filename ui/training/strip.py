"""Pictures one after another: a strip to tap, and the chosen one large with the map of the version that judged it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.domain.verdict import Verdict
from app.domain.versions import Rect
from app.improving import ImproveDesk
from ui.bridge import Bridge
from ui.live.picture import Mode, PictureView
from ui.live.prepare import Prepared, prepare
from ui.shared.elided import Elided
from ui.shared.finger import TapArea
from ui.shared.images import fit, to_qimage
from ui.shared.widgets import Button, label
from ui.theme import current
from ui.theme.theme import font

_CELL = (104, 76)
_GAP = 8
_LEAST = 0.02  # of the picture: a smaller rectangle was only a tap


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture that versions judged.

    Attributes:
        title: what people call it; words: what is to be said of it; mark: below its thumbnail.
        verdict: whose colour frames it, None for none.
        sha256: of its bytes where that is known.
    """

    title: str
    words: str
    mark: str
    verdict: Verdict | None
    path: Path
    sha256: str = ""


class Strip(TapArea):
    """Thumbnails in a row; `chosen` carries the place of the one that was tapped or reached by keys."""

    chosen = Signal(int)

    def __init__(self, bridge: Bridge, desk: ImproveDesk) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, desk
        self._version = ""
        self._shots: Sequence[Shot] = ()
        self._thumbs: dict[Path, QImage | None] = {}
        self.place = 0
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFixedHeight(_CELL[1] + 32)
        self.setAccessibleName("Pictures")
        self.horizontalScrollBar().valueChanged.connect(lambda _value: self.viewport().update())

    def show_shots(self, version: str, shots: Sequence[Shot]) -> None:
        self._version, self._shots, self.place = version, shots, 0
        self._thumbs = {path: image for path, image in self._thumbs.items() if image is not None}
        self._fit()
        self.horizontalScrollBar().setValue(0)
        self.viewport().update()

    def _fit(self) -> None:
        whole = len(self._shots) * (_CELL[0] + _GAP)
        self.horizontalScrollBar().setRange(0, max(0, whole - self.viewport().width()))
        self.horizontalScrollBar().setPageStep(self.viewport().width())

    def cell(self, place: int) -> QRectF:
        """Where a thumbnail lies in the viewport."""
        left = place * (_CELL[0] + _GAP) - self.horizontalScrollBar().value()
        return QRectF(left, 0, _CELL[0], _CELL[1] + 28)

    def choose(self, place: int) -> None:
        if not 0 <= place < len(self._shots):
            return
        self.place = place
        cell = self.cell(place)
        bar = self.horizontalScrollBar()
        if cell.left() < 0:
            bar.setValue(bar.value() + round(cell.left()))
        elif cell.right() > self.viewport().width():
            bar.setValue(bar.value() + round(cell.right() - self.viewport().width()))
        self.viewport().update()
        self.chosen.emit(place)

    def tapped(self, point: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        self.choose((point.x() + self.horizontalScrollBar().value()) // (_CELL[0] + _GAP))

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key())
        if by is None:
            event.ignore()
        else:
            self.choose(self.place + by)

    def resizeEvent(self, event):  # type: ignore[no-untyped-def]
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        painter.setFont(font(14))
        for place, shot in enumerate(self._shots):
            cell = self.cell(place)
            if cell.right() < 0 or cell.left() > self.viewport().width():
                continue
            frame = QRectF(cell.left(), 2, _CELL[0], _CELL[1])
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("raised"))
            painter.drawRoundedRect(frame, 4, 4)
            image = self._thumb(shot)
            if image is not None:
                painter.drawImage(
                    QPointF(
                        frame.center().x() - image.width() / 2,
                        frame.center().y() - image.height() / 2,
                    ),
                    image,
                )
            painter.setBrush(Qt.BrushStyle.NoBrush)
            here = place == self.place
            painter.setPen(QPen(theme.colour("text" if here else "line"), 3 if here else 1))
            painter.drawRoundedRect(frame.adjusted(1, 1, -1, -1), 4, 4)
            painter.setPen(theme.colour("text" if here else "quiet"))
            words = painter.fontMetrics().elidedText(shot.mark, Qt.TextElideMode.ElideRight, _CELL[0])
            painter.drawText(
                QRectF(frame.left(), frame.bottom() + 2, _CELL[0], 24), Qt.AlignmentFlag.AlignCenter, words
            )
        painter.end()

    def _thumb(self, shot: Shot) -> QImage | None:
        if shot.path not in self._thumbs:
            self._thumbs[shot.path] = None
            version, looking = self._version, self._desk.looking

            def load() -> QImage:
                picture = looking.picture(version, shot.path, shot.sha256)
                return to_qimage(picture, fit((picture.shape[1], picture.shape[0]), _CELL))

            self._bridge.run(load, lambda image: self._come(shot.path, image), lambda _words: None)
        return self._thumbs[shot.path]

    def _come(self, path: Path, image: QImage) -> None:
        self._thumbs[path] = image
        self.viewport().update()


class RegionView(PictureView):
    """The picture; while `drawing`, a drag draws a rectangle on it. `drawn` carries it as shares of the picture."""

    drawn = Signal(object)
    tapped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)  # its own hands, below
        self.drawing = False
        self.region: Rect | None = None
        self._from: QPointF | None = None

    def set_region(self, region: Rect | None) -> None:
        self.region = region
        self.update()

    def _share(self, at: QPointF) -> QPointF:
        place = self.place()
        x = (at.x() - place.left()) / max(place.width(), 1)
        y = (at.y() - place.top()) / max(place.height(), 1)
        return QPointF(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0))

    def mousePressEvent(self, event):  # type: ignore[no-untyped-def]
        if self.drawing and not self.place().isEmpty():
            self._from = self._share(event.position())

    def mouseMoveEvent(self, event):  # type: ignore[no-untyped-def]
        if self._from is None:
            return
        box = QRectF(self._from, self._share(event.position())).normalized()
        self.set_region((box.x(), box.y(), box.width(), box.height()))

    def mouseReleaseEvent(self, event):  # type: ignore[no-untyped-def]
        if self._from is None:
            if not self.drawing and self.rect().contains(event.position().toPoint()):
                self.tapped.emit()
            return
        self._from = None
        if self.region is not None and min(self.region[2:]) < _LEAST:
            self.set_region(None)
        self.drawn.emit(self.region)

    def paintEvent(self, event: object) -> None:
        super().paintEvent(event)
        if self.region is None or self.place().isEmpty():
            return
        place, (x, y, width, height) = self.place(), self.region
        painter = QPainter(self)
        box = QRectF(
            place.left() + x * place.width(), place.top() + y * place.height(),
            width * place.width(), height * place.height(),
        )  # fmt: skip
        for colour, thick in (("ground", 4), ("action", 2)):
            painter.setPen(QPen(current().colour(colour), thick))
            painter.drawRect(box)
        painter.end()


class PictureBrowser(QWidget):
    """`enlarged` says whether the picture wants all the room there is: a tap on it turns that on and off."""

    enlarged = Signal(bool)

    def __init__(self, bridge: Bridge, desk: ImproveDesk) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, desk
        self._version, self._threshold = "", None
        self._turn = 0
        self.shots: Sequence[Shot] = ()
        self.view = RegionView()
        self.view.setMinimumSize(QSize(200, 120))
        self.view.resized.connect(self._look)
        self.view.tapped.connect(lambda: self.enlarge(not self.large))
        self.view.setToolTip("Tap to enlarge, tap again for all")
        self.large = False
        self.title = Elided("", "strong", mode=Qt.TextElideMode.ElideMiddle)
        self.words = Elided("", "note")
        self.count = label("", "note")
        self.map = Button(Mode.OVERLAY.value, icon_name="layers-outline", on=self._next_mode)
        self.map.setToolTip("What lies over the picture")
        self.strip = Strip(bridge, desk)
        self.strip.chosen.connect(self._choose)
        self.buttons = QVBoxLayout()
        self.buttons.setSpacing(8)
        self.buttons.addWidget(self.map)
        beside = QVBoxLayout()
        beside.addLayout(self.buttons)
        beside.addStretch(1)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self.view, 1)
        top.addLayout(beside)
        told = QHBoxLayout()
        told.setSpacing(12)
        told.addWidget(self.title, 3)
        told.addWidget(self.words, 4)
        told.addWidget(self.count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(top, 1)
        layout.addLayout(told)
        layout.addWidget(self.strip)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def shot(self) -> Shot | None:
        return self.shots[self.strip.place] if 0 <= self.strip.place < len(self.shots) else None

    def show_shots(self, version: str, shots: Sequence[Shot], threshold: float | None = None) -> None:
        """Judged anew by NAME@VERSION where they are looked at, with another threshold where one is given."""
        self._version, self.shots, self._threshold = version, shots, threshold
        self.strip.show_shots(version, shots)
        self.strip.setVisible(bool(shots))
        self._fit()
        if not shots:
            self.enlarge(False)
        self._choose(0)

    def enlarge(self, large: bool) -> None:
        if large != self.large:
            self.large = large
            self._fit()
            self.enlarged.emit(large)

    def _fit(self) -> None:
        # On a 10-inch screen the small picture has room for two buttons beside it.
        self.map.setVisible(bool(self.shots) and (self.large or not current().metrics.tight))

    def _choose(self, _place: int) -> None:
        shot = self.shot
        self.title.setText(shot.title.rpartition("/")[2] if shot else "")
        self.title.setToolTip(shot.title if shot else "")
        self.words.setText(shot.words if shot else "")
        self.count.setText(f"{self.strip.place + 1} of {len(self.shots)}" if shot else "")
        self._look()

    def _look(self) -> None:
        shot = self.shot
        self._turn += 1
        if shot is None or not self._version:
            self.view.show_prepared(None)
            return
        turn, version, threshold, box = self._turn, self._version, self._threshold, self.view.box()
        looking = self._desk.looking

        def read() -> Prepared | None:
            # Looking at one after another quickly must not leave a queue of judgements behind.
            return prepare(looking.at(version, shot.path, shot.sha256, threshold), box) if turn == self._turn else None

        def come(made: Prepared | None) -> None:
            if turn == self._turn:
                self.view.show_prepared(made)

        def failed(words: str) -> None:
            if turn == self._turn:
                self.view.show_prepared(None)
                self.words.setText(words)

        self._bridge.run(read, come, failed)

    def _next_mode(self) -> None:
        self.view.set_mode(self.view.mode.following())
        self.map.setText(self.view.mode.value)
