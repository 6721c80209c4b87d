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
        "database": str(data / "linesight.db"), "rows": 5, "ok": True, "broken_row": None, "problem": None
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
