"""Stations with cameras and detectors of the test's own."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app import line as line_module
from app.cameras import FrameSource, make_source
from app.cameras.base import SourceTraits
from app.paths import DataFolder
from app.pictures import encode_png
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import FakeDetector, FakeSource, picture, wait_for

Sources = dict[str, Callable[[], FrameSource]]


class Stations:
    """Makes stations whose cameras are the given ones (others are real), and closes them.

    Attributes:
        sources: by address; called anew for each start of a line.
        detector: judges in all of them.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.sources: Sources = {}
        self.detector = FakeDetector()
        self.made: list[Station] = []

        def make(address: str, **options: Any) -> FrameSource:
            own = self.sources.get(address)
            return own() if own else make_source(address, **options)

        monkeypatch.setattr(line_module, "make_source", make)

    def open(
        self, name: str = "station", *, now: Callable[[], datetime] = lambda: datetime.now(UTC), **options: Any
    ) -> Station:
        station = Station(DataFolder(self.folder / name), now=now, **options)
        station.shelf.load = lambda text: self.detector  # type: ignore[method-assign, assignment, return-value]
        self.made.append(station)
        return station

    def close(self) -> None:
        for station in self.made:
            station.close()


def reaches(station: Station, phase: Phase, timeout: float = 10.0) -> None:
    wait_for(lambda: station.state().phase is phase, timeout, f"{phase}, not {station.state()}")


def rows(folder: Path) -> list[sqlite3.Row]:
    """Every inspection of a data folder, by SQLite itself, oldest first."""
    with closing(sqlite3.connect(folder / "linesight.db")) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM inspection ORDER BY seq").fetchall()


CAMERA = "usb:0"
WAITING_PARTS = SourceTraits(live=False, parts=True, endless=True)
"""Parts that wait for each other: all that a test pushes are inspected."""
MODEL = "plate@1"


def camera(traits: SourceTraits | None = None) -> FakeSource:
    return FakeSource(traits or SourceTraits(live=True, parts=True, endless=True), address=CAMERA)


def inspecting(stations: Stations, source: FakeSource, **options: Any) -> Station:
    """A station that inspects with the camera."""
    stations.sources[CAMERA] = lambda: source
    station = stations.open(**options)
    station.inspect_source(CAMERA, MODEL)
    reaches(station, Phase.INSPECTING)
    return station


def shows(station: Station, number: int) -> None:
    wait_for(lambda: station.session_counts().total == number, what=f"{number} inspections on record")
    wait_for(lambda: station.latest() is not None)


def write_pictures(folder: Path, *scores: float) -> list[Path]:
    """Pictures that have lain there for a while."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, score in enumerate(scores, 1):
        paths.append(folder / f"part-{number}.png")
        paths[-1].write_bytes(encode_png(picture(score, noise=number)))
    for path in folder.iterdir():
        age(path)
    return paths


def age(path: Path) -> None:
    old = time.time() - 3600
    os.utime(path, (old, old))
