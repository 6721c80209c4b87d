"""Kinds of mess in inspectors' spreadsheets. Each writes its files and says, by hand, where their rows belong."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet

from tests.reports.merge.writing import delimited, ods, ods_row, raw_row, raw_xlsx, xlsx

DAY = date(2026, 3, 4)


@dataclass(frozen=True)
class Mess:
    """Attributes:
    merged: (part, ISO date, hh:mm, verdict, defect) of every row of Merged, in any order; None is not compared.
    """

    paths: list[Path]
    merged: list[tuple[str | None, ...]]
    duplicates: int = 0
    aside: int = 0
    conflicts: int = 0
    errors: int = 0


KINDS: dict[str, Callable[[Path], Mess]] = {}


def kind(build: Callable[[Path], Mess]) -> Callable[[Path], Mess]:
    KINDS[build.__name__] = build
    return build


HEAD = ["Part No", "Date", "Time", "Result", "Defect"]
BODY: list[list[Any]] = [
    ["AB-101", DAY, time(8, 1), "OK", None],
    ["AB-102", DAY, time(8, 3), "NOK", "scratch"],
    ["AB-103", DAY, time(8, 5), "NOK", "dent"],
]
MERGED: list[tuple[str | None, ...]] = [
    ("AB-101", "2026-03-04", "08:01", "PASS", None),
    ("AB-102", "2026-03-04", "08:03", "FAIL", "scratch"),
    ("AB-103", "2026-03-04", "08:05", "FAIL", "dent"),
]
TEXT = [[part, "2026-03-04", f"{clock:%H:%M}", verdict, defect or ""] for part, _, clock, verdict, defect in BODY]


@kind
def plain_table(folder: Path) -> Mess:
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", [HEAD, *BODY]))], MERGED)


@kind
def title_rows_and_labels_above(folder: Path) -> Mess:
    rows = [["Inspection report line 3"], [], ["Inspector:", "Ann Lee"], ["Date:", DAY], [], HEAD[:1] + HEAD[2:]]
    rows += [row[:1] + row[2:] for row in BODY]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def german_headings(folder: Path) -> Mess:
    rows = [["Teile-Nr.", "Datum", "Uhrzeit", "Ergebnis", "Fehlerart"]]
    rows += [["AB-101", "04.03.2026", "08:01 Uhr", "i.O.", ""], ["AB-102", "4.3.26", "8.03 Uhr", "n. i. O.", "Kratzer"]]
    rows += [["AB-103", "4. März 2026", "08:05", "Ausschuß", "Delle"]]
    return Mess([delimited(folder / "a.csv", rows, ";", "cp1252")], MERGED)


@kind
def french_headings(folder: Path) -> Mess:
    rows = [["N° de pièce", "Date de contrôle", "Heure", "Conforme", "Nature du défaut"]]
    rows += [
        ["AB-101", "04/03/2026", "8h01", "conforme", "RAS"],
        ["AB-102", "04/03/2026", "8h03", "non conforme", "rayure"],
    ]
    rows += [["AB-103", "13/03/2026", "8h05", "rebut", "bosse"]]
    merged = [*MERGED[:2], ("AB-103", "2026-03-13", "08:05", "FAIL", "dent")]
    return Mess([delimited(folder / "a.csv", rows, ";", "utf-8-sig")], merged)


@kind
def spanish_headings(folder: Path) -> Mess:
    rows = [["Nº pieza", "Fecha", "Hora", "Resultado", "Tipo de defecto"]]
    rows += [
        ["AB-101", "4 de marzo de 2026", "8:01", "apto", "ninguno"],
        ["AB-102", "04-mar-2026", "8:03", "rechazado", "arañazo"],
    ]
    rows += [["AB-103", "04/03/2026", "8:05 a. m.", "no apto", "abolladura"]]
    return Mess([delimited(folder / "a.csv", rows, "\t", "utf-16")], MERGED)


@kind
def italian_headings(folder: Path) -> Mess:
    rows = [["Codice pezzo", "Data e ora", "Esito", "Difetto"]]
    rows += [
        ["AB-101", "04/03/2026 08:01", "conforme", "-"],
        ["AB-102", "mercoledì 4 marzo 2026 08:03", "scarto", "graffio"],
    ]
    rows += [["AB-103", "04/03/2026 08:05", "scarto", "ammaccatura"]]
    return Mess([delimited(folder / "a.csv", rows, ";", "cp1252")], MERGED)


@kind
def polish_in_its_own_encoding(folder: Path) -> Mess:
    rows = [["Numer części", "Data", "Godzina", "Wynik", "Rodzaj wady"]]
    rows += [
        ["AB-101", "2026-03-04", "8:01", "dobry", "brak wad"],
        ["AB-102", "2026-03-04", "8:03", "zły", "zadrapanie"],
    ]
    rows += [["AB-103", "2026-03-04", "8:05", "zły", "wgniecenie"]]
    return Mess([delimited(folder / "a.csv", rows, ";", "cp1250")], MERGED)


@kind
def russian_in_its_own_encoding(folder: Path) -> Mess:
    rows = [["Номер детали", "Дата", "Время", "Результат", "Дефект"]]
    rows += [["AB-101", "04.03.2026", "8:01", "годен", ""], ["AB-102", "04.03.2026", "8:03", "брак", "царапина"]]
    rows += [["AB-103", "04.03.2026", "8:05", "брак", "вмятина"]]
    return Mess([delimited(folder / "a.csv", rows, ";", "cp1251")], MERGED)


@kind
def japanese(folder: Path) -> Mess:
    rows = [["部品番号", "検査日", "時刻", "判定", "不良内容"]]
    rows += [
        ["AB-101", "2026年3月4日", "8時01分", "合格", "なし"],
        ["AB-102", "2026年3月4日", "8時03分", "不合格", "キズ"],
    ]
    rows += [["AB-103", "2026/3/4", "8:05", "×", "打痕"]]
    return Mess([delimited(folder / "a.csv", rows)], MERGED)


@kind
def merged_cells_in_the_body(folder: Path) -> Mess:
    rows = [HEAD, ["AB-101", DAY, time(8, 1), "OK", None], ["AB-102", None, time(8, 3), "NOK", "scratch"]]
    rows += [[None, None, None, None, "dent"]]

    def dress(sheet: Worksheet) -> None:
        for cells in ("B2:B4", "A3:A4", "C3:C4", "D3:D4"):
            sheet.merge_cells(cells)

    merged = [*MERGED[:2], ("AB-102", "2026-03-04", "08:03", "FAIL", "dent")]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows), dress=dress)], merged, conflicts=2)


@kind
def two_header_rows(folder: Path) -> Mess:
    rows: list[list[Any]] = [
        ["Part No", "When", None, "Inspection", None],
        [None, "Date", "Time", "Result", "Defect"],
        *BODY,
    ]

    def dress(sheet: Worksheet) -> None:
        for cells in ("A1:A2", "B1:C1", "D1:E1"):
            sheet.merge_cells(cells)

    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows), dress=dress)], MERGED)


@kind
def units_below_the_headings(folder: Path) -> Mess:
    rows: list[list[Any]] = [[*HEAD, "Depth"], [None, None, "(hh:mm)", None, None, "[mm]"]]
    rows += [[*row, 0.5] for row in BODY]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def blank_rows_and_repeated_headings(folder: Path) -> Mess:
    rows = [HEAD, BODY[0], [], [], HEAD, BODY[1], [], BODY[2], ["-----"] * 5]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def totals_and_notes_below(folder: Path) -> Mess:
    rows = [
        HEAD,
        *BODY,
        ["Total", None, None, None, 2],
        [],
        ["* measured again by the night shift"],
        ["Signature: Lee"],
    ]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED, aside=1)


@kind
def subtotals_between(folder: Path) -> Mess:
    rows = [["Teil", "Datum", "Zeit", "Ergebnis", "Fehler"], BODY[0], ["Zwischensumme", None, None, 1, None], *BODY[1:]]
    rows += [["Summe gesamt", None, None, 3, None]]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED, aside=2)


@kind
def hidden_sheets_and_rows(folder: Path) -> Mess:
    def dress(sheet: Worksheet) -> None:
        if sheet.title == "Hidden":
            sheet.sheet_state = "hidden"
        sheet.row_dimensions[2].hidden = True

    path = xlsx(folder / "a.xlsx", ("Shown", [HEAD, BODY[0]]), ("Hidden", [HEAD, *BODY[1:]]), dress=dress)
    return Mess([path], MERGED)


@kind
def several_and_empty_sheets(folder: Path) -> Mess:
    path = xlsx(
        folder / "a.xlsx",
        ("Mon", [HEAD, BODY[0]]),
        ("Empty", []),
        ("Tue", [[], [None, *HEAD], [None, *BODY[1]], [None, *BODY[2]]]),
    )
    return Mess([path], MERGED)


@kind
def tables_side_by_side(folder: Path) -> Mess:
    rows = [[*HEAD, None, *HEAD], [*BODY[0], None, *BODY[1]], [None] * 6 + BODY[2]]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def tables_below_each_other(folder: Path) -> Mess:
    rows = [HEAD, BODY[0], [], ["Line 2"], ["Date", "Time", "Part", "Verdict", "Fault"]]
    rows += [[row[1], row[2], row[0], row[3], row[4]] for row in BODY[1:]]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def day_in_the_sheets_name(folder: Path) -> Mess:
    rows = [[row[0], *row[2:]] for row in (HEAD, *BODY)]
    return Mess([xlsx(folder / "a.xlsx", ("04.03.2026", rows))], MERGED)


@kind
def day_in_the_files_name(folder: Path) -> Mess:
    rows = [[row[0], *row[2:]] for row in (HEAD, *TEXT)]
    return Mess([delimited(folder / "inspection_2026-03-04_ann.csv", rows)], MERGED)


@kind
def day_in_section_headings(folder: Path) -> Mess:
    rows = [["Part", "Time", "Result", "Defect"], ["Wednesday, March 4, 2026"], ["AB-101", time(8, 1), "OK", None]]
    rows += [
        ["AB-102", time(8, 3), "NOK", "scratch"],
        ["Thursday, March 5, 2026"],
        ["AB-103", time(8, 5), "NOK", "dent"],
    ]
    merged = [*MERGED[:2], ("AB-103", "2026-03-05", "08:05", "FAIL", "dent")]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], merged)


@kind
def day_written_once(folder: Path) -> Mess:
    rows = [HEAD, *([row[0], row[1] if number == 0 else "", *row[2:]] for number, row in enumerate(TEXT))]
    return Mess([delimited(folder / "a.csv", rows)], MERGED)


@kind
def ditto_marks(folder: Path) -> Mess:
    rows = [HEAD, TEXT[0], ["AB-102", "dito", "08:03", "NOK", "scratch"], ["AB-103", "s.o.", "08:05", "〃", "dent"]]
    return Mess([delimited(folder / "a.csv", rows)], MERGED)


@kind
def day_numbers_without_format(folder: Path) -> Mess:
    rows = [HEAD, *([row[0], 46085, (row[2].hour * 60 + row[2].minute) / 1440, *row[3:]] for row in BODY)]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def month_first_shown_by_one_date(folder: Path) -> Mess:
    rows = [
        HEAD,
        ["AB-101", "03/04/2026", "8:01 AM", "pass", ""],
        ["AB-102", "03/14/2026", "8:03 PM", "fail", "scratch"],
    ]
    merged = [MERGED[0], ("AB-102", "2026-03-14", "20:03", "FAIL", "scratch")]
    return Mess([delimited(folder / "a.csv", rows)], merged)


@kind
def month_first_shown_by_another_file(folder: Path) -> Mess:
    rows = [HEAD, ["AB-101", "03/04/2026", "8:01", "OK", ""], ["AB-102", "03/04/2026", "8:03", "NOK", "scratch"]]
    return Mess([delimited(folder / "a.csv", rows), xlsx(folder / "b.xlsx", ("S", [HEAD, BODY[2]]))], MERGED)


@kind
def one_date_that_does_not_exist(folder: Path) -> Mess:
    rows = [HEAD, *TEXT, ["AB-104", "31.02.2026", "08:07", "OK", ""]]
    return Mess([delimited(folder / "a.csv", rows)], MERGED, aside=1)


@kind
def rows_without_a_part(folder: Path) -> Mess:
    rows = [[*HEAD, "Remark"], *BODY, [None, DAY, time(8, 9), "OK", None], [None] * 5 + ["machine stood still"]]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED, aside=2)


@kind
def errors_and_uncomputed_formulas(folder: Path) -> Mess:
    head = raw_row(1, *HEAD)
    rows = [raw_row(2, "AB-101", 46085, 0.33402777777777776, "OK")]
    rows += [
        raw_row(3, '<c t="e"><v>#REF!</v></c>', 46085, 0.34, "OK"),
        raw_row(4, "<c><f>A1&amp;1</f></c>", 46085, 0.35, "OK"),
    ]
    return Mess([raw_xlsx(folder / "a.xlsx", head + "".join(rows))], MERGED[:1], aside=2)


@kind
def a_million_styled_rows(folder: Path) -> Mess:
    rows = raw_row(1, *HEAD) + raw_row(2, "AB-101", 46085, 0.33402777777777776, "OK")
    rows += "".join(f'<row r="{number}"><c r="A{number}" s="0"/></row>' for number in range(3, 20_000))
    return Mess([raw_xlsx(folder / "a.xlsx", rows, '<dimension ref="A1:XFD1048576"/>')], MERGED[:1])


@kind
def open_document(folder: Path) -> Mess:
    merged = '<table:table-cell office:value-type="date" office:date-value="2026-03-04" table:number-rows-spanned="3"/>'
    rows = ods_row(*HEAD) + ods_row("AB-101", merged, time(8, 1), "OK")
    rows += ods_row("AB-102", "<table:covered-table-cell/>", time(8, 3), "NOK", "scratch", hidden=True)
    rows += ods_row("AB-103", "<table:covered-table-cell/>", time(8, 5), "NOK", "dent") + ods_row(
        None, repeat=1_048_000
    )
    return Mess([ods(folder / "a.ods", ("Blatt", rows))], MERGED)


@kind
def comments_on_cells(folder: Path) -> Mess:
    def dress(sheet: Worksheet) -> None:
        sheet["E3"].comment = Comment("see picture 12", "Ann")

    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", [HEAD, *BODY]), dress=dress)], MERGED)


@kind
def broken_and_protected_files(folder: Path) -> Mess:
    (folder / "b.xlsx").write_bytes(b"PK\x03\x04 and then nothing")
    (folder / "c.xlsx").write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    )
    (folder / "d.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    (folder / "e.csv").write_bytes(b"")
    good = xlsx(folder / "a.xlsx", ("Sheet1", [HEAD, *BODY]))
    paths = [folder / name for name in ("b.xlsx", "c.xlsx", "d.xlsx", "e.csv", "missing.csv")]
    return Mess([*paths[:2], good, *paths[2:]], MERGED, errors=5)


@kind
def csv_named_xlsx(folder: Path) -> Mess:
    return Mess([delimited(folder / "a.xlsx", [HEAD, *TEXT], ";")], MERGED)


@kind
def quotes_line_breaks_and_formulas_as_text(folder: Path) -> Mess:
    lines = '"Part No",Date,Time,Result,Defect,Notes\r\n'
    lines += '"=""AB-101""",2026-03-04,08:01,OK,,"two\nlines, ""quoted"""\r\n'
    lines += "AB-102,2026-03-04,08:03,NOK,scratch,=1+1\r\n\r\nAB-103,2026-03-04,08:05,NOK,dent,@me\r\n"
    (folder / "a.csv").write_bytes(lines.encode())
    return Mess([folder / "a.csv"], MERGED)


@kind
def a_quotation_mark_never_closed(folder: Path) -> Mess:
    lines = ["Part No;Date;Time;Result;Defect", "AB-101;2026-03-04;08:01;OK;", 'AB-102;2026-03-04;08:03;NOK;"scratch']
    lines += [f"AB-{number};2026-03-04;09:{number - 200:02};OK;" for number in range(200, 255)]
    (folder / "a.csv").write_text("\n".join(lines))
    merged = [*MERGED[:2]]
    merged += [(f"AB-{number}", "2026-03-04", f"09:{number - 200:02}", "PASS", None) for number in range(200, 255)]
    return Mess([folder / "a.csv"], merged)


@kind
def excels_separator_line(folder: Path) -> Mess:
    path = delimited(folder / "a.csv", [HEAD, *TEXT], "|")
    path.write_bytes(b"sep=|\r\n" + path.read_bytes())
    return Mess([path], MERGED)


@kind
def letters_encoded_twice(folder: Path) -> Mess:
    rows = [["Teile-Nr.", "Datum", "Prüfer", "Ergebnis", "Fehler"], ["AB-101", "04.03.2026", "Jürgen Groß", "gut", ""]]
    path = delimited(folder / "a.csv", rows, ";")
    path.write_bytes(path.read_bytes().decode("cp1252").encode())
    return Mess([path], [("AB-101", "2026-03-04", None, "PASS", None)])


@kind
def two_encodings_in_one_file(folder: Path) -> Mess:
    rows = [["Teile-Nr.", "Datum", "Prüfer", "Ergebnis", "Fehler"], ["AB-101", "04.03.2026", "Jürgen", "gut", ""]]
    path = delimited(folder / "a.csv", rows, ";")
    path.write_bytes(path.read_bytes() + "AB-102;04.03.2026;Jürgen;schlecht;Kratzer\r\n".encode("cp1252"))
    return Mess(
        [path], [("AB-101", "2026-03-04", None, "PASS", None), ("AB-102", "2026-03-04", None, "FAIL", "scratch")]
    )


@kind
def marks_under_good_and_bad(folder: Path) -> Mess:
    rows = [["Teil", "Datum", "Zeit", "i.O.", "n.i.O.", "Fehler"], ["AB-101", DAY, time(8, 1), "x", None, None]]
    rows += [["AB-102", DAY, time(8, 3), None, "x", "Kratzer"], ["AB-103", DAY, time(8, 5), None, "X", "Delle"]]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def ones_and_zeros(folder: Path) -> Mess:
    rows = [HEAD, *([*row[:3], int(row[3] == "OK"), row[4]] for row in BODY)]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def ones_that_mean_bad(folder: Path) -> Mess:
    rows = [HEAD, *([*row[:3], int(row[3] != "OK"), row[4]] for row in BODY), ["AB-104", DAY, time(8, 7), 0, None]]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], [*MERGED, ("AB-104", "2026-03-04", "08:07", "PASS", None)])


@kind
def ticks_and_crosses(folder: Path) -> Mess:
    signs = {"OK": "✓", "NOK": "x"}
    return Mess([xlsx(folder / "a.xlsx", ("S", [HEAD, *([*row[:3], signs[row[3]], row[4]] for row in BODY)]))], MERGED)


@kind
def typing_errors_in_defects(folder: Path) -> Mess:
    rows = [HEAD, [*TEXT[0][:4], "kein Kratzer"], [*TEXT[1][:4], "Kartzer"], [*TEXT[2][:3], "rejcted", "Dele"]]
    return Mess([delimited(folder / "a.csv", rows)], MERGED)


@kind
def part_numbers_in_many_forms(folder: Path) -> Mess:
    one = xlsx(
        folder / "a.xlsx",
        ("S", [HEAD, ["00123", *BODY[0][1:]], ["ab 102", *BODY[1][1:]], [" AB-103\u00a0", *BODY[2][1:]]]),
    )
    two = xlsx(
        folder / "b.xlsx", ("S", [HEAD, [123.0, *BODY[0][1:]], ["AB-102", *BODY[1][1:]], ["Ab103", *BODY[2][1:]]])
    )
    merged = [("00123", *MERGED[0][1:]), ("ab 102", *MERGED[1][1:]), ("AB-103", *MERGED[2][1:])]
    return Mess([one, two], merged, duplicates=3)


@kind
def a_letter_for_a_digit(folder: Path) -> Mess:
    two = [["AB-1O2", *TEXT[1][1:]]]
    return Mess(
        [delimited(folder / "a.csv", [HEAD, *TEXT]), delimited(folder / "b.csv", [HEAD, *two])], MERGED, duplicates=1
    )


@kind
def the_same_file_twice(folder: Path) -> Mess:
    path = xlsx(folder / "a.xlsx", ("Sheet1", [HEAD, *BODY]))
    return Mess([path, path], MERGED, duplicates=3)


@kind
def a_sheet_and_its_copy(folder: Path) -> Mess:
    path = xlsx(folder / "a.xlsx", ("Sheet1", [HEAD, *BODY]), ("Sheet1 (2)", [HEAD, *BODY]))
    return Mess([path], MERGED, duplicates=3)


@kind
def two_inspectors_disagree(folder: Path) -> Mess:
    other = [["Teil", "Datum", "Zeit", "Urteil", "Fehler"], ["AB-102", "04.03.2026", "08:03:40", "gut", "keine"]]
    return Mess(
        [xlsx(folder / "a.xlsx", ("S", [HEAD, *BODY])), delimited(folder / "b.csv", other, ";")],
        [*MERGED, ("AB-102", "2026-03-04", "08:03", "PASS", None)],
        conflicts=2,
    )


@kind
def neighbours_in_one_minute(folder: Path) -> Mess:
    rows = [HEAD, *([f"AB-{number}", "2026-03-04", "08:03", "NOK", "scratch"] for number in range(101, 106))]
    merged = [(f"AB-{number}", "2026-03-04", "08:03", "FAIL", "scratch") for number in range(101, 106)]
    other = [HEAD, *([f"AB-{number}", "2026-03-04", "08:03", "NOK", "scratch"] for number in range(106, 109))]
    merged += [(f"AB-{number}", "2026-03-04", "08:03", "FAIL", "scratch") for number in range(106, 109)]
    return Mess([delimited(folder / "a.csv", rows), delimited(folder / "b.csv", other)], merged)


@kind
def columns_nobody_knows(folder: Path) -> Mess:
    rows = [[*HEAD, "Foo", None, "part"], *([*row, 7, "left over", "again"] for row in BODY)]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def no_headings_at_all(folder: Path) -> Mess:
    return Mess([delimited(folder / "a.csv", TEXT * 1)], MERGED)


@kind
def a_cover_sheet_and_a_list_of_codes(folder: Path) -> Mess:
    cover = [["Daily inspection"], ["Please fill in every line"]]
    codes = [["K1", "unknown thing"], ["K2", "other thing"]]
    path = xlsx(folder / "a.xlsx", ("Cover", cover), ("Data", [HEAD, *BODY]), ("Codes", codes))
    return Mess([path], MERGED, aside=2)


@kind
def dates_with_clock_times_in_one_column(folder: Path) -> Mess:
    rows = [["Part", "Timestamp", "Status", "Issue"]]
    rows += [[row[0], datetime.combine(row[1], row[2]), row[3], row[4]] for row in BODY]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def entities_that_unfold(folder: Path) -> Mess:
    bomb = '?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    harmless = ods(folder / "c.ods", ("S", ods_row("x")))
    with zipfile.ZipFile(folder / "d.ods", "w") as package, zipfile.ZipFile(harmless) as source:
        package.writestr("content.xml", source.read("content.xml").decode().replace("?>", bomb, 1))
    good = xlsx(folder / "a.xlsx", ("Sheet1", [HEAD, *BODY]))
    return Mess([good, folder / "d.ods"], MERGED, errors=1)


@kind
def decimal_commas_without_quotes(folder: Path) -> Mess:
    lines = ["Part No,Date,Time,Depth,Result,Defect", "AB-101,2026-03-04,08:01,12,5,OK,"]
    lines += ["AB-102,2026-03-04,08:03,12,NOK,scratch", "AB-103,2026-03-04,08:05,13,25,NOK,dent"]
    lines += ["AB-104,2026-03-04,08:07,13,OK,a,b,c,d"]
    (folder / "a.csv").write_text("\n".join(lines))
    return Mess([folder / "a.csv"], MERGED, aside=1)


@kind
def a_column_for_each_defect(folder: Path) -> Mess:
    rows = [["Part", "Date", "Time", "Result", "Scratch", "Dent"], ["AB-101", DAY, time(8, 1), "OK", None, None]]
    rows += [["AB-102", DAY, time(8, 3), "NOK", "x", None], ["AB-103", DAY, time(8, 5), "NOK", None, "x"]]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def days_without_a_year(folder: Path) -> Mess:
    rows = [["Teil", "Datum", "Zeit", "Ergebnis", "Fehler"], [*BODY[0][:1], "04.03", "8:01", "io", ""]]
    rows += [[*BODY[1][:1], "4.3.", "8:03", "nio", "Kratzer"]]
    return Mess([delimited(folder / "a.csv", rows, ";"), xlsx(folder / "b.xlsx", ("S", [HEAD, BODY[2]]))], MERGED)


@kind
def american_days_that_all_could_be_swapped(folder: Path) -> Mess:
    rows = [["Part #", "Insp. Date", "Time", "Pass/Fail", "Defect Type"], ["AB-101", "3/4/2026", "8:01 AM", "P", ""]]
    rows += [["AB-102", "3/4/2026", "8:03 AM", "F", "Scratch"], ["AB-103", "3/5/2026", "1:05 PM", "F", "dent"]]
    return Mess([delimited(folder / "a.csv", rows)], [*MERGED[:2], ("AB-103", "2026-03-05", "13:05", "FAIL", "dent")])


@kind
def headings_with_typing_errors_and_line_breaks(folder: Path) -> Mess:
    rows = [["Prat\nNo", "Inspecton date\n(dd.mm.yyyy)", "Time", "Ergebniss", "Felher"]]
    rows += [[part, "04.03.2026", f"{clock:%H:%M}", verdict, defect] for part, _, clock, verdict, defect in BODY]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED)


@kind
def lone_cells_and_a_running_number(folder: Path) -> Mess:
    rows = [["#", *HEAD], [1, *BODY[0]], ["Line 2"], [2, *BODY[1]], [None, None, None, None, "NOK"], [3, *BODY[2]]]
    rows += [[4, *BODY[1]], [], [None, None, None, "signed: Lee"]]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED, duplicates=1, aside=1)


@kind
def what_programs_write_for_nothing(folder: Path) -> Mess:
    rows = [HEAD, [*TEXT[0][:4], "NaN"], *TEXT[1:], ["#N/A", *TEXT[0][1:]], ["NULL", "NULL", "NULL", "NULL", "NULL"]]
    return Mess([delimited(folder / "a.csv", rows)], MERGED, aside=1)


@kind
def rows_above_the_headings(folder: Path) -> Mess:
    rows = [["Report of the day"], ["AB-100", DAY, time(7, 55), "OK", None], [], HEAD, *BODY]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED, aside=1)


@kind
def answers_that_are_names_of_columns_too(folder: Path) -> Mess:
    rows = [[*HEAD, "Thread", "Label"], [*BODY[0], "ok", "n"], ["-"] * 7, [*BODY[1], "-", "-"], [*BODY[2], "OK", "OK"]]
    rows[2] = [None, None, None, "ok", "-", "ok", "n"]
    return Mess([xlsx(folder / "a.xlsx", ("Sheet1", rows))], MERGED, aside=1)


@kind
def yes_to_defect(folder: Path) -> Mess:
    rows = [["Part", "Date", "Time", "Defect?", "Defect type"]]
    rows += [[part, day, clock, "no" if verdict == "OK" else "yes", kind_] for part, day, clock, verdict, kind_ in TEXT]
    return Mess([delimited(folder / "a.csv", rows)], MERGED)
