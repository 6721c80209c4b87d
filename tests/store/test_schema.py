"""The schema comes from the migrations alone, and is what the queries think it is."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.store import Store, migrations, schema
from tests.store.samples import NOON, inspection, open_store

ROOT = Path(__file__).resolve().parents[2]


def test_the_migrated_schema_is_that_of_the_queries(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'linesight.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    engine.dispose()


def test_the_newest_step_is_the_one_the_program_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_nothing_makes_tables_past_the_migrations() -> None:
    makers = [
        file
        for file in (ROOT / "app").rglob("*.py")
        if re.search(r"create_all|metadata\.create", file.read_text("utf-8"))
    ]
    assert makers == []


@pytest.fixture
def plan(tmp_path: Path, store: Store) -> sqlite3.Connection:
    for second in range(50):
        store.add_inspection(inspection(second))
    return sqlite3.connect(tmp_path / "linesight.db")


def test_questions_of_the_live_screen_are_answered_by_an_index(
    store: Store, plan: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, parameters: tuple[object, ...], *rest: object) -> None:
        if statement.startswith("SELECT"):
            with closing(plan.execute("EXPLAIN QUERY PLAN " + statement, parameters)) as rows:
                asked.append(" / ".join(row[3] for row in rows))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        store.counts(NOON, NOON + timedelta(hours=1))
        store.recent(20)
        store.recent(20, source="demo")
        next(store.inspections(NOON, NOON + timedelta(hours=1)))
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
        plan.close()
    counts, recent, *_, by_source, _, by_views, stream, _, _ = asked
    assert "USING INDEX ix_view_inspection" in by_views
    assert "USING COVERING INDEX ix_inspection_captured" in counts
    assert "USING INDEX ix_inspection_captured" in recent
    assert "USING INDEX ix_inspection_source (source=?)" in by_source
    assert "USING INDEX ix_inspection_captured" in stream
    for found in (recent, by_source, stream):
        # Only rows of one moment are sorted, so that a limit ends the search.
        assert "TEMP B-TREE FOR ORDER BY" not in found


def test_a_verdict_is_never_overwritten_not_even_by_hand(tmp_path: Path, store: Store) -> None:
    store.add_inspection(inspection())
    with (
        closing(sqlite3.connect(tmp_path / "linesight.db")) as connection,
        pytest.raises(sqlite3.IntegrityError, match="never changed"),
    ):
        connection.execute("UPDATE inspection SET verdict = 'FAIL'")


def test_commits_are_on_the_disk_when_they_return(store: Store) -> None:
    with store._engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
