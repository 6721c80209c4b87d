"""A run that ends by itself: so many seconds of inspection, and pictures of what was seen."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QPixmap

from app.domain.verdict import Verdict
from ui.live.picture import Mode
from ui.ports import Phase
from ui.shared.exporting import Exporter
from ui.window import Window

EXTENSION = 30.0
"""Seconds that may be added while a verdict that is to be shown has not come."""
FIRST_OUTCOME = 240.0
"""Seconds until the first outcome at the latest (training included)."""
_EXPORT_SECONDS = 60.0
_TICK_MS = 50
_RATES_SECONDS = 4.0


class DemoRun(QObject):
    """Watches the live screen. `ended` carries the exit code."""

    ended = Signal(int)

    def __init__(self, window: Window, seconds: float, folder: Path | None) -> None:
        super().__init__(window)
        self._window = window
        self._seconds = seconds
        self._folder = folder
        self._began = time.monotonic()
        self._first: float | None = None
        self._missing = ["pass", "fail", "alarm"] if folder is not None else []
        self._fail_frame: int | None = None
        self._exporting: float | None = None
        self._over = False
        self._exporter = Exporter(window.bridge, self)
        self._exporter.ended.connect(self._exported)
        if folder is not None:
            window.live.set_mode(Mode.OVERLAY)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._look)
        window.live.swapped.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        if self._over:
            return
        now = time.monotonic()
        station = self._window.station
        if self._exporting is not None:
            if now - self._exporting > _EXPORT_SECONDS:
                self._end(1, "The report was not finished in time.")
            return
        if self._first is None:
            if self._window.live.prepared is not None:
                self._first = now
            elif station.state().phase == Phase.FAULT:
                self._end(1, f"The station can't inspect: {station.state().words}")
            elif now - self._began > FIRST_OUTCOME:
                self._end(1, f"No part was inspected within {FIRST_OUTCOME:.0f} s: {station.state().words}")
            if self._first is None:
                return
        self._take_pictures()
        if self._over:
            return
        passed = now - self._first
        if passed < self._seconds or (self._missing and passed < self._seconds + EXTENSION):
            return
        if self._missing:
            self._end(1, f"Not seen within {passed:.0f} s: {', '.join(self._missing)}.")
        elif self._folder is not None:
            self._exporting = now
            self._timer.start()
            today = station.today()
            self._exporter.start(today, today, self._folder / "report.xlsx")
        else:
            self._end(0)

    # -- pictures
    def _take_pictures(self) -> None:
        """One look at the screen is one picture at most, taken from what stands there at this moment."""
        prepared = self._window.live.prepared
        if prepared is None or not self._missing or self._window.place != "live":
            return
        if prepared.outcome is not self._window.station.latest():
            return  # the next part is on its way to the screen
        if self._window.station.state().phase not in (Phase.INSPECTING, Phase.FINISHED):
            return
        verdict, frame = prepared.outcome.verdict, prepared.frame_id
        strip = self._window.alarm_strip
        if verdict is Verdict.PASS and "pass" in self._missing and self._rates_known():
            self._grab("pass")
        elif verdict is Verdict.FAIL and "fail" in self._missing:
            self._fail_frame = frame
            self._grab("fail")
        elif (
            "alarm" in self._missing
            and self._fail_frame not in (None, frame)  # the line went on, the alarm stays
            and strip.alarm is not None
            and strip.picture.image() is not None
        ):
            self._grab("alarm")

    def _rates_known(self) -> bool:
        """Whether the small print has something to say; a slow line is not waited for over `_RATES_SECONDS`."""
        assert self._first is not None
        waited = time.monotonic() - self._first
        return waited > min(_RATES_SECONDS, self._seconds / 2) or self._window.station.health().verdict_fps > 0

    def _grab(self, name: str) -> None:
        assert self._folder is not None
        self._window.live.refresh_health()
        picture: QPixmap = self._window.grab()
        shown = self._window.live.shown
        prepared = self._window.live.prepared
        if prepared is None or {shown.picture, shown.verdict} != {prepared.frame_id}:
            return  # painted between two outcomes: the next look takes it
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._end(1, f"The folder {self._folder} can't be made: {error.strerror}.")
            return
        file = self._folder / f"{name}.png"
        if not picture.save(str(file)):
            self._end(1, f"The picture {file} can't be written.")
            return
        self._missing.remove(name)

    # -- the end
    def _exported(self) -> None:
        if self._exporter.file is None:
            self._end(1, self._exporter.words)
        else:
            self._end(0)

    def _end(self, code: int, words: str = "") -> None:
        if self._over:
            return
        self._over = True
        self._timer.stop()
        if words:
            sys.stderr.write(words + "\n")
        self.ended.emit(code)

    def close(self) -> None:
        self._over = True
        self._timer.stop()
        self._exporter.close()
