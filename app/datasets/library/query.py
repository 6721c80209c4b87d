"""Which pictures to show: `Query` as SQL, and the counts beside the filters."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection
from typing import Any

from app.datasets.library.states import TypeNames, numbers_of
from app.domain.labelling import SURE, LibraryCounts, Query

DISAGREES = (
    "label IS NOT NULL AND score IS NOT NULL AND threshold IS NOT NULL AND (score >= threshold) != (label = 'anomaly')"
)
_ORDERS = {
    "name": "name_key {0}, id {0}",
    "added": "added_at {0}, id {0}",
    "taken": "coalesce(taken_at, added_at) {0}, id {0}",
    "score": "score {0} NULLS LAST, id {0}",
    "doubt": "doubt {0} NULLS LAST, id {0}",
}
_ONLY = {
    "suspicious": "suspicious != ''",
    "disagreement": DISAGREES,
    "masked": "mask != ''",
    "unmasked": "label = 'anomaly' AND mask = ''",
    "aside": "aside != ''",
    "surely good": f"label IS NULL AND doubt < {SURE} AND score < threshold",
    "surely defect": f"label IS NULL AND doubt < {SURE} AND score >= threshold",
    "doubtful": f"label IS NULL AND doubt >= {SURE}",
}

_ALL = "aside = ''"


def name_key(name: str) -> str:
    """Sorts names by their numbers' value, as text: part-2 before part-10."""
    return re.sub(r"[0-9]+", lambda digits: digits[0].lstrip("0").rjust(12, "0"), name.casefold())


def find(connection: sqlite3.Connection, query: Query, names: TypeNames) -> list[int]:
    """The ids of the pictures asked for, in order."""
    where, values = _conditions(query, names)
    order = _ORDERS.get(query.order, _ORDERS["name"]).format("DESC" if query.descending else "ASC")
    # Left alone, SQLite reads the whole table in the order's index.
    by = "INDEXED BY pictures_facets" if where != _ALL else ""
    rows = connection.execute(f"SELECT id FROM pictures {by} WHERE {where} ORDER BY {order}", values)
    return [number for (number,) in rows]


def _conditions(query: Query, names: TypeNames) -> tuple[str, list[Any]]:
    parts = [_ALL] if query.only != "aside" else []
    parts += [_ONLY[query.only]] if query.only in _ONLY else []
    values: list[Any] = []
    for column, chosen in (("label", query.labels), ("split", query.splits)):
        if chosen:
            some = sorted(chosen - {"none"})
            alternatives = [f"{column} IN ({_marks(some)})"] if some else []
            if "none" in chosen:
                alternatives.append(f"{column} IS NULL")
            parts.append(f"({' OR '.join(alternatives)})")
            values += some
    if query.types:
        numbers = {names.number(name) for name in query.types} - {None}
        # Types that were merged keep their number in pictures labelled before.
        wanted = [number for number in names.taken() if names.final(number) in numbers]
        parts.append(f"({' OR '.join(['types LIKE ?'] * len(wanted)) or '0'})")
        values += [f"%,{number},%" for number in wanted]
    for column, chosen in (("source", query.sources), ("camera", query.cameras)):
        if chosen:
            parts.append(f"{column} IN ({_marks(chosen)})")
            values += sorted(chosen)
    if query.text:
        parts.append("instr(folded, ?)")
        values.append(query.text.casefold())
    for bound, sign in ((query.since, ">="), (query.until, "<")):
        if bound:
            parts.append(f"coalesce(taken_at, added_at) {sign} ?")
            values.append(bound)
    return " AND ".join(parts), values


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


def count(connection: sqlite3.Connection, names: TypeNames) -> LibraryCounts:
    """What there is of what."""
    helped = ", ".join(f"total({_ONLY[key]})" for key in ("surely good", "surely defect", "doubtful"))
    total, normal, anomaly, suspicious, disagreement, masked, good, defect, doubtful = connection.execute(
        "SELECT count(*), total(label = 'normal'), total(label = 'anomaly'), total(suspicious != ''), "
        f"total({DISAGREES}), total(mask != ''), {helped} FROM pictures INDEXED BY pictures_facets WHERE aside = ''"
    ).fetchone()
    (aside,) = connection.execute("SELECT count(*) FROM pictures WHERE aside != ''").fetchone()
    types = {each.name: 0 for each in names.used}
    rows = connection.execute(
        "SELECT types, count(*) FROM pictures INDEXED BY pictures_facets WHERE aside = '' AND types != '' "
        "GROUP BY types"
    )
    for text, number in rows:
        for name in {names.name(each) for each in numbers_of(text)}:
            types[name] = types.get(name, 0) + number

    def grouped(column: str, where: str = "1") -> dict[str, int]:
        found = connection.execute(
            f"SELECT coalesce({column}, 'none'), count(*) FROM pictures INDEXED BY pictures_facets "
            f"WHERE aside = '' AND {where} "
            f"GROUP BY {column} ORDER BY 1"
        )
        return dict(found.fetchall())

    return LibraryCounts(
        total,
        int(normal),
        int(anomaly),
        total - int(normal) - int(anomaly),
        aside,
        int(suspicious),
        int(disagreement),
        int(masked),
        int(good),
        int(defect),
        int(doubtful),
        types,
        grouped("source"),
        grouped("camera", "camera != ''"),
        grouped("split"),
    )
