"""The certificate of a lot as a workbook, with the facts of the PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.pictures import SMALL
from app.reports.lot_facts import PICTURES, Facts, Line, PartRow, picture_of
from app.reports.placing import replaced
from app.reports.sheets import Column, Table, new_workbook
from app.reports.thumbnails import Pictures, place


def write_sheets(facts: Facts, pictures: Pictures, out: Path) -> Path:
    """Writes the workbook: Lot, Classes, Limits, Parts, Nonconforming (with pictures), Decisions.

    Raises:
        LinesightError: the file can't be written.
    """
    book = new_workbook(f"Certificate of lot {facts.number}")
    footer = f"{facts.station}, lot {facts.number}, content SHA-256 {facts.sha256}"
    result = (Line("Result", facts.result), Line("By the numbers", facts.words))
    content = (
        *result,
        *facts.head,
        *facts.sampling,
        *facts.counts,
        *facts.model,
        Line("Content SHA-256", facts.sha256),
    )
    pairs: list[Column[Line]] = [
        Column("What", 26, "Text", lambda line: line.name),
        Column("Value", 90, "Long text", lambda line: line.value),
    ]
    _sheet(book, "Lot", pairs, footer, content)
    _sheet(
        book,
        "Classes",
        [
            Column("Class", 12, "Text", lambda row: row.grade),
            Column("AQL", 10, "Text", lambda row: row.aql),
            Column("Sample", 10, "Count", lambda row: row.sample),
            Column("Decided", 10, "Count", lambda row: row.seen),
            Column("Found", 10, "Count", lambda row: row.found),
            Column("Ac", 8, "Count", lambda row: row.accept),
            Column("Re", 8, "Count", lambda row: row.reject),
            Column("Counts", 10, "Text", lambda row: row.counted),
            Column("By the numbers", 18, "Text", lambda row: row.outcome),
            Column("Accepted at AQL", 12, "Percent", lambda row: row.at_aql),
            Column("Limiting quality 10 %", 14, "Percent", lambda row: row.limiting),
        ],
        footer,
        facts.classes,
    )
    _sheet(
        book,
        "Limits",
        [
            Column("Kind", 18, "Text", lambda row: row.kind),
            Column("Limit", 10, "Score", lambda row: row.area),
            Column("Unit", 8, "Text", lambda row: row.unit),
            Column("Clause", 22, "Text", lambda row: row.clause),
            Column("Class", 10, "Text", lambda row: row.grade),
            Column("Worst area", 12, "Score", lambda row: row.worst),
            Column("Worst part", 14, "Text", lambda row: row.worst_serial),
            Column("Parts over", 12, "Count", lambda row: row.over),
        ],
        footer,
        facts.limits,
    )
    columns: list[Column[PartRow]] = [
        Column("No", 8, "Count", lambda row: row.number),
        Column("Part", 18, "Text", lambda row: row.serial),
        Column("Verdicts", 16, "Text", lambda row: row.verdicts),
        Column("Score", 10, "Score", lambda row: row.score),
        Column("Threshold", 10, "Score", lambda row: row.threshold),
        Column("Found", 24, "Text", lambda row: row.found),
        Column("Measured area", 30, "Long text", lambda row: row.area),
        Column("Decision", 12, "Text", lambda row: row.decision),
        Column("Class", 10, "Text", lambda row: row.grade),
        Column("Person", 18, "Text", lambda row: row.person),
        Column("When", 20, "Text", lambda row: row.when),
        Column("Why", 34, "Long text", lambda row: row.reason),
        Column("Inspection", 34, "Text", lambda row: row.inspection_id, printed=False),
        Column("SHA-256 of the picture", 66, "Text", lambda row: row.picture_sha256, printed=False),
    ]
    _sheet(book, "Parts", columns, footer, facts.parts)
    _with_pictures(book, columns, footer, facts, pictures)
    _sheet(
        book,
        "Decisions",
        [
            Column("When", 20, "Text", lambda row: row.when),
            Column("Person", 18, "Text", lambda row: row.person),
            Column("About", 18, "Text", lambda row: row.about),
            Column("Decision", 12, "Text", lambda row: row.decision),
            Column("Class", 10, "Text", lambda row: row.grade),
            Column("Why", 60, "Long text", lambda row: row.reason),
        ],
        footer,
        facts.decisions,
    )
    with replaced(out) as part:
        book.save(part)
    return out


def _sheet(book: Any, title: str, columns: Sequence[Column[Any]], footer: str, rows: Sequence[Any]) -> None:
    sheet: Table[Any] = Table(book, title, columns, footer)
    for row in rows:
        sheet.add(row)
    sheet.close()


def _with_pictures(
    book: Any, columns: Sequence[Column[PartRow]], footer: str, facts: Facts, pictures: Pictures
) -> None:
    rows = {row.inspection_id: row for row in facts.parts}
    picture: Column[PartRow] = Column("Picture", 24, "Text", lambda row: None)
    sheet = Table(book, "Nonconforming", [picture, *columns], footer)
    for index, look in enumerate(facts.rejected):
        small = picture_of(look, pictures, SMALL) if index < PICTURES else None
        number = sheet.add(rows[look.id], (SMALL[1] + 8) * 0.75 if small is not None else None)
        if small is not None:
            place(sheet.sheet, small, number, 1)
    sheet.close()
