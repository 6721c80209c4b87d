"""A backup takes the record's place between two windows."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from app.paths import DataFolder
from app.station import Station
from tests.store.samples import inspection
from ui.restoring import restore_on_screen


def test_a_backup_is_restored_and_said(qtbot: QtBot, tmp_path: Path) -> None:
    data, backup = DataFolder(tmp_path / "station"), tmp_path / "backup.zip"
    station = Station(data)
    station.store.add_inspection(inspection(0))
    station.keeping.back_up(backup).result(20)
    station.store.add_inspection(inspection(1))
    station.close()
    words = restore_on_screen(data, backup)
    assert words.startswith("backup.zip is restored: 1 inspection.") and "set-aside" in words
    again = Station(data)
    assert len(again.recent()) == 1
    again.close()


def test_a_backup_that_is_none_changes_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    data, backup = DataFolder(tmp_path / "station"), tmp_path / "backup.zip"
    station = Station(data)
    station.store.add_inspection(inspection(0))
    station.close()
    backup.write_bytes(b"PK no archive")
    assert restore_on_screen(data, backup).startswith("Nothing was changed.")
    again = Station(data)
    assert len(again.recent()) == 1
    again.close()
