"""The pictures of all cameras side by side, each with its own verdict, overlay and health."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.cloud.judging import without_stand_in
from app.domain.inspection import Outcome
from app.domain.verdict import Verdict
from ui.live.lag import Watching, lag_words
from ui.live.picture import Mode, PictureView
from ui.live.prepare import Preparer
from ui.ports import Health, Phase, State
from ui.shared.elided import Elided
from ui.shared.shapes import VerdictShape
from ui.shared.widgets import clear, label, row, set_kind

_LEAST = QSize(120, 90)
_STAND_IN = "Cloud slow: local verdict stands"
_WITH_PICTURE = (Phase.INSPECTING, Phase.FINISHED)


class Watched(Protocol):
    """One camera's line; the station is that of the first."""

    def state(self) -> State: ...
    def health(self) -> Health: ...
    def latest(self) -> Outcome | None: ...


class CameraTile(QFrame):
    """One camera. `tapped` when it is chosen by mouse, touch or Enter."""

    tapped = Signal()

    def __init__(self, name: str, watched: Watched, watching: Watching = dict) -> None:
        super().__init__()
        self.name, self.watched, self._watching = name, watched, watching
        self._room: tuple[int, int] | None = None  # of the picture, None while none is on show
        self._asked: tuple[Outcome, tuple[int, int]] | None = None
        self._asking = threading.Lock()
        self._preparer = Preparer(self)
        self._preparer.ready.connect(self._swap)
        self.shape = VerdictShape(28)
        self.title, self.verdict = Elided(name, "strong"), label("", "strong")
        self.words = Elided("", "quiet")
        self.picture = PictureView(behind="surface")
        self.picture.setMinimumSize(_LEAST)
        self.picture.resized.connect(self.refresh)
        self.nothing = label("", "note", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stage = QStackedWidget()
        self.stage.addWidget(self.nothing)
        self.stage.addWidget(self.picture)
        self.stage.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        head = row(self.shape, self.title, self.verdict, spacing=8)
        head.setStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.stage, 1)
        layout.addWidget(self.words)
        self.setProperty("kind", "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def look(self) -> None:
        """Shows the first picture as soon as there is one."""
        if self._room is None and self.watched.latest() is not None:
            self.refresh()

    def hear(self) -> None:
        """Any thread: has the newest picture prepared on another one; all else is as it was told last."""
        with self._asking:  # whoever asked first must not have an older picture prepared after a newer one
            outcome, room = self.watched.latest(), self._room
            if outcome is None or room is None:
                return
            before, self._asked = self._asked, (outcome, room)
            if before is None or before[0] is not outcome or before[1] != room:  # other cameras' news come here too
                self._preparer.want(outcome, room)

    def refresh(self) -> None:
        """Takes over what the camera says now."""
        state, health, outcome = self.watched.state(), self.watched.health(), self.watched.latest()
        with_picture = state.phase in _WITH_PICTURE and outcome is not None
        self.stage.setCurrentWidget(self.picture if with_picture else self.nothing)
        self._room = self.picture.box() if with_picture and self.isVisible() else None
        if not with_picture or outcome is None:
            self.shape.show_verdict(None)
            self.verdict.setText("")
            self.nothing.setText(state.words)
            self.words.setText(state.source)
            self.setAccessibleName(f"{self.name}: {state.words}")
            return
        age = "" if health.frame_age is None else f"{health.frame_age:.1f} s behind"
        lag = lag_words(state.source, self._watching)  # its producer's time counts, not when the picture came here
        dropped = f"{health.dropped:,} dropped" if health.dropped else ""
        rate = f"{health.capture_fps:.1f} frames/s"
        told = (stand_in_words(outcome), lag, rate, "" if lag else age, dropped)
        self.words.setText(", ".join(filter(None, told)))
        self.hear()

    def _swap(self) -> None:
        prepared = self._preparer.take()
        if prepared is None or self.stage.currentWidget() is not self.picture:
            return
        verdict = own_verdict(prepared.outcome)  # with the picture it belongs to, not before it
        self.picture.show_prepared(prepared)
        if prepared.outcome.waiting:
            self.shape.show_verdict(None)
            self.verdict.setText("")
            self.setAccessibleName(f"{self.name}: {prepared.outcome.waiting}")
            return
        self.shape.show_verdict(verdict)
        self.verdict.setText(verdict.value)
        self.setAccessibleName(f"{self.name}: {verdict.value}")

    def hideEvent(self, event: QEvent) -> None:
        self._room = None  # nobody looks

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.tapped.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.tapped.emit()
        else:
            super().keyPressEvent(event)

    def close_tile(self) -> None:
        self._preparer.close()


class CameraGrid(QWidget):
    """Up to eight tiles. `chosen` carries the name of the camera that was tapped, `enlarged` of the one tapped twice.

    Attributes:
        tiles: in the order they stand.
        current: the name of the one whose verdict stands beside the pictures.
    """

    chosen = Signal(str)
    enlarged = Signal(str)

    def __init__(self, watching: Watching = dict) -> None:
        super().__init__()
        self._watching = watching
        self.tiles: list[CameraTile] = []
        self.current = ""
        self._mode, self._opacity = Mode.OVERLAY, 0.75
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(8)

    def show_cameras(self, cameras: Sequence[tuple[str, Watched]]) -> None:
        """Makes the tiles anew where the cameras are others than before."""
        if [(tile.name, tile.watched) for tile in self.tiles] == list(cameras):
            return
        self._end()
        clear(self._grid)
        self.tiles = [CameraTile(name, watched, self._watching) for name, watched in cameras]
        columns = columns_for(len(self.tiles))
        for place in range(8):
            self._grid.setColumnStretch(place, int(place < columns))
            self._grid.setRowStretch(place, int(place < math.ceil(len(self.tiles) / columns)))
        for place, tile in enumerate(self.tiles):
            tile.tapped.connect(lambda name=tile.name: self._tapped(name))
            self._grid.addWidget(tile, place // columns, place % columns)
        self.set_mode(self._mode)
        self.set_opacity(self._opacity)
        self.mark(self.current)

    def watched(self) -> dict[str, Watched]:
        """What stands for each camera, by name."""
        return {tile.name: tile.watched for tile in self.tiles}

    def look(self) -> None:
        """As `refresh` for what shows nothing yet: four cameras give sixty verdicts a second."""
        if self.isVisible():
            for tile in self.tiles:
                tile.look()

    def hear(self) -> None:
        """Any thread: there is a new picture."""
        for tile in self.tiles:
            tile.hear()

    def refresh(self) -> None:
        """Only what is on show is asked for its picture."""
        if self.isVisible():
            for tile in self.tiles:
                tile.refresh()

    def mark(self, name: str) -> None:
        """Frames the camera whose verdict stands beside the pictures."""
        self.current = name
        for tile in self.tiles:
            set_kind(tile, "card-now" if tile.name == name else "card")

    def set_mode(self, mode: Mode) -> None:
        self._mode = mode
        self._each(lambda picture: picture.set_mode(mode))

    def set_opacity(self, opacity: float) -> None:
        self._opacity = opacity
        self._each(lambda picture: picture.set_opacity(opacity))

    def _each(self, call: Callable[[PictureView], None]) -> None:
        for tile in self.tiles:
            call(tile.picture)

    def _tapped(self, name: str) -> None:
        if name == self.current:
            self.enlarged.emit(name)
        else:
            self.mark(name)
            self.chosen.emit(name)

    def showEvent(self, event: QEvent) -> None:
        self.refresh()

    def _end(self) -> None:
        for tile in self.tiles:
            tile.close_tile()
        self.tiles = []

    def close_page(self) -> None:
        """Ends the tiles' threads."""
        self._end()


def stand_in_words(outcome: Outcome) -> str:
    """Whose verdict it is where the cloud's should have counted and did not come in time; else ""."""
    detection = outcome.detection
    return _STAND_IN if detection is not None and without_stand_in(detection.reason)[1] else ""


def own_verdict(outcome: Outcome) -> Verdict:
    """What this camera's picture alone says, also where the part's verdict is that of several."""
    joint = outcome.detection.joint if outcome.detection is not None else None
    return outcome.verdict if joint is None else joint.own.verdict


def columns_for(number: int) -> int:
    """So that pictures wider than high fill a place wider than high."""
    return 1 if number <= 1 else 2 if number <= 4 else 3 if number <= 6 else 4
