"""A recorded clip on the screen: play, halt, scrub. It is decoded on a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QPainter
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.domain.errors import LinesightError
from app.film import Film
from ui.bridge import Poke
from ui.shared.images import fit, to_qimage
from ui.shared.slider import TouchSlider
from ui.shared.widgets import Button, Notice, row
from ui.theme import current

log = logging.getLogger(__name__)

_TICK = 40  # milliseconds
_STEPS = 1000  # of the slider
_END = 0.02  # seconds: nearer to the end is the end


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of a film, prepared for its place.

    Attributes:
        at: when it begins, seconds.
        length: of the film, seconds.
        trouble: why there is none, "" where there is.
    """

    path: Path
    at: float = 0.0
    length: float = 0.0
    image: QImage | None = None
    trouble: str = ""


class _Reader(QObject):
    """A worker with a mailbox of one on each side, as the pictures of Live have. `ready`: `take` has something new."""

    ready = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._poke = Poke(self)
        self._poke.poked.connect(self.ready)
        self._wake = threading.Condition()
        self._wanted: tuple[Path | None, float, tuple[int, int]] | None = None
        self._made: Shot | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def want(self, path: Path | None, at: float = 0.0, box: tuple[int, int] = (0, 0)) -> None:
        """UI thread: this picture next; what was wanted before and not begun is skipped. None lets go of the file."""
        with self._wake:
            if self._closed:
                return
            self._wanted = (path, at, box)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="screen-film", daemon=True)
                self._thread.start()
            self._wake.notify()

    def take(self) -> Shot | None:
        with self._wake:
            made, self._made = self._made, None
            return made

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._poke.close()

    def _work(self) -> None:
        film: Film | None = None
        opened: Path | None = None
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closed or self._wanted is not None)
                closed, wanted = self._closed, self._wanted
                self._wanted = None
            path = None if closed or wanted is None else wanted[0]
            if film is not None and path != opened:
                film.close()
                film, opened = None, None
            if closed:
                return
            if path is None or wanted is None:
                continue
            try:
                if film is None:
                    film, opened = Film(path), path
                at, image = film.picture(wanted[1])
                size = fit((image.shape[1], image.shape[0]), wanted[2])
                shot = Shot(path, at, film.length, to_qimage(image, size))
            except LinesightError as error:
                shot = Shot(path, trouble=str(error))
            except Exception as error:  # one odd file must not end the screen's thread
                log.exception("%s could not be shown", path)
                shot = Shot(path, trouble=f"{path.name} can't be shown ({error.__class__.__name__}).")
            with self._wake:
                self._made = shot
            self._poke.poke()


class _Screen(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.image: QImage | None = None
        self.setMinimumSize(QSize(160, 120))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def box(self) -> tuple[int, int]:
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), current().colour("ground"))
        if self.image is not None:
            width, height = fit((self.image.width(), self.image.height()), (self.width(), self.height()))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            place = QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)
            painter.drawImage(place, self.image)
        painter.end()


class _Place(TouchSlider):
    length = 0.0

    def words(self) -> str:
        return f"{self.value() / _STEPS * self.length:.1f} of {self.length:.1f} s"


class FilmView(QWidget):
    """Attributes:
    shot: what is on show; None before the first picture.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shot: Shot | None = None
        self._path: Path | None = None
        self._at, self._since = 0.0, 0.0  # where playing began in the film, and on the clock
        self._reader = _Reader(self)
        self._reader.ready.connect(self._swap)
        self.screen = _Screen()
        self.button = Button("Play", icon_name="play", on=self.toggle)
        self.button.setFixedWidth(128)
        self.place = _Place(0, _STEPS, 0, "Place in the clip")
        self.place.valueChanged.connect(self._scrubbed)
        self.said = Notice()
        controls = row(self.button, self.place)
        controls.setStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.screen, 1)
        layout.addWidget(self.said)
        layout.addLayout(controls)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def open(self, path: Path) -> None:
        """Shows a clip from its beginning and plays it."""
        self.leave()
        self._path = path
        self.play(0.0)

    def leave(self) -> None:
        """Lets go of the clip."""
        self.pause()
        self._path, self.shot, self.screen.image = None, None, None
        self._reader.want(None)
        self.said.tell("")
        self.place.length = 0.0
        self._put(0.0)
        self.screen.update()

    def play(self, at: float) -> None:
        self._at, self._since = at, time.monotonic()
        self.button.setText("Pause")
        self.button.set_icon("pause")
        self._timer.start()
        self._tick()

    def pause(self) -> None:
        self._timer.stop()
        self.button.setText("Play")
        self.button.set_icon("play")

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        elif self._path is not None:
            at = self.place.value() / _STEPS * self.place.length
            self.play(0.0 if at >= self.place.length - _END else at)

    def seek(self, at: float) -> None:
        """Halts at a time."""
        self.pause()
        self._put(at)
        self._reader.want(self._path, at, self.screen.box())

    def _tick(self) -> None:
        at = self._at + time.monotonic() - self._since
        if self.place.length and at >= self.place.length:
            self.pause()
            at = self.place.length
        self._put(at)
        self._reader.want(self._path, at, self.screen.box())

    def _put(self, at: float) -> None:
        blocked = self.place.blockSignals(True)
        self.place.setValue(round(at / self.place.length * _STEPS) if self.place.length else 0)
        self.place.blockSignals(blocked)
        self.place.update()

    def _scrubbed(self, value: int) -> None:
        self.seek(value / _STEPS * self.place.length)

    def _swap(self) -> None:
        shot = self._reader.take()
        if shot is None or shot.path != self._path:
            return
        self.shot = shot
        self.said.tell(shot.trouble, "bad")
        if shot.trouble:
            self.pause()
        self.place.length = shot.length
        self.screen.image = shot.image
        self.screen.update()
        self.place.update()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.pause()  # nobody looks

    def close_film(self) -> None:
        """Ends the thread."""
        self._timer.stop()
        self._reader.close()
