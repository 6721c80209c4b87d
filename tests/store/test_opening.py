"""Files that are no record of this program are named, explained, and left as they are."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.errors import StoreError
from tests.store.samples import inspection, integrity, open_store

ROOT = Path(__file__).resolve().parents[2]


def _made(folder: Path, rows: int = 300) -> Path:
    with open_store(folder) as store:
        for second in range(rows):
            store.add_inspection(inspection(second))
    return folder / "linesight.db"


def _refused(folder: Path, words: str) -> None:
    file = folder / "linesight.db"
    before = file.read_bytes()
    with pytest.raises(StoreError, match=words) as caught:
        open_store(folder)
    assert str(file) in str(caught.value)
    assert file.read_bytes() == before


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    file = _made(tmp_path, 1)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0977'")
        connection.commit()
    _refused(tmp_path, "newer version of Linesight .*0977")


def test_a_database_of_another_program(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "linesight.db")) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    _refused(tmp_path, "another program")


def test_an_empty_file_is_a_new_record(tmp_path: Path) -> None:
    (tmp_path / "linesight.db").touch()
    with open_store(tmp_path) as store:
        store.add_inspection(inspection())
    assert integrity(tmp_path) == "ok"


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "linesight.db").mkdir()
    with pytest.raises(StoreError, match=r"linesight\.db is a folder"):
        open_store(tmp_path)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError, match="choose another data folder"):
        open_store(tmp_path / "data")


_OPEN = """
import os
import sys
from pathlib import Path
from app.domain.errors import StoreError
from app.store import Store
folder = Path(sys.argv[1])
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)  # nobody; only now, since the interpreter may lie where nobody may not read
try:
    Store.open(folder / "linesight.db", folder / "images").close()
except StoreError as error:
    print(error)
"""


@pytest.fixture
def read_only_folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder that the process of `_OPEN` may only read, or whose file it may only read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if request.param != "folder without a record":
            _made(folder, 3)
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o777 if request.param == "file" else 0o555)
        yield folder
        folder.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("read_only_folder", ["folder", "file", "folder without a record"], indirect=True)
def test_no_write_access(read_only_folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in read_only_folder.glob("*.db")}
    command = [sys.executable, "-c", _OPEN, str(read_only_folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert f"The record {read_only_folder / 'linesight.db'} can't be opened for writing" in done.stdout
    assert "choose another data folder" in done.stdout
    assert {file.name: file.read_bytes() for file in read_only_folder.glob("*.db")} == before


def test_a_record_held_by_another_program_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.database.BUSY_SECONDS", 0.2)
    _made(tmp_path, 1)
    with open_store(tmp_path) as store:
        with closing(sqlite3.connect(tmp_path / "linesight.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="held by another program"):
                store.add_inspection(inspection(5))
        store.add_inspection(inspection(6))
        assert [record.frame_id for record in store.recent()] == [6, 0]
