"""Measures what a long run adds to the program's memory: the demo line at ten times its speed under a real window.
`python main.py bench soak [--minutes N] [--quick] [--json]`; 12 minutes stand for two hours of the line."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

# Before anything imports Qt: a bench needs no display.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from app import line as line_module
from app.cameras import FrameSource, make_source
from app.cameras.demo.source import PART_INTERVAL
from app.cli.benching import Figure
from app.domain.errors import LinesightError
from app.machine import little_memory
from app.paths import DataFolder
from app.station import Station
from app.status import Phase
from ui.app import SWITCH_INTERVAL, application, set_aside_what_stays
from ui.window import Window

Step = Callable[[float, str], None]

SPEED = 10
_MINUTES, _QUICK_MINUTES = 12.0, 0.5
_WARM = 0.25
"""Share of the run that is not counted: caches and lists of the newest parts fill in it."""
_PLACES = ("live", "review", "live", "alarms", "live", "plans", "live", "reports", "live", "train")
_LOOK = 0.5  # seconds between two looks at the memory
_STAY = 20.0  # seconds at one place
_VISITS = 4  # of every place before anything is measured
_BEFORE = 5000
"""Parts on record before: the database's pages in memory grow until the record is larger than they may be."""


def run(quick: bool, step: Step, minutes: float | None = None) -> list[Figure]:
    seconds = 60 * (minutes or (_QUICK_MINUTES if quick else _MINUTES))
    with little_memory(), tempfile.TemporaryDirectory() as folder:
        times, sizes, parts = _soak(Path(folder), seconds, step)
    slope = float(np.polyfit(times, sizes, 1)[0])  # MB a second
    hours = seconds * SPEED / 3600
    return [
        Figure(
            f"resident memory, slope over {hours:.2g} h of the line after warm-up", slope * 3600 / SPEED, "MB/h", 5, 2
        ),
        Figure("the same, per hour of this machine", slope * 3600, "MB/h"),
        Figure("resident memory at the end", sizes[-1], "MB"),
        Figure("parts on record", parts, "parts", better="higher"),
    ]


def _soak(root: Path, seconds: float, step: Step) -> tuple[list[float], list[float], int]:
    """Seconds, MB at each look after the warm-up, and how many parts were recorded."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    made = line_module.make_source
    station = Station(DataFolder(root), demo_seed=5)
    station.save_settings(sound=False)
    line_module.make_source = _fast
    application(station)
    window = Window(station)
    window.resize(1280, 800)
    window.show()
    set_aside_what_stays()
    times, sizes = list[float](), list[float]()
    try:
        step(0.0, "Learning what a good part looks like")
        station.begin()
        _turn(120, lambda: station.state().phase is Phase.INSPECTING and station.session_counts().total > 0)
        _lived_in(station)
        # Workspaces are made when they are first opened, and what they keep fills in the next few visits.
        for place in _VISITS * _PLACES:
            window.go(place)
            _turn(2 * _LOOK)
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            window.go(_PLACES[int(passed / _STAY) % len(_PLACES)])
            _turn(_LOOK)
            _acknowledge(station)
            if passed >= _WARM * seconds:
                times.append(passed)
                sizes.append(resident())
            step(passed / seconds, f"{station.session_counts().total:,} parts, {resident():.0f} MB")
        parts = station.session_counts().total
    finally:
        line_module.make_source = made
        window.close_window()
        window.hide()
        window.deleteLater()
        QApplication.processEvents()
        station.close()
        sys.setswitchinterval(before)
    return times, sizes, parts


def _lived_in(station: Station) -> None:
    """A record as a station has that did not begin today."""
    newest = station.recent(1)[0]
    before = newest.captured_at - timedelta(days=2)
    for number in range(_BEFORE):
        at, part = before + timedelta(seconds=number), f"before {number}"
        older = replace(newest, id=f"{number:032x}", part_id=part, captured_at=at, judged_at=at, image_path="")
        station.store.add_inspection(older)


def _fast(address: str, **options: object) -> FrameSource:
    return make_source(address, **options, part_interval=PART_INTERVAL / SPEED)  # type: ignore[arg-type]


def _acknowledge(station: Station) -> None:
    """As somebody at the line would, so that alarms come and go."""
    for alarm in station.active_alarms()[:3]:
        try:
            station.acknowledge(alarm.id)
        except LinesightError:
            continue  # it has gone by itself meanwhile


def _turn(seconds: float, until: Callable[[], bool] = lambda: False) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        loop = QEventLoop()
        QTimer.singleShot(100, loop.quit)
        loop.exec()


def resident() -> float:
    """MB that this process keeps in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
