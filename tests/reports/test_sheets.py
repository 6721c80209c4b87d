"""The rows of a table, which are written many at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook

from app.reports.sheets import Column, Table, Value, new_workbook

COLUMNS: list[Column[tuple[Value, ...]]] = [
    Column("Moment", 19, "Moment", lambda row: row[0]),
    Column("Number", 9, "Score", lambda row: row[1]),
    Column("Text", 20, "Text", lambda row: row[2]),
    Column("Hidden", 20, "Text", lambda row: row[3], printed=False),
]
MOMENT = datetime(2026, 3, 29, 1, 59, 58, 500_000)  # noqa: DTZ001 - Excel knows no zones
TEXTS = ["plain", "", " leading", "a & b < c", "=1+1", "_x0041_", "bell \a", "two\nlines", "ä" * 40_000]


def _row(number: int) -> tuple[Value, ...]:
    amounts: list[Value] = [number / 7, number, None, f"inf {number}", timedelta(hours=number)]
    return (
        MOMENT + timedelta(minutes=number),
        amounts[number % 5],
        TEXTS[number % len(TEXTS)],
        None if number % 3 else f"SN{number}",
    )


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 2450])
def test_every_row_stands_in_its_place(count: int, tmp_path: Path) -> None:
    book = new_workbook("Rows")
    table = Table(book, "Rows", COLUMNS, "footer")
    numbers = [table.add(_row(number), 30 if number % 100 == 0 else None) for number in range(count)]
    table.close("The end.")
    book.save(tmp_path / "rows.xlsx")

    sheet = load_workbook(tmp_path / "rows.xlsx")["Rows"]
    assert numbers == list(range(2, count + 2))
    assert [cell.value for cell in sheet[1]] == ["Moment", "Number", "Text", "Hidden"]
    shown = {  # as Excel keeps them
        "": None,
        "_x0041_": "_x005F_x0041_",
        "bell \a": "bell \u2407",
        TEXTS[-1]: TEXTS[-1][:32_767],
    }
    for number, line in zip(range(count), sheet.iter_rows(min_row=2, max_row=count + 1), strict=True):
        moment, amount, text, hidden = _row(number)
        found = [cell.value for cell in line]
        assert abs(found[0] - moment) < timedelta(milliseconds=2)
        assert isinstance(text, str)
        assert found[2:] == [shown.get(text, text), hidden]
        if isinstance(amount, timedelta):
            assert line[1].value == pytest.approx(amount / timedelta(days=1))
        else:
            assert found[1] == amount
        assert sheet.row_dimensions[number + 2].height == (30 if number % 100 == 0 else None)
    assert sheet.cell(count + 3, 1).value == "The end."
    assert sheet.max_row == count + 3
    assert sheet.auto_filter.ref == f"A1:D{count + 1}"
