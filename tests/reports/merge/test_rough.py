"""Files nobody would make on purpose: whatever they hold, no row is lost and nothing breaks."""

from __future__ import annotations

import random
import time as clock
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl.worksheet.worksheet import Worksheet

from app.reports.merge import NothingRead, merge_files
from app.reports.merge.grid import SheetError
from app.reports.merge.reading import read_book
from tests.reports.merge.kinds import BODY, HEAD, TEXT
from tests.reports.merge.test_mess import sheets, told
from tests.reports.merge.writing import delimited, ods, ods_row, xlsx

_TEXTS = (
    *("Part", "Teil", "Datum", "Date", "Zeit", "Time", "Result", "Ergebnis", "i.O.", "n.i.O.", "OK", "NOK", "Fehler"),
    *("defect", "Kratzer", "x", "✓", "1", "0", "-", "  ", "Total", "Summe:", "Inspector: Bob", "A-1", "A-2", "00123"),
    *("123.0", "12,5", "1.234", "12 mm", "<0,1", "04.03.2026", "03/04/2026", "31.02.2026", "8:15", "25:99", "dito"),
    *('"', "=1+1", "4.3.", "März", "remark", "Menge", "1e5", "nan", "inf", "½", "²", "１２", "٣", "#", "No.", "[mm]"),
    *("1e400", "31.12.9999", "24:00", "-0", "_x0000_", "Line 2"),
)
_VALUES: tuple[Any, ...] = (
    None, 0, 1, 3, 46085, 0.34375, 46085.5, -1, 1e300, True, False, date(2026, 3, 4), time(8, 15), date(1900, 1, 1),
    datetime(2026, 3, 4, 8, 15), timedelta(hours=30), 123.0, 10**17, -7.5,  # noqa: DTZ001 - as in spreadsheets
)  # fmt: skip


def _cell(pick: random.Random) -> Any:
    return pick.choice(_TEXTS) if pick.random() < 0.6 else pick.choice(_VALUES)


@pytest.mark.parametrize("seed", range(24))
def test_random_sheets_lose_no_row(tmp_path: Path, seed: int) -> None:
    pick = random.Random(seed)

    def dress(sheet: Worksheet) -> None:
        for _ in range(pick.randint(0, 3)):
            row, column = pick.randint(1, 10), pick.randint(1, 8)
            sheet.merge_cells(None, row, column, row + pick.randint(0, 3), column + pick.randint(0, 2))

    paths = []
    for number in range(pick.randint(1, 3)):
        rows = [["Part", "Date", pick.choice(["Time", "Zeit"]), "Result", "Fehler", pick.choice(_TEXTS)]]
        rows = rows * (pick.random() < 0.7) + [
            [_cell(pick) for _ in range(pick.randint(0, 9))] for _ in range(pick.randint(0, 12))
        ]
        if pick.random() < 0.5:
            paths.append(xlsx(tmp_path / f"{number}.xlsx", ("S", rows), dress=dress))
        else:
            texts = [["" if value is None else value for value in row] for row in rows]
            paths.append(
                delimited(tmp_path / f"{number}.csv", texts, pick.choice(",;\t|"), pick.choice(["utf-8", "utf-16"]))
            )
    try:
        report = merge_files(paths, tmp_path / "o.xlsx")
    except NothingRead:
        return
    found = sheets(tmp_path / "o.xlsx")
    assert report.rows_in == report.rows_out + report.duplicates + report.set_aside
    assert [len(found[name]) for name in ("Merged", "Duplicates", "Conflicts", "Set aside")] == [
        report.rows_out,
        report.duplicates,
        report.conflicts,
        report.set_aside,
    ]


@pytest.mark.parametrize("seed", range(12))
def test_every_part_is_found_again_whatever_stands_beside_it(tmp_path: Path, seed: int) -> None:
    pick = random.Random(seed)
    words = (
        "-",
        "x",
        "ok",
        "OK",
        "a",
        "part",
        "date",
        "Result",
        "i.O.",
        "total",
        "",
        "1",
        "n",
        "8:15",
        "scratch",
        "?",
        "–",
    )
    head = pick.sample(["Part", "Date", "OK/NOK", "Defect", "n.i.O.", "Remark", "Value", "Inspector"], 8)
    at = head.index("Part")
    rows = [[pick.choice(words) for _ in head] for _ in range(40)]
    for number, row in enumerate(rows):
        row[at] = f"{pick.choice(['A', 'PART', 'x-'])}{1000 + number}"
    shape = pick.choice(["csv", "xlsx"])
    if shape == "csv":
        path = delimited(tmp_path / "a.csv", [head, *rows], ";")
    else:
        path = xlsx(tmp_path / "a.xlsx", ("S", [head, *([value or None for value in row] for row in rows)]))
    merge_files([path], tmp_path / "o.xlsx")
    found = sheets(tmp_path / "o.xlsx")
    told_ = [row["source_row"] for name in ("Merged", "Duplicates", "Set aside") for row in found[name]]
    assert sorted(told_) == list(range(2, 42))


@pytest.mark.parametrize("name", ["a.xlsx", "a.ods", "a.csv"])
def test_damaged_files_are_refused_in_words_or_read(tmp_path: Path, name: str) -> None:
    xlsx(tmp_path / "a.xlsx", ("S", [HEAD, *BODY]))
    ods(tmp_path / "a.ods", ("S", "".join(ods_row(*row) for row in (HEAD, *BODY))))
    delimited(tmp_path / "a.csv", [HEAD, *TEXT], ";", "utf-16")
    whole = (tmp_path / name).read_bytes()
    refused = 0
    for seed in range(60):
        pick = random.Random(seed)
        data = bytearray(whole[: len(whole) if seed % 3 else pick.randrange(20, len(whole))])
        for _ in range(pick.choice([1, 4, 30])):
            data[pick.randrange(len(data))] = pick.randrange(256)
        path = tmp_path / f"damaged-{name}"
        path.write_bytes(data)
        try:
            read_book(path)
        except SheetError as error:
            refused += 1
            assert str(path) in str(error)
    assert refused or name == "a.csv"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "cp850", "mac_roman"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_encoding_and_delimiter_reads_the_same(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [
        ["Teile-Nr.", "Prüfdatum", "Prüfer", "Ergebnis", "Fehler", "Maß"],
        ["A-1", "04.03.2026", "Jörg Müller", "n.i.O.", "Ausbrüche", "1,5"],
    ]
    path = delimited(tmp_path / "a.csv", rows, delimiter, encoding)
    merge_files([path], tmp_path / "o.xlsx")
    (row,) = sheets(tmp_path / "o.xlsx")["Merged"]
    assert told(row) == ("A-1", "2026-03-04", None, "FAIL", "chip")
    assert (row["inspector"], row["defect_original"], row["measure"]) == ("Jörg Müller", "Ausbrüche", 1.5)


@pytest.mark.slow
def test_five_files_of_twenty_thousand_rows(tmp_path: Path) -> None:
    pick = random.Random(5)
    start = datetime(2026, 3, 2, 6)  # noqa: DTZ001 - as in spreadsheets
    shared = [(f"AB-{number}", start + timedelta(seconds=17 * number)) for number in range(4000)]
    paths, seen = [], 0
    for index in range(5):
        own = [(f"X{index}-{number}", start + timedelta(seconds=19 * number)) for number in range(16_000)]
        rows: list[list[Any]] = [["Teile-Nr.", "Datum", "Uhrzeit", "Ergebnis", "Fehler", "Messwert", "Prüfer"]]
        for part, at in shared + own:
            bad = int(part.rpartition("-")[2]) % 7 == 0
            rows.append(
                [
                    part,
                    f"{at:%d.%m.%Y}",
                    f"{at:%H:%M:%S}",
                    "n.i.O." if bad else "i.O.",
                    pick.choice(["Kratzer", "scratch", "rayure"]) if bad else "",
                    "12,5",
                    f"Prüfer {index}",
                ]
            )
            seen += 1
        paths.append(delimited(tmp_path / f"{index}.csv", rows, ";"))
    begun = clock.process_time()
    report = merge_files(paths, tmp_path / "o.xlsx")
    assert (report.rows_in, report.duplicates, report.rows_out) == (seen, 4 * 4000, seen - 4 * 4000)
    assert clock.process_time() - begun < 60
