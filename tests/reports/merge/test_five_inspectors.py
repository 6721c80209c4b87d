"""A day of five inspectors who write in their own ways, with known duplicates and contradictions between them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.reports.merge import merge_files
from tests.reports.merge.test_mess import sheets
from tests.reports.merge.writing import delimited, ods, ods_row, xlsx


@dataclass(frozen=True)
class Truth:
    part: int
    at: datetime
    defect: str | None
    size: float


NAMES = {
    "scratch": ("scratch", "Kratzer", "rayure", "arañazo", "graffio"),
    "dent": ("dent", "Delle", "bosse", "abolladura", "ammaccatura"),
    "crack": ("crack", "Riss", "fissure", "grieta", "cricca"),
    "burr": ("burr", "Grat", "bavure", "rebaba", "bava"),
}


def typo(text: str, pick: random.Random) -> str:
    at = pick.randrange(1, len(text) - 1)
    return text[:at] + text[at + 1 :]


def english(path: Path, rows: list[Truth]) -> Path:
    head = ["Part No", "Date/Time", "Result", "Defect", "Size (mm)"]
    body = [[f"AB-{row.part}", row.at, "FAIL" if row.defect else "PASS", row.defect, row.size] for row in rows]
    return xlsx(path.with_suffix(".xlsx"), ("Log", [["Shift log"], [], head, *body]))


def german(path: Path, rows: list[Truth]) -> Path:
    head = ["Teile-Nr.", "Datum", "Uhrzeit", "Ergebnis", "Fehlerart", "Maß in mm"]
    body: list[list[Any]] = []
    for row in rows:
        word = NAMES[row.defect][1] if row.defect else ""
        size = f"{row.size:.2f}".replace(".", ",")
        body.append(
            [f"ab {row.part}", f"{row.at:%d.%m.%Y}", f"{row.at:%H.%M} Uhr", "n.i.O." if word else "i.O.", word, size]
        )
    body += [["Summe", "", "", str(len(rows)), "", ""]]
    return delimited(path.with_suffix(".csv"), [["Prüfer: Jörg Groß"], head, *body], ";", "cp1252")


def french(path: Path, rows: list[Truth]) -> Path:
    head = ["N° pièce", "Date", "Heure", "Conforme", "Défaut", "Mesure"]
    body = []
    for row in rows:
        word = NAMES[row.defect][2] if row.defect else "RAS"
        size = f"{row.size:.2f} mm".replace(".", ",")
        body.append([f"AB{row.part}", f"{row.at:%d/%m/%y}", f"{row.at:%Hh%M}", "NC" if row.defect else "C", word, size])
    return delimited(path.with_suffix(".csv"), [head, *body], "\t", "utf-16")


def spanish(path: Path, rows: list[Truth]) -> Path:
    xml = ods_row("Pieza", "Hora", "Estado", "Defecto", "Medida")
    for row in rows:
        word = NAMES[row.defect][3] if row.defect else "ninguno"
        xml += ods_row(f"AB-{row.part}", row.at.time(), "rechazado" if row.defect else "apto", word, row.size)
    return ods(path.with_suffix(".ods"), ("4 de marzo 2026", xml))


def italian(path: Path, rows: list[Truth]) -> Path:
    head = ["Codice pezzo", "Data", "Ora", "OK", "KO", "Difetto", "Valore [mm]"]
    body = [
        [f"AB-{row.part}", row.at.date(), row.at.time(), *((None, "x") if row.defect else ("x", None)),
         NAMES[row.defect][4] if row.defect else None, row.size]
        for row in rows
    ]  # fmt: skip
    return xlsx(path.with_suffix(".xlsx"), ("Foglio1", [head, *body]), ("Foglio2", []))


WRITERS: tuple[Callable[[Path, list[Truth]], Path], ...] = (english, german, french, spanish, italian)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_was_seen_twice_is_one_row_and_contradictions_are_listed(tmp_path: Path, seed: int) -> None:
    pick = random.Random(seed)
    start = datetime(2026, 3, 4, 6)  # noqa: DTZ001 - as in spreadsheets
    truths = [
        Truth(
            1000 + number,
            start + timedelta(minutes=3 * number),
            pick.choice([None, None, *NAMES]),
            round(pick.uniform(0.1, 9), 2),
        )
        for number in range(120)
    ]
    pick.shuffle(truths)
    own = [list(truths[index::5]) for index in range(5)]
    twice = set()
    again = contradicted = 0
    for index in range(5):
        for truth in pick.sample(own[index], 6):
            other = (index + pick.randrange(1, 5)) % 5
            if truth.part in twice:
                continue
            twice.add(truth.part)
            if pick.random() < 0.6:
                own[other].append(truth)
                again += 1
            else:
                defect = None if truth.defect else "dent"
                own[other].append(replace(truth, defect=defect))
                contradicted += 1
    paths = [write(tmp_path / f"inspector{index}", own[index]) for index, write in enumerate(WRITERS)]

    report = merge_files(paths, tmp_path / "out.xlsx")

    assert report.errors == []
    assert report.duplicates == again, report.notes
    assert report.set_aside == 1
    assert report.conflicts == 2 * contradicted
    assert report.rows_in == len(truths) + again + contradicted + 1
    merged = sheets(tmp_path / "out.xlsx")["Merged"]
    found = {
        (
            "".join(sign for sign in row["part"] if sign.isdigit()),
            row["date"].date(),
            row["time"].hour * 60 + row["time"].minute,
            row["defect"],
            row["measure"],
        )
        for row in merged
    }
    assert found >= {
        (str(truth.part), truth.at.date(), truth.at.hour * 60 + truth.at.minute, truth.defect, truth.size)
        for truth in truths
    }
    verdicts = {row["verdict"] for row in merged}
    assert verdicts == {"PASS", "FAIL"}


def test_defects_with_a_letter_missing_are_still_the_same(tmp_path: Path) -> None:
    pick = random.Random(7)
    rows = [["Part", "Date", "Time", "Result", "Defect"]]
    other = [["Teil", "Datum", "Zeit", "Ergebnis", "Fehler"]]
    expected = 0
    for number, (kind, names) in enumerate(NAMES.items()):
        for name in names:
            if len(name) < 7:
                continue
            part, clock = f"P-{number}{name[:1]}{expected}", f"08:{expected:02}"
            rows.append([part, "2026-03-04", clock, "NOK", kind])
            other.append([part, "04.03.2026", clock, "n.i.O.", typo(name, pick)])
            expected += 1
    report = merge_files(
        [delimited(tmp_path / "a.csv", rows), delimited(tmp_path / "b.csv", other, ";")], tmp_path / "o.xlsx"
    )
    assert expected > 5 and report.duplicates == expected
