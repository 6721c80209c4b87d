"""Runs that end by themselves, and their pictures."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import ui.demo_run
from tests.ui.fake_station import FakeStation
from ui.app import run_window
from ui.smoke import run_smoke


def line(station: FakeStation, scores: list[float], seconds: float = 0.15) -> None:
    station.begin_with = lambda: station.run_line(scores, seconds)


def test_a_demo_run_leaves_its_pictures_and_report(qtbot: QtBot, station: FakeStation, tmp_path: Path) -> None:
    line(station, [0.3, 0.31, 0.9, 0.3, 0.32])
    folder = tmp_path / "out"
    assert run_window(station, demo_seconds=1.5, snapshot=folder) == 0
    assert station.closed
    assert sorted(file.name for file in folder.iterdir()) == ["alarm.png", "fail.png", "pass.png", "report.xlsx"]
    pictures = {name: QImage(str(folder / f"{name}.png")) for name in ("pass", "fail", "alarm")}
    assert all(picture.size().toTuple() == (1280, 800) for picture in pictures.values())
    tile = (920, 170)  # inside the verdict tile: FAIL fills it
    red = pictures["fail"].pixelColor(*tile)
    assert red.red() > 200 and red.green() < 120
    assert pictures["pass"].pixelColor(*tile).red() < 60
    strip = (92, 100)  # the alarm strip's edge
    assert pictures["alarm"].pixelColor(*strip).red() > 200
    assert not [call for call in station.calls if call[0] == "acknowledge"]


def test_a_demo_run_without_the_wanted_verdict_ends_with_1(
    qtbot: QtBot,
    station: FakeStation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ui.demo_run, "EXTENSION", 0.3)
    line(station, [0.3])
    assert run_window(station, demo_seconds=0.3, snapshot=tmp_path / "out") == 1
    assert "fail" in capsys.readouterr().err


def test_a_demo_run_without_pictures_only_needs_its_time(qtbot: QtBot, station: FakeStation) -> None:
    line(station, [0.3])
    assert run_window(station, demo_seconds=0.3) == 0


def test_a_signal_ends_the_window_cleanly(qtbot: QtBot, station: FakeStation) -> None:
    def begin() -> None:
        timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM))
        timer.start()

    station.begin_with = begin
    before = signal.getsignal(signal.SIGTERM)
    assert run_window(station) == 0
    assert station.closed and signal.getsignal(signal.SIGTERM) is before


def test_smoke_paints_every_place(qtbot: QtBot, station: FakeStation) -> None:
    assert run_smoke(station) == 0
    assert station.closed


def test_this_pyside_keeps_its_references_to_none(qtbot: QtBot) -> None:
    # PySide6 6.12.0 drops one per void call and ends CPython 3.11 after some thousand paints.
    app = QApplication.instance()
    assert app is not None
    app.processEvents()
    before = sys.getrefcount(None)
    for _ in range(200):
        app.processEvents()
    assert abs(sys.getrefcount(None) - before) < 50
