"""Words for why a row is a duplicate, and what contradicts what."""

from __future__ import annotations

from collections.abc import Sequence

from app.reports.merge.building import as_text
from app.reports.merge.records import Record

_FIELDS = (
    "verdict",
    "defect",
    "measure",
    "checkpoint",
    "place",
    "quantity",
    "batch",
    "serial",
    "inspector",
    "station",
    "remark",
)
_SHOWN = {"verdict": "verdict_original", "defect": "defect_original", "inspector": "inspector_original"}


def reason_for(record: Record, kept: Record, how: str) -> str:
    """Why `record` is a duplicate of `kept`: which fields are alike, and how they were written."""
    if how == "exact":
        return "exact: every field is the same"
    parts = {
        "same part": "same part",
        "part reads alike": "part number reads alike",
        "part mistyped": "part number one sign apart",
    }
    words = [_pair(parts[how], record.part, kept.part)]
    if record.date is not None:
        words.append("same date" if record.time is None else "same date and minute")
    elif record.time is not None:
        words.append("same minute")
    if record.time is not None and record.time != kept.time:
        words[-1] += f" ({record.time} / {kept.time})"
    if record.defect or kept.defect:
        words.append(_pair(f"same defect {kept.defect or record.defect}", record.defect_original, kept.defect_original))
    else:
        words.append("no defect in either")
    alike, written, lacking = [], [], []
    for name in _FIELDS:
        if name == "defect":
            continue
        one, other = _shown(record, name), _shown(kept, name)
        if one is None and other is None:
            continue
        if one == other:
            alike.append(name)
        elif one is None or other is None:
            lacking.append(name)
        else:
            written.append(f"{name} {one!r} / {other!r}")
    if alike:
        words.append(f"alike: {', '.join(alike)}")
    if written:
        words.append(f"written differently: {', '.join(written)}")
    if lacking:
        words.append(f"in one only: {', '.join(lacking)}")
    return f"fuzzy: {'; '.join(words)}"


def _pair(words: str, one: str | None, other: str | None) -> str:
    return words if one == other or one is None or other is None else f"{words} ({one!r} / {other!r})"


def _shown(record: Record, name: str) -> str | None:
    value = getattr(record, _SHOWN.get(name, name)) or getattr(record, name)
    return as_text(value)


def conflict_groups(
    records: Sequence[Record], pairs: Sequence[tuple[int, int, tuple[str, ...]]]
) -> list[tuple[int, int, str]]:
    """(row, number of its group, what differs) of every row that contradicts another one; groups from 1."""
    leader: dict[int, int] = {}

    def find(row: int) -> int:
        while leader.setdefault(row, row) != row:
            leader[row] = leader[leader[row]]
            row = leader[row]
        return row

    fields: dict[int, dict[str, None]] = {}
    for one, other, _ in pairs:
        first, second = sorted((find(one), find(other)))
        leader[second] = first
    for one, _, names in pairs:
        fields.setdefault(find(one), {}).update(dict.fromkeys(names))
    groups: dict[int, list[int]] = {}
    for row in sorted(leader):
        groups.setdefault(find(row), []).append(row)
    found = []
    for number, (first, rows) in enumerate(sorted(groups.items()), 1):
        words = "; ".join(f"{name}: {_values(records, rows, name)}" for name in fields[first])
        found += [(row, number, words) for row in rows]
    return found


def _values(records: Sequence[Record], rows: Sequence[int], name: str) -> str:
    values = [_with_unit(records[row], name) for row in rows]
    return " / ".join(dict.fromkeys(values))


def _with_unit(record: Record, name: str) -> str:
    value = as_text(getattr(record, name))
    if value is None:
        return "none"
    return f"{value} {record.unit}" if name == "measure" and record.unit else value
