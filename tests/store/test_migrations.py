"""Records of every older schema are brought up with all that they hold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from app.domain.records import RecordQuery
from app.domain.verdict import Verdict
from app.store import Store, migrations, rows
from tests.store.samples import MODEL, NOON, SCRATCH, alarm, inspection, integrity, open_store

OLD = ("0001", "0002", "0003")
_ADDED = {
    "0001": {"area_mm2", "severity", "captured_at"},
    "0002": {"captured_at"},
    "0003": set(),
}
_NEW_IN_0003 = {"serial", "lot", "recipe", "operator", "camera", "checkpoints", "wear", "outputs", "picture_removed_at"}


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
            row = {name: value for name, value in rows.inspection_row(one).items() if name not in _NEW_IN_0003}
            _insert(old, "inspection", {"seq": number, "model": 1, **row})
            for each in rows.region_rows(number, one.regions, row["captured_at"]):
                _insert(old, "region", {name: value for name, value in each.items() if name not in _ADDED[step]})
        _insert(old, "alarm", rows.alarm_row(alarm(1, id="a" * 32)))
        old.execute("UPDATE counter SET next = 4")
        old.commit()
    return path


def old_parts() -> list:  # type: ignore[type-arg]
    return [
        inspection(0, id="0" * 32, part_id="1"),
        inspection(1, Verdict.FAIL, id="1" * 32, part_id="2"),
        inspection(2, Verdict.RETEST, id="2" * 32, part_id="3", product="Bracket"),
    ]


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


@pytest.mark.parametrize("step", OLD)
def test_a_record_of_an_older_schema_keeps_everything(tmp_path: Path, step: str) -> None:
    made_by(step, tmp_path)
    with open_store(tmp_path) as store:
        assert store.recent() == list(reversed(old_parts()))
        assert [each.id for each in store.active_alarms()] == ["a" * 32]
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


@pytest.mark.parametrize("step", OLD[:2])
def test_a_migration_that_fails_leaves_the_old_record_as_it_was(tmp_path: Path, step: str) -> None:
    path = made_by(step, tmp_path)
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE review (mine TEXT)")  # in the way of one of the last steps
        old.commit()
    with pytest.raises(Exception, match="review"):
        open_store(tmp_path)
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("SELECT version_num FROM alembic_version").fetchone() == (step,)
        assert old.execute("SELECT count(*) FROM inspection").fetchone() == (3,)
        assert "serial" not in {row[1] for row in old.execute("PRAGMA table_info(inspection)")}


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
