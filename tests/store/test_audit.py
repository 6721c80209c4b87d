"""The audit log only grows, and says where somebody has been at it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.errors import StoreError
from app.domain.records import Review
from app.domain.verdict import Verdict
from app.store import Store
from app.store.auditing import head_file, row_hash, verify
from tests.store.samples import NOON, acknowledged, alarm, inspection, open_store, raised

ROWS = 8


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    with open_store(folder) as store:
        for number in range(ROWS):
            store.note("settings", f"key {number}", '{"to":"Größe"}', by="Anna", at=NOON + timedelta(seconds=number))
    return folder


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "linesight.db"


def _tamper(database: Path, *statements: str) -> None:
    """As somebody with the file and any SQLite program would: the triggers are no hindrance to them."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("DROP TRIGGER audit_no_delete")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_log_that_nobody_touched_is_whole(database: Path, tmp_path: Path) -> None:
    assert verify(database).ok and verify(database).rows == ROWS
    with open_store(tmp_path) as store:
        store.note("sign-in", "Ben", by="Ben", at=NOON)
        assert verify(database).rows == ROWS + 1  # while the station runs
        newest = store.audit_entries(2)
        assert [(one.seq, one.person, one.action) for one in newest] == [(9, "Ben", "sign-in"), (8, "Anna", "settings")]
        assert [one.seq for one in store.audit_entries(2, before=8)] == [7, 6]


@pytest.mark.parametrize("what", ["UPDATE audit SET person = 'Somebody'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_a_row(database: Path, what: str) -> None:
    with closing(sqlite3.connect(database)) as connection, pytest.raises(sqlite3.IntegrityError, match="only grows"):
        connection.execute(what)


@pytest.mark.parametrize("column", ["at", "person", "action", "subject", "detail", '"before"', "sha256"])
@pytest.mark.parametrize("row", [1, 4, ROWS])
def test_a_changed_row_is_named(database: Path, column: str, row: int) -> None:
    value = "at + 1" if column == "at" else f"{column} || 'x'"
    _tamper(database, f"UPDATE audit SET {column} = {value} WHERE seq = {row}")
    assert verify(database).broken == row


def test_a_changed_row_with_a_new_hash_breaks_the_next_one(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute(
            'SELECT "before", seq, at, person, action, subject, detail FROM audit WHERE seq = 4'
        ).fetchone()
    forged = row_hash(*found[:3], "Ben", *found[4:])
    _tamper(database, f"UPDATE audit SET person = 'Ben', sha256 = '{forged}' WHERE seq = 4")
    check = verify(database)
    assert check.broken == 5 and "does not follow" in check.words


@pytest.mark.parametrize("row", [1, 4])
def test_a_missing_row_is_named(database: Path, row: int) -> None:
    _tamper(database, f"DELETE FROM audit WHERE seq = {row}")
    assert verify(database).broken == row


def test_rows_cut_off_the_end_are_noticed_by_the_head_file(database: Path) -> None:
    _tamper(database, f"DELETE FROM audit WHERE seq > {ROWS - 2}")
    check = verify(database)
    assert (check.broken, check.rows) == (ROWS - 1, ROWS - 2) and "cut off the end" in check.words


def test_a_last_row_rewritten_with_a_fitting_hash_is_noticed_by_the_head_file(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute(
            f'SELECT "before", seq, at, person, action, subject, detail FROM audit WHERE seq = {ROWS}'
        ).fetchone()
    forged = row_hash(*found[:3], "Ben", *found[4:])
    _tamper(database, f"UPDATE audit SET person = 'Ben', sha256 = '{forged}' WHERE seq = {ROWS}")
    assert verify(database).broken == ROWS


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("{}")], ids=["missing", "damaged"])
def test_without_the_head_file_the_end_is_not_confirmed(database: Path, spoil: Callable[[Path], object]) -> None:
    spoil(head_file(database))
    assert verify(database).broken == ROWS


def test_a_crash_between_commit_and_head_is_no_damage(database: Path, tmp_path: Path) -> None:
    before = head_file(database).read_bytes()
    with open_store(tmp_path) as store:
        store.note("lock", "Anna", by="Anna", at=NOON)
    head_file(database).write_bytes(before)
    assert verify(database).ok


def test_a_row_stands_in_the_commit_of_what_it_tells(store: Store, tmp_path: Path) -> None:
    one, part = alarm(), inspection()
    store.add_inspection(part, raised(one))
    store.alarming.commit(acknowledged(one, "Anna", NOON))
    review = Review(part.id, NOON, "Carla", Verdict.FAIL, "scratch", "hairline")
    store.add_review(review)
    second = Review(part.id, NOON + timedelta(hours=1), "Ben", Verdict.PASS)
    store.add_review(second)
    with pytest.raises(StoreError, match="no inspection nowhere"):
        store.add_review(Review("nowhere", NOON, "Carla", Verdict.PASS))
    assert [(entry.person, entry.action, entry.subject) for entry in store.audit_entries()] == [
        ("Ben", "review", part.id),
        ("Carla", "review", part.id),
        ("Anna", "acknowledge", one.id),
    ]
    assert store.reviews(part.id) == [review, second]
    assert store.inspection(part.id) == part  # the first verdict stays
    assert verify(tmp_path / "linesight.db").ok
    with closing(sqlite3.connect(tmp_path / "linesight.db")) as connection:
        for change in ("UPDATE review SET verdict = 'PASS'", "DELETE FROM review"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                connection.execute(change)


def test_two_programs_at_one_record_keep_one_chain(tmp_path: Path) -> None:
    with open_store(tmp_path) as one, open_store(tmp_path) as other:
        for number in range(6):
            (one, other)[number % 2].note("export", str(number), by="Anna", at=NOON)
    assert verify(tmp_path / "linesight.db").rows == 6
    assert verify(tmp_path / "linesight.db").ok


def test_what_is_no_record_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no record"):
        verify(tmp_path / "linesight.db")
    (tmp_path / "linesight.db").write_text("Lorem ipsum " * 100)
    with pytest.raises(StoreError, match="damaged"):
        verify(tmp_path / "linesight.db")


def test_the_head_file_says_what_the_last_row_is(database: Path, tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        (newest,) = store.audit_entries(1)
    assert json.loads(head_file(database).read_text()) == {"seq": ROWS, "sha256": newest.sha256}
