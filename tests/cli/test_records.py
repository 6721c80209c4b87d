"""`audit verify`, `backup` and `restore` as a script uses them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Ended
from tests.store.samples import NOON, open_store

Command = Callable[..., Ended]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "station"
    folder.mkdir()
    with open_store(folder) as store:
        for number in range(5):
            store.note("export", f"report {number}", by="Anna", at=NOON)
    return folder


def test_a_whole_audit_log(command: Command, data: Path) -> None:
    ended = command("audit", "verify", "--data-dir", data, "--json")
    assert ended.code == 0
    assert ended.json == {
        "database": str(data / "linesight.db"), "rows": 5, "ok": True, "broken_row": None, "holes": [], "problem": None
    }  # fmt: skip
    assert command("audit", "verify", "--data-dir", data).out == "The audit log is whole: 5 rows.\n"


def test_a_broken_audit_log_names_the_first_broken_row(command: Command, data: Path) -> None:
    with closing(sqlite3.connect(data / "linesight.db")) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET person = 'Ben' WHERE seq >= 3")
        connection.commit()
    ended = command("audit", "verify", "--data-dir", data, "--json")
    assert ended.code == 1
    assert (ended.json["ok"], ended.json["broken_row"]) == (False, 3)
    assert ended.json["problem"] == "row 3 was changed after it was written"
    assert "row 3 was changed" in command("audit", "verify", "--data-dir", data).out


def test_an_audit_log_that_is_not_there(command: Command, tmp_path: Path) -> None:
    ended = command("audit", "verify", "--data-dir", tmp_path / "none", "--json")
    assert ended.code == 1 and "There is no record" in ended.json["error"]
    assert not (tmp_path / "none").exists()
    assert command("audit").code == 2
    assert command("audit", "repair").code == 2


def test_a_station_in_one_file_and_back(command: Command, data: Path, tmp_path: Path) -> None:
    out, new = tmp_path / "backups" / "b.zip", tmp_path / "new"
    made = command("backup", "--data-dir", data, "--out", out, "--with-pictures", "--json")
    assert made.code == 0
    assert made.json == {
        "out": str(out), "bytes": out.stat().st_size, "files": 2, "inspections": 0, "with_pictures": True, "missing": []
    }  # fmt: skip
    done = command("restore", out, "--data-dir", new, "--json")
    assert done.code == 0 and (done.json["files"], done.json["set_aside"]) == (2, None)
    # What was done to the record stands in it: five exports; then the backup in the one, the restore in the other.
    for folder in (data, new):
        assert command("audit", "verify", "--data-dir", folder, "--json").json["rows"] == 6
    again = command("restore", out, "--data-dir", new)
    assert again.code == 0 and "What was there is in" in again.out


def test_what_is_no_backup_or_no_record(command: Command, data: Path, tmp_path: Path) -> None:
    ended = command("backup", "--data-dir", tmp_path / "none", "--out", tmp_path / "b.zip", "--json")
    assert ended.code == 1 and "There is no record" in ended.json["error"] and not (tmp_path / "none").exists()
    (tmp_path / "b.zip").write_text("no archive")
    ended = command("restore", tmp_path / "b.zip", "--data-dir", data, "--json")
    assert ended.code == 1 and "is no backup" in ended.json["error"]
    assert command("backup", "--out", "b.tar").code == 2
    assert command("backup").code == 2
    assert command("restore").code == 2
