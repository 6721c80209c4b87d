"""A day of five inspectors' spreadsheets, small enough to know every row, for tests of the screen."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

from tests.reports.merge.writing import delimited, ods, ods_row, xlsx

DAY = date(2026, 11, 24)


def _at(hour: int, minute: int) -> datetime:
    return datetime(2026, 11, 24, hour, minute)  # noqa: DTZ001 - spreadsheets know no zones


def five_inspectors(folder: Path) -> list[Path]:
    """25 rows: 20 stand in the result, 3 stand twice, 2 are no usable inspections; two of the 20 contradict."""
    folder.mkdir(parents=True, exist_ok=True)
    english = ["Part No", "Date/Time", "Result", "Defect", "Size (mm)", "Inspector", "Batch size"]
    anna = xlsx(
        folder / "Anna 2026-11-24.xlsx",
        (
            "Early shift",
            [
                ["Incoming goods, casting covers"],
                [],
                english,
                ["AB-1001", _at(8, 12), "PASS", None, None, "Anna Berg", 40],
                ["AB-1002", _at(8, 20), "FAIL", "scratch", 2.5, "Anna Berg", 40],
                ["AB-1003", _at(8, 31), "PASS", None, None, "Anna Berg", 40],
                ["AB-1004", _at(8, 44), "FAIL", "dent", 1.25, "Anna Berg", 40],
                ["AB-1005", _at(8, 55), "PASS", None, None, "Anna Berg", 40],
            ],
        ),
        (
            "Rework",
            [
                english,
                ["AB-0950", _at(13, 5), "PASS", None, None, "Anna Berg", 12],
                ["AB-0951", _at(13, 15), "FAIL", "burr", 0.5, "Anna Berg", 12],
                [None, _at(13, 20), "FAIL", "burr", 0.5, "Anna Berg", 12],
            ],
        ),
    )
    joerg = delimited(
        folder / "Jörg 24.11.2026.csv",
        [
            ["Prüfer: Jörg Groß"],
            ["Teile-Nr.", "Datum", "Uhrzeit", "Ergebnis", "Fehlerart", "Maß in mm", "Werker-Kürzel"],
            ["AB-1002", "24.11.2026", "08:20", "n.i.O.", "Kratzer", "2,5", "jg"],
            ["AB-1004", "24.11.2026", "08:44", "i.O.", "", "", "jg"],
            ["AB-1010", "24.11.2026", "09:10", "i.O.", "", "", "jg"],
            ["AB-1011", "24.11.2026", "09:20", "n.i.O.", "Riss", "4,0", "jg"],
            ["AB-1012", "24.11.2026", "09:31", "i.O.", "", "", "jg"],
        ],
        ";",
        "cp1252",
    )
    claire = ods(
        folder / "Claire.ods",
        (
            "Contrôle",
            ods_row("N° pièce", "Date", "Heure", "Conforme", "Défaut", "Remarque")
            + ods_row("AB-1020", DAY, time(10, 5), "oui", None, None)
            + ods_row("AB-1021", DAY, time(10, 15), "non", "fissure", "près du bord")
            + ods_row("AB-1022", DAY, time(10, 25), "oui", None, None)
            + ods_row("AB-1011", DAY, time(9, 20), "non", "fissure", None)
            + ods_row("AB-1023", DAY, time(10, 35), "oui", None, None),
        ),
    )
    dario = xlsx(
        folder / "Dario.xlsx",
        (
            "Log",
            [
                ["Serial", "Checked", "Verdict", "Finding", "Zettel"],
                ["AB-1030", _at(11, 5), "ok", None, "gelb"],
                ["AB-1031", _at(11, 15), "not ok", "bolt missing", "rot"],
                ["AB-1032", _at(11, 25), "ok", None, "gelb"],
                ["AB-1033", "yesterday?", "ok", None, "gelb"],
            ],
        ),
    )
    eve = delimited(
        folder / "Eve.csv",
        [
            ["Part", "Date", "Time", "OK?", "Defect", "Inspector"],
            ["AB-1040", "2026-11-24", "12:05", "yes", "", "Eve Lund"],
            ["AB-1001", "2026-11-24", "08:12", "yes", "", "Eve Lund"],
            ["AB-1041", "2026-11-24", "12:25", "no", "corrosion", "Eve Lund"],
        ],
    )
    return [anna, joerg, claire, dario, eve]


def broken(folder: Path) -> Path:
    """Called a workbook, but none."""
    path = folder / "Frank.xlsx"
    path.write_bytes(b"%PDF-1.7 scanned")
    return path
