"""Cells as they were typed, from files of other programs than openpyxl."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import fastexcel
import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from app.reports.merge.grid import Fault, SheetError, column_letter
from app.reports.merge.reading import read_book
from tests.reports.merge.writing import ods, ods_row, packed, raw_row, raw_xlsx, xlsx


def test_values_of_every_type_come_back(tmp_path: Path) -> None:
    row = [
        "text",
        3,
        2.5,
        True,
        date(2026, 3, 4),
        datetime(2026, 3, 4, 8, 15, 30),  # noqa: DTZ001 - as in spreadsheets
        time(8, 15),
        None,
        " \u00a0 ",
        "end ",
    ]
    (grid,) = read_book(xlsx(tmp_path / "a.xlsx", ("S", [[], row]))).grids
    assert [(each.number, each.cells) for each in grid.rows] == [(2, [*row[:8], None, "end"])]


def test_two_readers_agree(tmp_path: Path) -> None:
    rows = [["a", "b", "c"], ["x", "1", "y"], ["z", "2", "w"]]
    path = xlsx(tmp_path / "a.xlsx", ("S", rows))
    (grid,) = read_book(path).grids
    other = fastexcel.read_excel(path).load_sheet("S", header_row=None).to_polars()
    assert [each.cells for each in grid.rows] == [list(row) for row in other.iter_rows()] == rows


def test_days_that_count_from_1904(tmp_path: Path) -> None:
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.append([date(2026, 3, 4)])
    book.save(tmp_path / "a.xlsx")
    assert read_book(tmp_path / "a.xlsx").grids[0].rows[0].cells == [date(2026, 3, 4)]


def test_names_with_prefixes_and_cells_without_addresses(tmp_path: Path) -> None:
    path = raw_xlsx(
        tmp_path / "a.xlsx", raw_row(3, "A", None, 7) + raw_row(5, '<c r="C5" t="str"><f>A1</f><v>x</v></c>')
    )
    assert [(row.number, row.cells) for row in read_book(path).grids[0].rows] == [
        (3, ["A", None, 7]),
        (5, [None, None, "x"]),
    ]
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    related = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

    def relations(**targets: str) -> str:
        each = (
            f'<Relationship Id="{kind}" Type="{related}/{kind}" Target="{part}"/>' for kind, part in targets.items()
        )
        return f"<Relationships>{''.join(each)}</Relationships>"

    sheet = '<x:sheets><x:sheet name="P" sheetId="1" r:id="worksheet"/></x:sheets>'
    cell = '<x:row r="2" hidden="1"><x:c r="B2" t="s"><x:v>0</x:v></x:c></x:row>'
    rich = "<x:si><x:r><x:t>ri</x:t></x:r><x:r><x:t>ch</x:t></x:r><x:rPh><x:t>not this</x:t></x:rPh></x:si>"
    packed(
        tmp_path / "b.xlsx",
        {
            "_rels/.rels": relations(officeDocument="/xl/book.xml"),
            "xl/book.xml": f'<x:workbook xmlns:x="{main}" xmlns:r="{related}">{sheet}</x:workbook>',
            "xl/_rels/book.xml.rels": relations(worksheet="one.xml", sharedStrings="texts.xml"),
            "xl/texts.xml": f'<x:sst xmlns:x="{main}">{rich}</x:sst>',
            "xl/one.xml": f'<x:worksheet xmlns:x="{main}"><x:sheetData>{cell}</x:sheetData></x:worksheet>',
        },
    )
    (grid,) = read_book(tmp_path / "b.xlsx").grids
    assert [(row.number, row.cells, row.hidden) for row in grid.rows] == [(2, [None, "rich"], True)]


def test_faults_are_told_from_empty_cells(tmp_path: Path) -> None:
    cells = raw_row(
        1, "<c><f>A9+1</f></c>", "<c><f>A9</f><v/></c>", '<c t="e"><v>#N/A</v></c>', '<c t="str"><f>B1</f><v></v></c>'
    )
    (row,) = read_book(raw_xlsx(tmp_path / "a.xlsx", cells)).grids[0].rows
    assert row.cells == [Fault("=A9+1", formula=True), Fault("=A9", formula=True), Fault("#N/A")]


def test_what_open_document_sheets_hold(tmp_path: Path) -> None:
    formula = '<table:table-cell table:formula="of:=[.A1]"/>'
    typed = 'table:formula="of:=1/0" office:value-type="string"'
    error = f"<table:table-cell {typed}><text:p>#DIV/0!</text:p></table:table-cell>"
    noted = (
        '<table:table-cell office:value-type="string"><office:annotation><text:p>look</text:p></office:annotation>'
        '<text:p>a<text:s text:c="2"/>b</text:p><text:p>c</text:p></table:table-cell>'
    )
    rows = ods_row(None, repeat=4) + ods_row(formula, error, noted, time(8, 15), datetime(2026, 3, 4, 8, 15))  # noqa: DTZ001
    rows += ods_row("x", repeat=2)
    (grid,) = read_book(ods(tmp_path / "a.ods", ("S", rows))).grids
    assert grid.rows[0].cells == [
        Fault("=[.A1]", formula=True), Fault("#DIV/0!"), "a  b\nc", time(8, 15), datetime(2026, 3, 4, 8, 15),  # noqa: DTZ001
    ]  # fmt: skip
    assert [row.number for row in grid.rows] == [5, 6, 7] and grid.comments == {(5, 2): "look"}


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (
            "a.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 64 + "EncryptedPackage".encode("utf-16-le"),
            "password",
        ),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 64, "97-2003"),
        ("a.xlsx", b"<html><table></table></html>", "web page"),
        ("a.xlsx", b"%PDF-1.7", "no spreadsheet"),
        ("a.xlsx", b"PK\x03\x04", "damaged"),
        ("a.csv", b" \n ", "empty"),
        ("a.csv", b"\0" * 100, "no text"),
    ],
)
def test_what_can_not_be_read_is_named_with_the_way_out(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SheetError) as error:
        read_book(tmp_path / name)
    assert told in str(error.value) and str(tmp_path / name) in str(error.value)


def test_protected_and_foreign_packages(tmp_path: Path) -> None:
    manifest = '<manifest><file-entry><encryption-data checksum="x"/></file-entry></manifest>'
    with pytest.raises(SheetError, match="password"):
        read_book(ods(tmp_path / "a.ods", ("S", ods_row("x")), extra={"META-INF/manifest.xml": manifest}))
    with pytest.raises(SheetError, match=r"is no \.xlsx workbook"):
        read_book(packed(tmp_path / "b.xlsx", {"hello.txt": "hello"}))


@pytest.mark.parametrize(("column", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (16_383, "XFD")])
def test_columns_are_named_as_programs_name_them(column: int, letters: str) -> None:
    assert column_letter(column) == letters
