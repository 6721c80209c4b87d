"""Records of every older schema are brought up with all that they hold."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from app.domain.person import Role
from app.domain.plan import Tick, TickState
from app.domain.records import AuditCheck, RecordQuery, Review
from app.domain.verdict import Verdict
from app.people import PeopleDesk
from app.store import Store, auditing, migrations, rows
from app.store.round_tables import tick_row
from tests.store.samples import MODEL, NOON, SCRATCH, alarm, inspection, integrity, open_store

OLD = tuple(f"{number:04d}" for number in range(1, int(migrations.HEAD)))
"""Every step before this program's."""


def made_by(step: str, folder: Path) -> Path:
    """A record as the program of that schema left it: its own migration, its own columns, three parts and an alarm."""
    path = folder / "linesight.db"
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, step)
    engine.dispose()
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA journal_mode=WAL")
        _insert(old, "model", {"seq": 1, **rows.model_row(MODEL)})
        for number, one in enumerate(old_parts(), 1):
            row = rows.inspection_row(one)
            _insert(old, "inspection", {"seq": number, "model": 1, **row})
            for each in rows.region_rows(number, one.regions, row["captured_at"]):
                _insert(old, "region", each)
        over = NOON if step >= "0006" else None  # from then on the program itself writes when an alarm is over
        seen = alarm(2, id="b" * 32, acknowledged_at=NOON, acknowledged_by="Operator", ended_at=over)
        for each in (alarm(1, id="a" * 32), seen):
            _insert(old, "alarm", rows.alarm_row(each))
        old.execute("UPDATE counter SET next = 4")
        if step >= "0003":
            _people_and_words(old, path)
        old.commit()
    return path


def _people_and_words(old: sqlite3.Connection, path: Path) -> None:
    """What schema 3 keeps beside: a person whose PIN is kept by scrypt, a review, and the audit log with its head."""
    salt = bytes(16)
    pin = f"scrypt$10$8$1${salt.hex()}${hashlib.scrypt(b'2580', salt=salt, n=1 << 10, r=8, p=1, dklen=32).hex()}"
    _insert(old, "person", {"name": "Erik", "role": "engineer", "pin": pin, "badge": "", "active": 1})
    said = Review("1" * 32, NOON, "Erik", Verdict.PASS, note="only dust")
    _insert(old, "review", {"inspection": 2, **rows.review_row(said)})
    before = auditing.FIRST
    for seq, (action, subject) in enumerate((("people", "Erik"), ("review", "1" * 32)), 1):
        content = (rows.moment_to_int(NOON), "Erik", action, subject, "")
        sha256 = auditing.row_hash(before, seq, *content)
        names = dict(zip(("at", "person", "action", "subject", "detail"), content, strict=True))
        _insert(old, "audit", {"seq": seq, **names, "before": before, "sha256": sha256})
        before = sha256
    auditing.write_head(auditing.head_file(path), 2, before)


def old_parts() -> list:  # type: ignore[type-arg]
    return [
        inspection(0, id="0" * 32, part_id="1"),
        inspection(1, Verdict.FAIL, id="1" * 32, part_id="2"),
        inspection(2, Verdict.RETEST, id="2" * 32, part_id="3", product="Bracket"),
    ]


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    """Only what the table has at its step: rows of today know more."""
    has = {each[1] for each in connection.execute(f"PRAGMA table_info({table})")}
    row = {name: value for name, value in row.items() if name in has}
    names = ", ".join(f'"{name}"' for name in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


@pytest.mark.parametrize("step", OLD)
def test_a_record_of_an_older_schema_keeps_everything(tmp_path: Path, step: str) -> None:
    made_by(step, tmp_path)
    with open_store(tmp_path) as store:
        assert store.recent() == list(reversed(old_parts()))
        assert [each.id for each in store.active_alarms()] == ["a" * 32]
        assert [each.ended_at for each in store.alarm_history()] == [NOON, None], "an acknowledged alarm was over"
        assert store.next_part_number() == 4
        # What is new finds what is old.
        assert [each.part_id for each in store.search(RecordQuery(label="scratch"))] == ["2"]
        assert [each.part_id for each in store.search(RecordQuery(product="Bracket"))] == ["3"]
        sized = replace(SCRATCH, area_mm2=3.5, severity=0.7)
        store.add_inspection(inspection(9, Verdict.FAIL, regions=(sized,), serial="SN-1", lot="L1"))
        assert store.search(RecordQuery(code="SN-"))[0].regions == (sized,)
    assert integrity(tmp_path) == "ok"


@pytest.mark.parametrize("step", OLD)
def test_the_migrated_record_is_like_a_new_one(tmp_path: Path, step: str) -> None:
    """Tables, indexes and triggers, by name and by what they say."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    made_by(step, old)
    for folder in (old, new):
        open_store(folder).close()
    assert _described(old) == _described(new)


def _described(folder: Path) -> dict[str, object]:
    with closing(sqlite3.connect(folder / "linesight.db")) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()
        tables = {
            name: connection.execute(f"PRAGMA table_info({name})").fetchall()
            for kind, name, _ in found
            if kind == "table"
        }
    return {"tables": tables, "others": [row for row in found if row[0] in ("index", "trigger")]}


def test_people_reviews_and_the_audit_log_of_schema_3_stay(tmp_path: Path) -> None:
    made_by("0003", tmp_path)
    with open_store(tmp_path) as store:
        assert [(one.person, one.verdict, one.note) for one in store.reviews("1" * 32)] == [
            ("Erik", Verdict.PASS, "only dust")
        ]
        people = PeopleDesk(store)
        assert people.sign_in("Erik", "2580").role is Role.ENGINEER
    assert auditing.verify(tmp_path / "linesight.db") == AuditCheck(4)  # and a renewed PIN, and the sign-in


def test_what_was_said_of_a_rounds_lines_by_schema_8_stays(tmp_path: Path) -> None:
    path = made_by("0008", tmp_path)
    tick = Tick("t" * 32, "r" * 32, "B-1", "clean", TickState.NOT_GOOD, "Susan", NOON, "oil")
    with closing(sqlite3.connect(path)) as old:
        _insert(old, "round_tick", {"seq": 1, **tick_row(tick)})
        old.commit()
    with open_store(tmp_path) as store:
        assert store.rounds.ticks("r" * 32) == [tick]
        with pytest.raises(Exception, match="a tick is never changed"):
            store._write(lambda connection: connection.exec_driver_sql("UPDATE round_tick SET answer = 'x'"))


@pytest.mark.parametrize("step", ("0001", "0002"))
def test_a_migration_that_fails_leaves_the_old_record_as_it_was(tmp_path: Path, step: str) -> None:
    path = made_by(step, tmp_path)
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE baseline (mine TEXT)")  # in the way of one of the last steps
        old.commit()
    before = _described(tmp_path)
    with pytest.raises(Exception, match="baseline"):
        open_store(tmp_path)
    assert _described(tmp_path) == before
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("SELECT version_num FROM alembic_version").fetchone() == (step,)
        assert old.execute("SELECT count(*) FROM inspection").fetchone() == (3,)
        assert "ended_at" not in {row[1] for row in old.execute("PRAGMA table_info(alarm)")}


def test_rows_stay_and_only_what_comes_later_is_written_later(tmp_path: Path, store: Store) -> None:
    store.add_inspection(inspection(serial="SN-1"))
    with closing(sqlite3.connect(tmp_path / "linesight.db")) as connection:
        for change in (
            "UPDATE inspection SET serial = 'SN-2'",
            "UPDATE inspection SET reason = 'it looked good'",
            "UPDATE inspection SET operator = 'Somebody'",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                connection.execute(change)
        with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
            connection.execute("DELETE FROM inspection")
    assert store.counts(NOON, NOON + timedelta(hours=1)).total == 1
