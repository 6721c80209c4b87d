"""`merge` as scripts use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from openpyxl import load_workbook

from tests.cli.conftest import Ended

Command = Callable[..., Ended]
ROWS = "Part,Date,Time,Result,Defect\nA-1,2026-03-04,08:01,OK,\nA-2,2026-03-04,08:02,NOK,scratch\n"


def test_the_counts_always_add_up_and_every_sheet_is_there(command: Command, tmp_path: Path) -> None:
    one, two, out = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "o.xlsx"
    one.write_text(ROWS + "Total,,,2,\n")
    two.write_text(ROWS.replace("scratch", "Kratzer").replace("08:01,OK,", "08:01,NOK,dent"))
    ended = command("merge", one, two, "--out", out, "--mapping", tmp_path / "m.toml", "--json")
    assert ended.code == 0, ended.err
    found = ended.json
    counts = [found[name] for name in ("rows_in", "rows_out", "duplicates", "set_aside", "conflicts")]
    assert counts == [5, 3, 1, 1, 2]
    assert found["out"] == str(out) and found["errors"] == []
    assert [each["path"] for each in found["files"]] == [str(one), str(two)]
    assert found["files"][0]["sheets"] == ["a"] and found["files"][0]["rows"] == 3
    assert found["files"][0]["mapping"]["a"]["Part"] == "part"
    assert load_workbook(out).sheetnames[:4] == ["Merged", "Duplicates", "Conflicts", "Set aside"]
    assert (tmp_path / "m.toml").exists()
    kept = command("merge", one, two, "--out", out, "--keep", "b.csv:b:3", "--json")
    assert (kept.json["rows_out"], kept.json["duplicates"]) == (4, 0)


def test_a_bad_file_is_named_and_the_others_go_on(command: Command, tmp_path: Path) -> None:
    good, bad, out = tmp_path / "a.csv", tmp_path / "b.xlsx", tmp_path / "o.xlsx"
    good.write_text(ROWS)
    bad.write_bytes(b"PK\x03\x04rest")
    ended = command("merge", bad, good, "--out", out, "--json")
    assert ended.code == 1
    assert [error["path"] for error in ended.json["errors"]] == [str(bad)] and str(bad) in ended.err
    assert ended.json["rows_out"] == 2 and out.exists()


def test_only_bad_files_leave_nothing_behind(command: Command, tmp_path: Path) -> None:
    ended = command("merge", tmp_path / "gone.csv", "--out", tmp_path / "o.xlsx", "--json")
    assert ended.code == 1
    assert ended.json["errors"][0]["path"] == str(tmp_path / "gone.csv")
    assert (ended.json["rows_in"], ended.json["rows_out"], ended.json["out"]) == (0, 0, None)
    assert not (tmp_path / "o.xlsx").exists()


def test_the_plan_forecasts_hours_where_it_is_told_how_long_rework_takes(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS)
    out = tmp_path / "o.xlsx"
    assert command("merge", tmp_path / "a.csv", "--out", out, "--rework-minutes", "30").code == 0
    lines = {row[1]: row for row in load_workbook(out)["Plan"].iter_rows(min_row=2, values_only=True)}
    assert lines["failed parts on a day like these"][2] == 1
    assert lines["hours of rework"][2] == 0.5 and lines["hours of rework"][5] == "h"


def test_words_for_a_person(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS)
    ended = command("merge", tmp_path / "a.csv", "--out", tmp_path / "o.xlsx")
    assert ended.code == 0
    assert "2 rows read, 2 merged" in ended.out


def test_a_row_to_keep_that_is_not_there(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS)
    ended = command("merge", tmp_path / "a.csv", "--out", tmp_path / "o.xlsx", "--keep", "a.csv:a:77", "--json")
    assert ended.code == 1 and "a.csv:a:77" in ended.json["error"]
