"""The parts of an .xlsx file around its sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from app.reports.sheets import COLOURS, DARK, LINE, TEXT

STYLES = ("text", "head", "date", "time", "moment", "number", "quoted", "span", "PASS", "FAIL", "RETEST", "REWORK")
"""Cell styles, in the order of their numbers."""
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def frame_parts(title: str, sheets: Sequence[str]) -> Mapping[str, str]:
    """{name of the part: XML} of a workbook with these sheets, which are parts of their own."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name={quoteattr(sheet)} sheetId="{number}" r:id="rId{number}"/>'
        for number, sheet in enumerate(sheets, 1)
    )
    relations = "".join(_relation(number, f"{_REL}/worksheet", f"worksheets/sheet{number}.xml") for number in numbers)
    relations += _relation(len(sheets) + 1, f"{_REL}/styles", "styles.xml")
    properties = f"{_PACKAGE}/relationships/metadata/core-properties"
    overrides = "".join(_override(f"xl/worksheets/sheet{number}.xml", f"{_OFFICE}.worksheet+xml") for number in numbers)
    overrides += _override("xl/workbook.xml", f"{_OFFICE}.sheet.main+xml")
    overrides += _override("xl/styles.xml", f"{_OFFICE}.styles+xml")
    overrides += _override("docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml")
    return {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_REL}"><bookViews><workbookView/></bookViews>'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>',
        "xl/styles.xml": _styles(),
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + _relation(1, f"{_REL}/officeDocument", "xl/workbook.xml")
        + _relation(2, properties, "docProps/core.xml")
        + "</Relationships>",
        "docProps/core.xml": f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title>'
        "<dc:creator>Linesight</dc:creator></cp:coreProperties>",
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        f'ContentType="application/xml"/>{overrides}</Types>',
    }


def _relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"/>'


def _override(part: str, kind: str) -> str:
    return f'<Override PartName="/{part}" ContentType="{kind}"/>'


def _styles() -> str:
    shown = [COLOURS[verdict] for verdict in COLOURS if str(verdict) in {"PASS", "FAIL", "RETEST"}]
    colours = [TEXT, "FFFFFF", *shown]
    fonts = "".join(
        f'<font>{"<b/>" if number else ""}<sz val="10"/><color rgb="FF{colour}"/><name val="Calibri"/></font>'
        for number, colour in enumerate(colours)
    )
    formats = {"date": "yyyy-mm-dd", "time": "hh:mm:ss", "moment": "yyyy-mm-dd hh:mm:ss", "span": "[h]:mm:ss"}
    codes = {name: 164 + number for number, name in enumerate(formats)}
    font = {"head": 1, "PASS": 2, "FAIL": 3, "RETEST": 4, "REWORK": 4}
    styles = "".join(
        f'<xf numFmtId="{codes.get(name, 0)}" fontId="{font.get(name, 0)}" fillId="{2 if name == "head" else 0}" '
        f'borderId="{0 if name == "head" else 1}" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1" '
        f'applyBorder="1" quotePrefix="{int(name == "quoted")}"/>'
        for name in STYLES
    )
    edges = "<left/><right/><top/>"
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts count="{len(formats)}">'
        + "".join(f'<numFmt numFmtId="{codes[name]}" formatCode="{code}"/>' for name, code in formats.items())
        + f'</numFmts><fonts count="{len(colours)}">{fonts}</fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill>'
        f'<fill><patternFill patternType="solid"><fgColor rgb="FF{DARK}"/></patternFill></fill></fills>'
        f'<borders count="2"><border>{edges}<bottom/><diagonal/></border>'
        f'<border>{edges}<bottom style="thin"><color rgb="FF{LINE}"/></bottom><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(STYLES)}">{styles}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
