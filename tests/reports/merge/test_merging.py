"""Mapping, undo, refusals, and what the workbook is."""

from __future__ import annotations

import tomllib
from datetime import date, time
from pathlib import Path

import fastexcel
import pytest
from openpyxl import load_workbook

from app.domain.errors import Cancelled, LinesightError
from app.reports.merge import NothingRead, merge_files
from tests.reports.merge.kinds import BODY, HEAD, MERGED, TEXT
from tests.reports.merge.test_mess import sheets, told
from tests.reports.merge.writing import delimited, ods, ods_row, xlsx


@pytest.fixture
def twice(tmp_path: Path) -> list[Path]:
    return [
        delimited(tmp_path / "a.csv", [HEAD, *TEXT]),
        ods(tmp_path / "b.ods", ("S:1", "".join(ods_row(*row) for row in (HEAD, *BODY[1:])))),
    ]


def test_a_proposed_mapping_is_written_corrected_and_obeyed(tmp_path: Path) -> None:
    rows = [
        ["Kennwort", "Part", "When"],
        ["AB-1", "front door", "2026-03-04 08:00"],
        ["AB-2", "lid", "2026-03-04 08:01"],
    ]
    path, mapping = delimited(tmp_path / "a.csv", rows), tmp_path / "sub" / "m.toml"
    merge_files([path], tmp_path / "o.xlsx", mapping=mapping)
    assert tomllib.loads(mapping.read_text())["table"][0]["columns"] == {
        "Kennwort": "extra",
        "Part": "part",
        "When": "date",
    }
    mapping.write_text(
        mapping.read_text()
        .replace('Part = "part"', 'Part = "product"')
        .replace('Kennwort = "extra"', 'Kennwort = "part"')
    )
    before = mapping.read_bytes()
    report = merge_files([path], tmp_path / "o.xlsx", mapping=mapping)
    found = sheets(tmp_path / "o.xlsx")["Merged"]
    assert [(row["part"], row["product"]) for row in found] == [("AB-1", "front door"), ("AB-2", "lid")]
    assert report.files[0].mapping == {"a": {"Kennwort": "part", "Part": "product", "When": "date"}}
    assert mapping.read_bytes() == before


def test_a_mapping_makes_a_table_of_headings_nobody_knows(tmp_path: Path) -> None:
    path = delimited(
        tmp_path / "a.csv", [["q1", "q2", "q3"], ["AB-1", "03/04/2026", "ok"], ["AB-2", "04/04/2026", "nok"]]
    )
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        '[columns]\nq1 = "part"\nQ2 = "date"\ngone = "remark"\n\n[[table]]\nfile = "*.csv"\ndates = "month-first"\n'
    )
    report = merge_files([path], tmp_path / "o.xlsx", mapping=mapping)
    assert [told(row)[:4] for row in sheets(tmp_path / "o.xlsx")["Merged"]] == [
        ("AB-1", "2026-03-04", None, "PASS"),
        ("AB-2", "2026-04-04", None, "FAIL"),
    ]
    assert any("'gone'" in note for note in report.notes) and any("'q3'" in note for note in report.notes)


def test_two_columns_of_one_field_lose_nothing(tmp_path: Path) -> None:
    rows = [
        ["P1", "P2", "Date", "Result"],
        ["A", "", "2026-03-04", "ok"],
        ["", "B", "2026-03-04", "ok"],
        ["C", "D", "2026-03-04", "ok"],
    ]
    mapping = tmp_path / "m.toml"
    mapping.write_text('[columns]\nP1 = "part"\nP2 = "part"\n')
    merge_files([delimited(tmp_path / "a.csv", rows)], tmp_path / "o.xlsx", mapping=mapping)
    found = sheets(tmp_path / "o.xlsx")["Merged"]
    assert [(row["part"], row["P2"]) for row in found] == [("A", None), ("B", None), ("C", "D")]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("x = [", "TOML"),
        ('[columns]\nA = "nix"\n', "'nix'"),
        ('[[table]]\ndates = "never"\n', "'never'"),
        ("columns = 3\n", "[columns]"),
    ],
)
def test_a_mapping_that_can_not_be_used_is_named(tmp_path: Path, text: str, named: str) -> None:
    path, mapping = delimited(tmp_path / "a.csv", [HEAD, *TEXT]), tmp_path / "m.toml"
    mapping.write_text(text)
    with pytest.raises(LinesightError) as error:
        merge_files([path], tmp_path / "o.xlsx", mapping=mapping)
    assert str(mapping) in str(error.value) and named in str(error.value)
    assert not (tmp_path / "o.xlsx").exists()


@pytest.mark.parametrize("spelt", ["b.ods:S:1:2", "{folder}/b.ods:S:1:2"])
def test_a_duplicate_can_be_kept(twice: list[Path], tmp_path: Path, spelt: str) -> None:
    before = merge_files(twice, tmp_path / "o.xlsx")
    assert (before.rows_out, before.duplicates) == (3, 2)
    report = merge_files(twice, tmp_path / "o.xlsx", keep=[spelt.format(folder=tmp_path)])
    assert (report.rows_out, report.duplicates, report.rows_in) == (4, 1, 5)
    kept = [row for row in sheets(tmp_path / "o.xlsx")["Merged"] if row["source_file"] == "b.ods"]
    assert [(row["part"], row["source_row"]) for row in kept] == [("AB-102", 2)]
    assert "a.csv:a:3" in kept[0]["merge_note"]


@pytest.mark.parametrize(
    ("wanted", "told_"), [("c.csv:c:2", "a.csv:a"), ("a.csv:a:99", "2 to 4"), ("b.ods:nix:2", "b.ods:S:1")]
)
def test_a_row_to_keep_that_is_not_there_is_an_error_that_says_what_is(
    twice: list[Path], tmp_path: Path, wanted: str, told_: str
) -> None:
    with pytest.raises(LinesightError) as error:
        merge_files(twice, tmp_path / "o.xlsx", keep=[wanted])
    assert wanted in str(error.value) and told_ in str(error.value)
    assert not (tmp_path / "o.xlsx").exists()


@pytest.mark.parametrize("wanted", ["a.csv:a:3", "a.csv::3", "a.csv:3"])
def test_a_csv_files_sheet_is_its_name_or_nothing(twice: list[Path], tmp_path: Path, wanted: str) -> None:
    report = merge_files([twice[1], twice[0]], tmp_path / "o.xlsx", keep=[wanted])
    assert (report.rows_out, report.duplicates) == (4, 1)


def test_reasons_say_what_was_alike_and_which_row_is_kept(tmp_path: Path) -> None:
    one = delimited(tmp_path / "a.csv", [[*HEAD, "Inspector"], [*TEXT[1], "Ann"]])
    two = delimited(
        tmp_path / "b.csv", [[*HEAD, "Inspector"], ["ab 102", *TEXT[1][1:4], "Kratzer", "Ben"], [*TEXT[1], "Ann"]]
    )
    merge_files([one, two], tmp_path / "o.xlsx")
    found = {row["source_row"]: row for row in sheets(tmp_path / "o.xlsx")["Duplicates"]}
    assert found[3]["reason"].startswith("exact")
    assert found[2]["reason"].startswith("fuzzy")
    for word in ("'ab 102'", "'AB-102'", "minute", "Kratzer", "'Ben'"):
        assert word in found[2]["reason"]
    assert [(row["kept_file"], row["kept_sheet"], row["kept_row"]) for row in found.values()] == [("a.csv", "a", 2)] * 2


def test_the_more_complete_row_is_kept(tmp_path: Path) -> None:
    one = delimited(tmp_path / "a.csv", [HEAD, TEXT[1]])
    two = delimited(tmp_path / "b.csv", [[*HEAD, "Inspector", "Size"], [*TEXT[1], "Ben", "0.5 mm"]])
    merge_files([one, two], tmp_path / "o.xlsx")
    (kept,) = sheets(tmp_path / "o.xlsx")["Merged"]
    assert (kept["source_file"], kept["measure"], kept["unit"]) == ("b.csv", 0.5, "mm")


def test_conflicts_say_what_differs(tmp_path: Path) -> None:
    head = [*HEAD, "Value"]
    one = delimited(tmp_path / "a.csv", [head, [*TEXT[1], "12.5 mm"], [*TEXT[2], "1.2 cm"]])
    two = delimited(tmp_path / "b.csv", [head, [*TEXT[1], "12.7 mm"], [*TEXT[2], "12 mm"]])
    report = merge_files([one, two], tmp_path / "o.xlsx")
    found = sheets(tmp_path / "o.xlsx")["Conflicts"]
    assert report.duplicates == 1  # 1.2 cm and 12 mm are the same
    assert [(row["conflict"], row["what_differs"], row["source_file"]) for row in found] == [
        (1, "measure: 12.5 mm / 12.7 mm", "a.csv"),
        (1, "measure: 12.5 mm / 12.7 mm", "b.csv"),
    ]


def test_the_cells_are_typed_and_texts_are_never_formulas(tmp_path: Path) -> None:
    rows = [
        [*HEAD, "Notes", "=Extra"],
        ["=1+1", "2026-03-04", "08:01", "OK", "", "+SUM(A1)", "@x"],
        ["<&>\x07_x000D_", "2026-03-04", "08:02", "OK", "", "-3", "x" * 40_000],
    ]
    out = tmp_path / "o.xlsx"
    merge_files([delimited(tmp_path / "a.csv", rows)], out)
    sheet = load_workbook(out)["Merged"]
    heads = [cell.value for cell in sheet[1]]
    first = dict(zip(heads, sheet[2], strict=True))
    assert (first["part"].value, first["part"].data_type, first["part"].quotePrefix) == ("=1+1", "s", True)
    assert (first["remark"].value, first["=Extra"].value) == ("+SUM(A1)", "@x")
    assert first["date"].is_date and first["date"].value.date() == date(2026, 3, 4)
    assert first["time"].value == time(8, 1) and first["source_row"].value == 2
    second = dict(zip(heads, sheet[3], strict=True))
    assert second["part"].value.startswith("<&>") and len(second["=Extra"].value) == 32_767
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref.startswith("A1:")
    assert heads[0] == "part" and heads[-3:] == ["source_file", "source_sheet", "source_row"]
    assert fastexcel.read_excel(out).load_sheet("Merged").height == 2  # another reader takes it too


def test_what_a_file_says_besides_its_rows_is_noted(tmp_path: Path) -> None:
    rows = [["Line 7, night shift"], [], HEAD, *BODY, [], ["* after cleaning"]]
    report = merge_files([xlsx(tmp_path / "a.xlsx", ("S", rows), ("Hidden", []))], tmp_path / "o.xlsx")
    for words in ("Line 7, night shift", "* after cleaning", "the sheet is empty"):
        assert any(words in note for note in report.notes)


def test_dates_nobody_can_tell_are_kept_and_said(tmp_path: Path) -> None:
    path = delimited(tmp_path / "a.csv", [HEAD, ["A-1", "03/04/2026", "08:01", "OK", ""]])
    report = merge_files([path], tmp_path / "o.xlsx")
    assert report.rows_out == 1
    assert any("day-first" in note and "nothing shows" in note for note in report.notes)


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = []
    for number, folder in enumerate(("ann", "ben")):
        (tmp_path / folder).mkdir()
        paths.append(delimited(tmp_path / folder / "log.csv", [HEAD, TEXT[number]]))
    merge_files(paths, tmp_path / "o.xlsx")
    assert [row["source_file"] for row in sheets(tmp_path / "o.xlsx")["Merged"]] == [str(path) for path in paths]


def test_nothing_is_written_over_a_source_or_in_part(twice: list[Path], tmp_path: Path) -> None:
    before = twice[1].read_bytes()
    with pytest.raises(LinesightError, match="one of the files"):
        merge_files(twice, twice[1])
    assert twice[1].read_bytes() == before

    def stop(fraction: float, words: str) -> None:
        if words.startswith("Writing"):
            raise Cancelled("Merging was stopped.")

    with pytest.raises(Cancelled):
        merge_files(twice, tmp_path / "o.xlsx", step=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.ods"]


def test_without_one_readable_file_every_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(NothingRead) as error:
        merge_files([tmp_path / "gone.xlsx", tmp_path], tmp_path / "o.xlsx")
    assert [path for path, _ in error.value.errors] == [str(tmp_path / "gone.xlsx"), str(tmp_path)]


def test_progress_only_rises_and_ends_at_one(twice: list[Path], tmp_path: Path) -> None:
    steps: list[float] = []
    merge_files(twice, tmp_path / "o.xlsx", step=lambda fraction, words: steps.append(fraction))
    assert steps == sorted(steps) and steps[-1] == 1


def test_a_tally_of_one_kind_of_part_is_not_taken_for_duplicates(tmp_path: Path) -> None:
    rows = [["Part", "Date", "Result"], *([["Bracket", "2026-03-04", "OK"]] * 40)]
    path = delimited(tmp_path / "a.csv", rows)
    assert merge_files([path], tmp_path / "o.xlsx").duplicates == 0
    copy = delimited(tmp_path / "b.csv", rows)
    report = merge_files([path, copy], tmp_path / "o.xlsx")
    assert (report.rows_out, report.duplicates) == (40, 40)


def test_many_measurements_of_few_parts_are_still_compared(tmp_path: Path) -> None:
    head = ["Part", "Date", "Time", "Characteristic", "Value"]
    rows = [
        [f"AB-{part}", "2026-03-04", f"08:{part:02}", f"{what} {number}", f"{number}.5"]
        for part in range(4)
        for number, what in enumerate(
            ["length", "width", "depth", "bore", "slot", "edge", "flange", "pin", "rib", "web"]
        )
    ]
    report = merge_files([delimited(tmp_path / "a.csv", [head, *rows, rows[7]])], tmp_path / "o.xlsx")
    assert (report.rows_out, report.duplicates, report.conflicts) == (40, 1, 0)


def test_the_same_kinds_as_by_hand(twice: list[Path], tmp_path: Path) -> None:
    merge_files(twice, tmp_path / "o.xlsx")
    assert sorted(map(told, sheets(tmp_path / "o.xlsx")["Merged"]), key=str) == sorted(MERGED, key=str)


def test_a_reader_that_streams_knows_the_size(twice: list[Path], tmp_path: Path) -> None:
    merge_files(twice, tmp_path / "o.xlsx")
    book = load_workbook(tmp_path / "o.xlsx", read_only=True)
    try:
        assert [book[name].max_row for name in ("Merged", "Duplicates", "Conflicts", "Set aside")] == [4, 3, 1, 1]
    finally:
        book.close()
