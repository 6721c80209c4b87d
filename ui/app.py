"""Starts the window on a station, and ends both cleanly."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from ui.demo_run import DemoRun
from ui.ports import StationPort
from ui.theme import current
from ui.window import Window

log = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.0005
"""Seconds between thread switches: with Python's 5 ms the screen's timers come up to 11 ms late while
another thread computes."""

_CLOSE_SECONDS = 20.0
_SIGNALS = ("SIGINT", "SIGTERM")


def run_window(
    station: StationPort,
    *,
    kiosk: bool = False,
    demo_seconds: float | None = None,
    snapshot: Path | None = None,
    words: str = "",
) -> int:
    """Shows the window until it is closed, and closes the station.

    Args:
        station: what the window shows; it is told to begin once the window stands.
        kiosk: the whole screen, without a frame, until somebody who may end it does.
        demo_seconds: ends by itself after so many seconds of inspection, counted from the first outcome.
        snapshot: with `demo_seconds`, a folder for pass.png, fail.png, alarm.png and report.xlsx.
        words: what the window says first.

    Returns:
        0, or 1 where a run with `demo_seconds` did not come to what it was to show.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = application(station)
    window = Window(station)
    window.closing.connect(lambda: app.exit(0))
    if kiosk:
        window.begin_kiosk()
    elif demo_seconds is not None:
        window.show()  # its pictures have the same size on every machine
    else:
        window.show_fitting()
    if words:
        window.guard.tell(words)
    run = DemoRun(window, demo_seconds, snapshot) if demo_seconds is not None else None
    set_aside_what_stays()
    code = 0
    try:
        # Not quit(): that asks every window first, and a kiosk says no; who ends the process is asked nothing.
        with _ended_by_signals(lambda: app.exit(0)):
            if run is not None:
                run.ended.connect(app.exit)
            QTimer.singleShot(0, lambda: window.bridge.run(station.begin, lambda _none: None, window.live.tell))
            code = app.exec()
    finally:
        if run is not None:
            run.close()
        window.close_window()
        window.hide()
        _close_station(station)
        window.deleteLater()
        app.processEvents()
    return code


def set_aside_what_stays() -> None:
    """Takes what lives as long as the program out of the garbage collector's sight.

    A full collection looks at every object of modules, widgets and schemas, and holds up all threads while
    it does: tens of milliseconds that the screen's thread then lacks.
    """
    gc.collect()
    gc.freeze()


def application(station: StationPort) -> QApplication:
    """The QApplication with the theme of the station's settings; made where there is none."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
    app.setApplicationName("Linesight")
    app.setQuitOnLastWindowClosed(False)  # the demo run and the signals end it by themselves
    current().apply(app, station.settings.theme, station.settings.pixels_per_mm)
    return app


def _close_station(station: StationPort) -> None:
    """Closes on a thread of its own: a camera that hangs in its driver must not keep the program."""
    thread = threading.Thread(target=station.close, name="closing", daemon=True)
    thread.start()
    thread.join(_CLOSE_SECONDS)
    if thread.is_alive():
        log.warning("the station did not close within %s s", _CLOSE_SECONDS)


@contextmanager
def _ended_by_signals(end: Callable[[], None]) -> Iterator[None]:
    """Ctrl+C and SIGTERM end the event loop. Python runs handlers only between its own instructions,
    so a timer gives it some while Qt waits."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        end()

    before: dict[int, Any] = {}
    for name in _SIGNALS:
        number = getattr(signal, name)
        before[number] = signal.signal(number, handle)
    breath = QTimer()
    breath.setInterval(200)
    breath.timeout.connect(lambda: None)
    breath.start()
    try:
        yield
    finally:
        breath.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
