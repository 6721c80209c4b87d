"""What is found before anything is written, and corrections that are remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.errors import LinesightError
from app.reports.merge import look_into, merge_files, write_found
from app.reports.merge.reading import read_book
from app.reports.merge.remembering import pattern_of, remember, with_corrections
from tests.reports.merge.test_mess import sheets
from tests.reports.merge.writing import delimited, xlsx
from tests.ui.spreadsheets import five_inspectors


def test_findings_and_workbook_say_the_same(tmp_path: Path) -> None:
    files = five_inspectors(tmp_path / "in")
    found = look_into(files)
    report = merge_files(files, tmp_path / "out.xlsx")
    assert (found.rows_in, found.rows_out, len(found.duplicates), len(found.aside)) == (25, 20, 3, 2)
    assert (report.rows_in, report.rows_out, report.duplicates, report.set_aside) == (25, 20, 3, 2)
    assert sum(len(each.rows) for each in found.conflicts) == report.conflicts == 2
    assert [each.rows for each in found.files] == [each.rows for each in report.files]
    assert not list(tmp_path.glob("*.part"))


def test_looking_twice_at_the_same_books_finds_the_same(tmp_path: Path) -> None:
    # Marks for "as above" are resolved while rows are built; the sheet read once must keep its own.
    rows = [["Part", "Date", "Result"], ["A-1", "2026-11-24", "ok"], ["A-2", '"', "nok"], ["A-3", '"', "ok"]]
    path = delimited(tmp_path / "day.csv", rows)
    book = read_book(path)
    first, second = (look_into([path], read=lambda _path: book) for _ in range(2))
    assert first == second and first.rows_out == 3
    assert [row.value(1) for row in book.grids[0].rows[1:]] == ["2026-11-24", '"', '"']


def test_kept_rows_change_only_what_is_written(tmp_path: Path) -> None:
    found = look_into(five_inspectors(tmp_path / "in"))
    kept = [found.duplicates[0].row.number]
    with_one = write_found(found.found, tmp_path / "one.xlsx", kept, how="hand")
    without = write_found(found.found, tmp_path / "none.xlsx")
    assert (with_one.rows_out, with_one.duplicates) == (21, 2)
    assert (without.rows_out, without.duplicates) == (20, 3)
    assert "kept by hand" in str(sheets(tmp_path / "one.xlsx")["Merged"])
    assert "kept by hand" not in str(sheets(tmp_path / "none.xlsx")["Merged"])


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("Anna 2026-11-24.xlsx", "Anna *.xlsx"),
        ("24.11.", "*"),
        ("KW48", "KW*"),
        ("20261124_ben[1].csv", "*_ben[[]1].csv"),
        ("line 2.csv", "line 2.csv"),
        ("Sheet1", "Sheet1"),
    ],
)
def test_the_dates_in_a_name_may_change(name: str, pattern: str) -> None:
    assert pattern_of(name) == pattern


def test_corrections_keep_what_a_person_wrote_into_the_file(tmp_path: Path) -> None:
    memory = tmp_path / "merge-columns.toml"
    memory.write_text('# mine\n[columns]\n"Zettel" = "order"\n', encoding="utf-8")
    remember(memory, {(Path("Anna 2026-11-24.xlsx"), "Log"): {"Ding": "part"}})
    remember(memory, {(Path("Anna 2026-11-25.xlsx"), "Log"): {"Ding": "serial", "Wo": "place"}})
    text = memory.read_text(encoding="utf-8")
    assert "# mine" in text and text.count("[[table]]") == 1
    rows = [["Ding", "Wo", "Zettel", "Date", "Result"], ["A-1", "left", "O-7", "2026-11-26", "ok"]]
    told = with_corrections(memory, {})
    tables = look_into([xlsx(tmp_path / "Anna 2026-11-26.xlsx", ("Log", rows))], told).tables
    fields = {column.name: column.field for column in tables[0].columns}
    assert (fields["Ding"], fields["Wo"], fields["Zettel"]) == ("serial", "place", "order")
    other = look_into([xlsx(tmp_path / "Ben.xlsx", ("Log", rows))], told)
    assert {column.name: column.field for column in other.tables[0].columns}["Ding"] != "serial"
    assert not [note for note in other.notes if "merge-columns" in note]  # yesterday's rules are nothing to note


def test_a_memory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    memory = tmp_path / "merge-columns.toml"
    memory.write_text("[columns\n", encoding="utf-8")
    with pytest.raises(LinesightError, match=r"merge-columns\.toml is no TOML"):
        with_corrections(memory, {})


def test_nothing_readable_is_told_file_by_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    found = look_into([empty, tmp_path / "gone.xlsx"])
    assert found.files == () and [path.name for path, _ in found.errors] == ["empty.csv", "gone.xlsx"]
    assert found.rows_in == found.rows_out == 0
