"""No row is lost, whatever the spreadsheets look like."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from app.reports.merge import merge_files
from tests.reports.merge.kinds import KINDS, Mess

Rows = list[dict[str, Any]]


def sheets(path: Path) -> dict[str, Rows]:
    """Every sheet of a workbook as rows by heading."""
    found: dict[str, Rows] = {}
    book = load_workbook(path)
    for sheet in book:
        head, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [dict(zip(head, row, strict=True)) for row in rows]
    return found


def told(row: dict[str, Any]) -> tuple[str | None, ...]:
    day, clock = row["date"], row["time"]
    day = day.date() if isinstance(day, datetime) else day
    assert day is None or isinstance(day, date)
    assert clock is None or isinstance(clock, time)
    return row["part"], day and day.isoformat(), clock and f"{clock:%H:%M}", row["verdict"], row["defect"]


def test_there_are_enough_kinds_of_mess() -> None:
    assert len(KINDS) >= 30


@pytest.mark.parametrize("name", KINDS)
def test_every_row_is_in_exactly_one_place(name: str, tmp_path: Path) -> None:
    mess: Mess = KINDS[name](tmp_path)
    report = merge_files(mess.paths, tmp_path / "out.xlsx")
    found = sheets(tmp_path / "out.xlsx")
    why = (report.notes, found["Set aside"], found["Duplicates"])
    assert sorted(map(told, found["Merged"]), key=str) == sorted(mess.merged, key=str), why
    assert len(found["Duplicates"]) == report.duplicates == mess.duplicates, why
    assert len(found["Set aside"]) == report.set_aside == mess.aside, why
    assert len(found["Conflicts"]) == report.conflicts == mess.conflicts, (why, found["Conflicts"])
    assert len(report.errors) == mess.errors, report.errors
    assert report.rows_in == len(mess.merged) + mess.duplicates + mess.aside == sum(each.rows for each in report.files)
    places = [
        (row["source_file"], row["source_sheet"], row["source_row"])
        for name in ("Merged", "Duplicates", "Set aside")
        for row in found[name]
    ]
    assert all(file and sheet and row for file, sheet, row in places)
