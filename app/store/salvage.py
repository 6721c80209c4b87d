"""Reading what can be read of a damaged database: table by table, past the pages that can't be.

SQLite stops at a damaged page. A row's key leads down the tree to its page, so asking for keys further on passes the
damaged one: how far it reaches is found by doubling and halving.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.store.leaves import Value, leaf_rows

TABLES = (
    *("model", "inspection", "region", "alarm", "counter", "review", "person", "audit"),
    *("review_ask", "review_label", "drift_warning", "retraining"),
    *("lot", "lot_decision"),
    *("alarm_event", "ticket", "notice", "baseline"),
    *("plan", "plan_picture", "inspection_round", "round_answer", "round_tick", "round_day"),
    *("outbox", "outbox_total"),
    "inspection_view",
)
_KEYS = {"region": "inspection"}  # has no rowid
# Of these a gap in the numbers is no loss.
_NOT_NUMBERED = frozenset(
    {"alarm", "counter", "person", "review_ask", "review_label", "drift_warning", "outbox", "outbox_total"}
)
_FURTHEST = 1 << 40  # no table has more keys
_FROM_THE_FIRST = ("model", "inspection", "region", "alarm", "counter")
_FIRST_COLUMNS = 23  # of an inspection in schema 0001
_MOST_PLACES = 100_000  # a file that is damaged everywhere ends some time


@dataclass(slots=True)
class Salvaged:
    """What was read of one table.

    Attributes:
        rows: how many were taken over.
        unreadable: places where pages had to be passed over.
        newest: the highest key seen anywhere.
    """

    rows: int = 0
    unreadable: int = 0
    newest: int = 0


@dataclass(slots=True)
class Result:
    """What became of a damaged database: by table."""

    tables: dict[str, Salvaged] = field(default_factory=dict)

    def lost(self, table: str) -> int:
        """Rows whose number is missing; those behind the newest one that could be read are unknown."""
        found = self.tables.get(table, Salvaged())
        newest = max(found.newest, self.tables.get("region", Salvaged()).newest if table == "inspection" else 0)
        return 0 if table in _NOT_NUMBERED else max(newest - found.rows, 0)


def salvage(damaged: Path, fresh: sqlite3.Connection) -> Result:
    """Copies every readable row of `damaged` into the empty tables of `fresh`, in a transaction of the caller's.

    Rows keep their numbers. A region without its inspection is left out, and an inspection whose model could not
    be read names none.

    Raises:
        sqlite3.Error: `fresh` can't be written (no room).
    """
    result = Result({table: Salvaged() for table in TABLES})
    source = _opened(damaged)
    if source is None:  # not even what tables there are; then the pages alone tell
        result.tables["inspection"].unreadable = 1
    else:
        with closing(source):
            for table in TABLES:
                result.tables[table] = _copy(source, fresh, table)
    if result.tables["inspection"].unreadable:
        _from_leaves(damaged, fresh, result.tables["inspection"])
    fresh.execute("DELETE FROM region WHERE inspection NOT IN (SELECT seq FROM inspection)")
    # Older records had no end of an alarm: the acknowledgement was it.
    fresh.execute("UPDATE alarm SET ended_at = acknowledged_at WHERE ended_at IS NULL AND NOT lasting")
    fresh.execute("DELETE FROM alembic_version WHERE version_num IS NULL")
    fresh.execute("UPDATE region SET captured_at = (SELECT captured_at FROM inspection WHERE seq = region.inspection)")
    if not result.tables["counter"].rows:  # numbers given to parts must not be given again
        fresh.execute(
            "UPDATE counter SET next = 65 + (SELECT coalesce(max(CAST(part_id AS INTEGER)), 0) FROM inspection "
            "WHERE length(part_id) BETWEEN 6 AND 9 AND part_id NOT GLOB '*[^0-9]*') WHERE name = 'part'"
        )
    return result


def _opened(damaged: Path) -> sqlite3.Connection | None:
    source = sqlite3.connect(f"{damaged.as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        # A file that ends early is refused without this, also where the rest of it is sound. Nothing is written.
        source.execute("PRAGMA writable_schema=ON")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        source.close()
        return None
    # Damage inside a text is no reason to lose its row.
    source.text_factory = lambda data: data.decode("utf-8", "replace")
    return source


def _from_leaves(damaged: Path, fresh: sqlite3.Connection, found: Salvaged) -> None:
    """Adds inspections that stand in pages to which no way leads any more; told by how many values they have."""
    columns = [row[1] for row in fresh.execute("PRAGMA table_info(inspection)")]
    insert = f"INSERT OR IGNORE INTO inspection ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    models = {row[0] for row in fresh.execute("SELECT seq FROM model")}
    model, empty = columns.index("model"), [""] * (len(columns) - _FIRST_COLUMNS - 1)
    for seq, values in leaf_rows(damaged):
        # A column that was added later is missing from rows written before.
        if not _FIRST_COLUMNS <= len(values) <= len(columns) or not _is_inspection(columns, values):
            continue
        row = [seq, *values[1:], *[*empty, None][len(values) - _FIRST_COLUMNS :]]
        row[model] = row[model] if row[model] in models else None
        with suppress(sqlite3.IntegrityError, OverflowError):
            found.rows += fresh.execute(insert, row).rowcount
            found.newest = max(found.newest, seq)


def _is_inspection(columns: list[str], values: list[Value]) -> bool:
    """Whether the values are those of an inspection: what stands there may be an older copy of another table."""
    row = dict(zip(columns, values, strict=False))
    numbers = all(isinstance(row[name], int) for name in ("captured_at", "judged_at", "frame_id", "width", "height"))
    id, image = row["id"], row["image_path"]
    return numbers and isinstance(id, str) and len(id) == 32 and isinstance(image, str)


def _copy(source: sqlite3.Connection, fresh: sqlite3.Connection, table: str) -> Salvaged:
    found = Salvaged()
    wanted = [row[1] for row in fresh.execute(f"PRAGMA table_info({table})")]
    try:
        there = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
    except sqlite3.Error:  # the schema itself can't be read
        found.unreadable = 1
        return found
    columns = [name for name in wanted if name in there]
    if not columns:
        found.unreadable = int(table in _FROM_THE_FIRST)  # others an older schema does not have
        return found
    names = ", ".join(f'"{name}"' for name in columns)
    models = {row[0] for row in fresh.execute("SELECT seq FROM model")}
    # The counter has a row already, and what was read is newer.
    how = "REPLACE" if table == "counter" else "IGNORE"
    insert = f"INSERT OR {how} INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
    for key, row in _rows(source, table, names, found):
        if table == "inspection" and "model" in columns and row[columns.index("model")] not in models:
            row = tuple(None if name == "model" else value for name, value in zip(columns, row, strict=True))
        try:
            found.rows += fresh.execute(insert, row).rowcount
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, OverflowError):
            continue  # what stands there is no such row any more
        found.newest = max(found.newest, key)
    return found


def _rows(source: sqlite3.Connection, table: str, names: str, found: Salvaged) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """(key, row) of all that can be read, by rising key."""
    key = _KEYS.get(table, "rowid")
    order = f"{key}, position" if table == "region" else key
    start = 0  # keys are counted from 1
    while True:
        last = start - 1
        statement = f"SELECT {key}, {names} FROM {table} NOT INDEXED WHERE {key} >= ? ORDER BY {order}"
        try:
            for row in source.execute(statement, (start,)):
                if isinstance(row[0], int) and row[0] >= last:
                    last = row[0]
                    yield last, row[1:]
            return
        except (sqlite3.DatabaseError, OverflowError, UnicodeDecodeError):
            found.unreadable += 1
        # At least one further on each time, whatever the damaged pages pretend.
        beyond = _beyond(source, table, key, max(last, start))
        if beyond is None or found.unreadable > _MOST_PLACES:
            return
        start = beyond


def _beyond(source: sqlite3.Connection, table: str, key: str, last: int) -> int | None:
    """The first key behind `last` from which something can be read again; None where nothing can."""

    def readable(start: int) -> bool:
        try:
            source.execute(
                f"SELECT * FROM {table} NOT INDEXED WHERE {key} >= ? ORDER BY {key} LIMIT 1", (start,)
            ).fetchone()
        except (sqlite3.DatabaseError, OverflowError, UnicodeDecodeError):
            return False
        return True

    reach = 1
    while not readable(last + reach):
        reach *= 2
        if reach > _FURTHEST:
            return None
    low = reach // 2  # not readable, or the first try
    while reach - low > 1:
        middle = (low + reach) // 2
        if readable(last + middle):
            reach = middle
        else:
            low = middle
    return last + reach
