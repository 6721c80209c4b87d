"""Spreadsheets as inspectors' programs write them, for tests."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

Cells = Sequence[Sequence[Any]]


def xlsx(path: Path, *sheets: tuple[str, Cells], dress: Callable[[Worksheet], None] | None = None) -> Path:
    """A workbook by openpyxl; `dress` is given every sheet before it is saved."""
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
        if dress is not None:
            dress(sheet)
    book.save(path)
    return path


def delimited(path: Path, rows: Cells, delimiter: str = ",", encoding: str = "utf-8", ending: str = "\r\n") -> Path:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator=ending).writerows(rows)
    path.write_bytes(stream.getvalue().encode(encoding))
    return path


_ODS = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"><office:automatic-styles><style:style style:name="ta0"
 style:family="table"><style:table-properties table:display="false"/></style:style></office:automatic-styles>
<office:body><office:spreadsheet>{}</office:spreadsheet></office:body></office:document-content>"""


def ods(path: Path, *sheets: tuple[str, str], extra: dict[str, str] | None = None) -> Path:
    """An OpenDocument file; each sheet is its name and the XML of its rows (see `ods_row`)."""
    tables = "".join(f'<table:table table:name="{escape(name)}">{rows}</table:table>' for name, rows in sheets)
    parts = {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": _ODS.format(tables)}
    return packed(path, {**parts, **(extra or {})})


def packed(path: Path, parts: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in parts.items():
            package.writestr(name, text)
    return path


def ods_row(*values: Any, repeat: int = 1, hidden: bool = False) -> str:
    attributes = f' table:number-rows-repeated="{repeat}"' if repeat > 1 else ""
    attributes += ' table:visibility="collapse"' if hidden else ""
    return f"<table:table-row{attributes}>{''.join(map(_ods_cell, values))}</table:table-row>"


def _ods_cell(value: Any) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, str) and value.startswith("<"):
        return value
    if isinstance(value, datetime | date):
        return f'<table:table-cell office:value-type="date" office:date-value="{value.isoformat()}"/>'
    if isinstance(value, time):
        text = f"PT{value.hour:02}H{value.minute:02}M{value.second:02}S"
        return f'<table:table-cell office:value-type="time" office:time-value="{text}"/>'
    if isinstance(value, int | float):
        typed = f'office:value-type="float" office:value="{value}"'
        return f"<table:table-cell {typed}><text:p>{value}</text:p></table:table-cell>"
    return f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'


_CONTENT = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" '
    'ContentType="application/xml"/></Types>'
)
_WORKBOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="Raw" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>'
)


def raw_xlsx(path: Path, sheet_data: str, before: str = "") -> Path:
    """A workbook of one sheet "Raw" whose rows are given as XML: what openpyxl would never write."""
    sheet = (
        f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{before}'
        f"<sheetData>{sheet_data}</sheetData></worksheet>"
    )
    return packed(
        path,
        {
            "[Content_Types].xml": _CONTENT,
            "xl/workbook.xml": _WORKBOOK,
            "xl/_rels/workbook.xml.rels": _RELATIONS,
            "xl/worksheets/sheet1.xml": sheet,
        },
    )


def raw_row(number: int, *values: Any) -> str:
    """Cells without addresses; a str beginning with "<" is taken as XML."""
    cells = []
    for value in values:
        if value is None:
            cells.append("<c/>")
        elif isinstance(value, str):
            cells.append(value if value.startswith("<") else f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>')
        else:
            cells.append(f"<c><v>{value}</v></c>")
    return f'<row r="{number}">{"".join(cells)}</row>'
