"""Searching the record: newest first, page by page, quick however many rows there are.

SQLite chooses an index without knowing how often a word occurs. Here it is asked: first the newest rows are looked
through, where most searches end; then each condition's index is counted up to a bound, and the one with the fewest
rows is walked. Indexes carry the other conditions' columns, so that rows are passed over without being read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from app.domain.records import RecordQuery
from app.store import rows

_PEEK = 3000  # newest rows that are looked through before an index is chosen
_BOUND = 20_000  # rows of an index that are counted at most

_EQUAL = ("lot", "verdict", "operator", "product", "station")
"""In this order where several have more rows than are counted."""

_PARTIAL = {"lot", "operator"}  # their index leaves out empty words, and SQLite wants to be told so


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the page before ended."""

    captured_at: int
    seq: int


@dataclass(slots=True)
class _Asked:
    """The conditions as SQL on the table `i`, with their values."""

    equal: dict[str, str] = field(default_factory=dict)
    code: str = ""
    label: str = ""
    values: dict[str, str | int] = field(default_factory=dict)
    span: list[str] = field(default_factory=list)

    def others(self, but: str) -> list[str]:
        """All conditions but those of the time and of `but`."""
        found = [f"i.{name} = :{name}" for name in self.equal if name != but]
        if self.code and but != "code":
            found.append(f"({_starts('i.part_id')} OR {_starts('i.serial')})")
        if self.label and but != "label":
            found.append("EXISTS (SELECT 1 FROM region r WHERE r.inspection = i.seq AND +r.label = :label)")
        return found

    def time(self, table: str, key: str = "seq") -> list[str]:
        return [words.format(t=table, key=key) for words in self.span]


def find(connection: sa.Connection, query: RecordQuery, limit: int, before: Cursor | None) -> list[int]:
    """`seq` of at most `limit` inspections, newest first, that come after `before`."""
    asked = _asked(query, before)
    if not asked.others(""):
        return _run(connection, asked, _newest(asked, limit))
    found = _run(connection, asked, _peek(asked, limit))
    if len(found) == limit:
        return found
    return _run(connection, asked, _walk(asked, _fewest(connection, asked), limit))


def _asked(query: RecordQuery, before: Cursor | None) -> _Asked:
    asked = _Asked(code=query.code, label=query.label)
    for name in _EQUAL:
        value = getattr(query, name)
        if value:
            asked.equal[name] = asked.values[name] = rows.text(str(value))
    if query.code:
        asked.values |= {"code": rows.text(query.code), "code_end": rows.text(query.code) + "\U0010ffff"}
    if query.label:
        asked.values["label"] = rows.text(query.label)
    if query.start is not None:
        asked.values["start"] = rows.moment_to_int(query.start)
        asked.span.append("{t}.captured_at >= :start")
    if query.end is not None:
        asked.values["end"] = rows.moment_to_int(query.end)
        asked.span.append("{t}.captured_at < :end")
    if before is not None:
        asked.values |= {"at": before.captured_at, "seq": before.seq}
        asked.span += ["{t}.captured_at <= :at", "({t}.captured_at < :at OR {t}.{key} < :seq)"]
    return asked


def _starts(column: str) -> str:
    return f"({column} >= :code AND {column} < :code_end)"


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


_NEWEST_FIRST = " ORDER BY i.captured_at DESC, i.seq DESC LIMIT "


def _newest(asked: _Asked, limit: int) -> str:
    where = _where(asked.time("i"))
    return f"SELECT i.seq FROM inspection i INDEXED BY ix_inspection_captured{where}{_NEWEST_FIRST}{limit:d}"


def _peek(asked: _Asked, limit: int) -> str:
    columns = "i.seq, i.captured_at, i.part_id, i.serial, " + ", ".join(f"i.{name}" for name in _EQUAL)
    newest = _newest(asked, _PEEK).replace("SELECT i.seq", f"SELECT {columns}", 1)
    return f"SELECT i.seq FROM ({newest}) i{_where(asked.others(''))}{_NEWEST_FIRST}{limit:d}"


def _fewest(connection: sa.Connection, asked: _Asked) -> str:
    """The condition whose index has the fewest rows; "" where the time alone has."""
    candidates = [*asked.equal, *(["code"] if asked.code else []), *(["label"] if asked.label else [])]
    counts: dict[str, int] = {}
    for name in candidates:
        bound = min([_BOUND, *counts.values()]) + 1
        counts[name] = _run(connection, asked, f"SELECT count(*) FROM ({_rows_of(asked, name)} LIMIT {bound:d})")[0]
    best = min(candidates, key=lambda name: counts[name])
    if asked.span and counts[best] > 1:
        span = f"SELECT 1 FROM inspection i INDEXED BY ix_inspection_captured{_where(asked.time('i'))}"
        if _run(connection, asked, f"SELECT count(*) FROM ({span} LIMIT {counts[best] + 1:d})")[0] < counts[best]:
            return ""
    return best


def _rows_of(asked: _Asked, name: str) -> str:
    """(captured_at, seq) of the rows of a condition's index; a seq may come several times for a label."""
    if name == "label":
        conditions = ["r.label = :label", *asked.time("r", "inspection")]
        return f"SELECT r.captured_at, r.inspection AS seq FROM region r INDEXED BY ix_region_label{_where(conditions)}"
    if name == "code":
        span = asked.time("i")
        part = _where([_starts("i.part_id"), *span])
        serial = _where(["i.serial != ''", _starts("i.serial"), f"NOT {_starts('i.part_id')}", *span])
        return (
            f"SELECT i.captured_at, i.seq FROM inspection i INDEXED BY ix_inspection_part{part} "
            f"UNION ALL SELECT i.captured_at, i.seq FROM inspection i INDEXED BY ix_inspection_serial{serial}"
        )
    return f"SELECT i.captured_at, i.seq FROM {_indexed(name)}{_where([*_own(name), *asked.time('i')])}"


def _indexed(name: str) -> str:
    return f"inspection i INDEXED BY ix_inspection_{name or 'captured'}"


def _own(name: str) -> list[str]:
    return ([f"i.{name} != ''"] if name in _PARTIAL else []) + [f"i.{name} = :{name}"]


def _walk(asked: _Asked, name: str, limit: int) -> str:
    """The search along the index of one condition; "": along the time."""
    others = asked.others(name)
    if name not in ("code", "label"):
        conditions = [*(_own(name) if name else []), *asked.time("i"), *others]
        return f"SELECT i.seq FROM {_indexed(name)}{_where(conditions)}{_NEWEST_FIRST}{limit:d}"
    found = _rows_of(asked, name)
    if name == "label":
        found += " GROUP BY r.captured_at, r.inspection ORDER BY r.captured_at DESC, r.inspection DESC"
        found += "" if others else f" LIMIT {limit:d}"
    join = " CROSS JOIN inspection i ON i.seq = f.seq" if others else ""  # CROSS: in this order
    return (
        f"SELECT f.seq FROM ({found}) f{join}{_where(others)} ORDER BY f.captured_at DESC, f.seq DESC LIMIT {limit:d}"
    )


def _run(connection: sa.Connection, asked: _Asked, statement: str) -> list[int]:
    text = sa.text(statement)
    names = set(text.compile().params)
    values = {name: value for name, value in asked.values.items() if name in names}
    return [int(row[0]) for row in connection.execute(text, values)]
