"""Plans from workbooks: every kind of mess is named by its cell, and nothing is imported by halves."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.drawing.image import Image as Drawing
from openpyxl.styles import Font

from app.domain.errors import PlanError
from app.inspection.rounds.sheets import HEADINGS, PlanImport, read_plans
from app.inspection.rounds.workbooks import write_plans, write_template

Make = Callable[[Path], None]
TODAY = date(2026, 11, 26)
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
GOOD: dict[str, Any] = {"plan": "Bolts", "often": "daily", "times": "08:00", "component": "B-1"}


def write(path: Path, *lines: dict[str, Any], headings: dict[str, str] | None = None, above: int = 0) -> Path:
    book = Workbook()
    sheet = book.active
    sheet.title = "Plans"
    for _ in range(above):
        sheet.append(["Inspection plans of hall 3"])
    sheet.append(list((headings or HEADINGS).values()))
    for line in lines:
        sheet.append([line.get(key) for key in (headings or HEADINGS)])
    book.save(path)
    return path


def read(path: Path, **options: Any) -> PlanImport:
    return read_plans(path, today=TODAY, now=NOW, by="Somebody", **options)


def test_rows_below_belong_to_the_plan_and_component_above(tmp_path: Path) -> None:
    found = read(
        write(
            tmp_path / "a.xlsx",
            {
                **GOOD,
                "times": "08:00; 14:30",
                "grace": 30,
                "responsible": "Shift 2",
                "name": "Left",
                "checkpoint": "bolt",
            },
            {"checkpoint": "seal", "of_model": "seal 1"},
            {},
            {"component": 12, "model": "Cover@3"},
            {"plan": "Belts", "often": "Mon, Thu", "times": time(6, 15), "component": "C"},
            {"plan": "bolts", "component": "B-3"},
            above=3,
        )
    )
    assert not found.troubles
    bolts, belts = (each.plan for each in found.proposed)
    assert [each.what for each in found.proposed] == ["new", "new"]
    assert [each.key for each in bolts.components] == ["B-1", "12", "B-3"]
    assert [(point.name, point.of_model) for point in bolts.components[0].checkpoints] == [
        ("bolt", ""),
        ("seal", "seal 1"),
    ]
    assert (bolts.grace_minutes, bolts.responsible, bolts.made_by) == (30, "Shift 2", "Somebody")
    assert bolts.frequency.words == "every day at 08:00 and 14:30" and bolts.frequency.begins == TODAY
    assert belts.frequency.words == "every Monday and Thursday at 06:15" and belts.grace_minutes == 60
    assert bolts.components[1].model == "Cover@3"


MESS: list[tuple[str, list[dict[str, Any]], str, str]] = [
    ("no frequency", [{**GOOD, "often": None}], "row 2", "How often is empty"),
    ("words that say none", [{**GOOD, "often": "now and then"}], "cell B2", "says no recurrence"),
    ("a broken rule", [{**GOOD, "often": "FREQ=SOMETIMES"}], "cell B2", "FREQ must be one of"),
    ("a rule that never comes", [{**GOOD, "often": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}], "cell B2", "never comes"),
    ("no time", [{**GOOD, "times": None}], "cell B2", "needs a time of day"),
    ("25 o'clock", [{**GOOD, "times": "25:00"}], "cell C2", "no time of day"),
    ("a time as a number", [{**GOOD, "times": 8}], "cell C2", "no time of day"),
    ("hours twice", [{**GOOD, "often": "hourly"}], "cell B2", "says hours itself"),
    ("a day that is none", [{**GOOD, "begins": "soon"}], "cell D2", "no day that can be told"),
    ("31 February", [{**GOOD, "begins": "31.02.2026"}], "cell D2", "does not exist"),
    ("day or month first", [{**GOOD, "begins": "03/04/2026"}], "cell D2", "Write it like 2026-11-30"),
    ("grace in words", [{**GOOD, "grace": "an hour"}], "cell E2", "whole number of minutes"),
    ("grace of half a minute", [{**GOOD, "grace": 0.5}], "cell E2", "whole number of minutes"),
    ("grace of a month", [{**GOOD, "grace": 43_200}], "row 2", "give 0 to 10080"),
    ("no plan", [{"component": "B-1"}], "cell A2", "names no plan"),
    ("no component", [{**GOOD, "component": None}], "row 2", "has no component"),
    (
        "a checkpoint of nothing",
        [{**GOOD, "component": None, "checkpoint": "bolt"}],
        "cell G2",
        "no component is named",
    ),
    (
        "two frequencies",
        [GOOD, {"often": "weekly", "component": "B-2"}],
        "cell B3",
        "is weekly here and daily in row 2",
    ),
    ("two names", [{**GOOD, "name": "a"}, {"component": "B-1", "name": "b"}], "cell H3", "is b here and a in row 2"),
    ("two that differ in case", [GOOD, {"component": "b-1"}], "row 2", "b-1 comes twice"),
    ("a checkpoint twice", [{**GOOD, "checkpoint": "bolt"}, {"checkpoint": "Bolt"}], "row 2", "the same name"),
    ("a model's checkpoint alone", [{**GOOD, "of_model": "bolt 1"}], "cell L2", "without a checkpoint"),
    ("a long name", [{**GOOD, "plan": "x" * 61}], "row 2", "1 to 60 characters"),
    ("a long component", [{**GOOD, "component": "x" * 41}], "row 2", "1 to 40 characters"),
    ("a picture that is gone", [{**GOOD, "reference": "gone.png"}], "cell J2", "does not exist"),
    ("a picture that is none", [{**GOOD, "reference": "notes.txt"}], "cell J2", "not a picture"),
    ("an error value", [{**GOOD, "model": "#REF!"}], "cell I2", "shows the error #REF!"),
    ("an uncomputed formula", [{**GOOD, "component": "=A1&1"}], "cell G2", "has no value"),
]


@pytest.mark.parametrize(("lines", "place", "words"), [each[1:] for each in MESS], ids=[each[0] for each in MESS])
def test_every_mess_is_named_by_its_cell(tmp_path: Path, lines: list[dict[str, Any]], place: str, words: str) -> None:
    (tmp_path / "notes.txt").write_text("bolt 1: fine")
    found = read(write(tmp_path / "mess.xlsx", *lines))
    assert [(each.place, each.words) for each in found.troubles if words in each.words], found.troubles
    assert f"Plans, {place}" in {each.place for each in found.troubles}


def test_all_of_it_is_found_in_one_go(tmp_path: Path) -> None:
    lines = [
        {**GOOD, "plan": f"Plan {number}", "often": "sometimes" if number % 2 else "daily", "times": "8 Uhr"}
        for number in range(6)
    ]
    found = read(write(tmp_path / "a.xlsx", *lines))
    assert [each.row for each in found.troubles] == [3, 5, 7]
    assert [each.plan.name for each in found.proposed] == ["Plan 0", "Plan 2", "Plan 4"]


def _text(path: Path) -> None:
    path.write_text("Plan;Component\nBolts;B-1\n")


def _damaged(path: Path) -> None:
    write(path, GOOD)
    with zipfile.ZipFile(path) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w") as broken:
        for name, data in parts.items():
            broken.writestr(name, data[: len(data) // 2] if "sheet1" in name else data)


def _half(path: Path) -> None:
    write(path, GOOD)
    path.write_bytes(path.read_bytes()[:3000])


def _other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("gone.xlsx", lambda path: None, "does not exist"),
        ("plans.csv", _text, "is no .xlsx workbook"),
        ("plans.xlsx", _text, "is no .xlsx workbook, is damaged, or has a password"),
        ("plans.xlsx", _half, "is damaged"),
        ("plans.xlsx", _damaged, "can't be read as a workbook"),
        ("plans.xlsx", _other_zip, "can't be read as a workbook"),
        ("plans.xlsx", lambda path: path.mkdir(), "can't be read as a workbook"),
    ],
)
def test_a_file_that_is_no_workbook_says_so(
    tmp_path: Path, name: str, make: Callable[[Path], None], words: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(PlanError, match=words):
        read(tmp_path / name)


def test_headings_are_looked_for_and_what_is_missing_is_said(tmp_path: Path) -> None:
    german = {"plan": "Prüfplan", "often": "Häufigkeit", "times": "Uhrzeit", "component": "Bauteil"}
    line = {**GOOD, "often": "werktags", "times": "8 Uhr"}
    found = read(write(tmp_path / "a.xlsx", line, headings=german))
    assert found.proposed[0].plan.frequency.words == "every working day at 08:00"
    other = read(write(tmp_path / "b.xlsx", GOOD, headings={"plan": "Order", "component": "Customer"}))
    assert "no row has the headings Plan and Component (looked at: Plans)" in other.troubles[0].words
    empty = read(write(tmp_path / "c.xlsx"))
    assert "no row below the headings" in empty.troubles[0].words
    twice = read(write(tmp_path / "d.xlsx", GOOD, headings={**HEADINGS, "x": "Component"}))
    assert "the heading Component comes twice" in twice.troubles[0].words


@pytest.mark.parametrize(
    ("often", "words"),
    [
        ("Daily", "every day"),
        ("every 2 weeks", "every 2 weeks"),
        ("alle 3 Tage", "every 3 days"),
        ("every Monday", "every Monday"),
        ("Mondays and Fridays", "every Monday and Friday"),
        ("Mo/Mi/Fr", "every Monday, Wednesday and Friday"),
        ("rrule:freq=monthly;byday=1MO", "every month on the first Monday"),
    ],
)
def test_how_often_in_the_words_people_write(tmp_path: Path, often: str, words: str) -> None:
    found = read(write(tmp_path / "a.xlsx", {**GOOD, "often": often}))
    assert found.proposed[0].plan.frequency.words == f"{words} at 08:00"


@pytest.mark.parametrize(
    "cell", ["8:00", "08.00", "8 am", "8", time(8), datetime.combine(date(2026, 1, 1), time(8)), 8 / 24, "8h00"]
)
def test_a_time_as_people_and_spreadsheets_write_it(tmp_path: Path, cell: Any) -> None:
    found = read(write(tmp_path / "a.xlsx", {**GOOD, "times": cell}))
    assert found.proposed[0].plan.frequency.times == (time(8),)


def test_formats_below_the_table_are_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", GOOD)
    book = load_workbook(path)
    book["Plans"].cell(1_000_000, 3).font = Font(bold=True)
    book.save(path)
    found = read(path)
    assert not found.troubles and len(found.proposed) == 1


def picture(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), np.uint8)
    return cv2.imencode(".png", cv2.resize(noise, (1800, 1350)))[1].tobytes()


def test_a_picture_lies_beside_the_workbook_or_in_the_cell(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "left.png").write_bytes(picture(1))
    path = write(tmp_path / "a.xlsx", {**GOOD, "reference": "pictures\\left.png"}, {"component": "B-2"})
    book = load_workbook(path)
    book["Plans"].add_image(Drawing(io.BytesIO(picture(2))), "J3")
    book.save(path)
    found = read(path)
    assert not found.troubles
    references = [each.reference for each in found.proposed[0].plan.components]
    assert all(references) and references == [each.sha256 for each in found.pictures]
    assert found.pictures[0].picture().shape == (1200, 1600, 3)


def test_what_is_written_out_is_read_again_as_the_same(tmp_path: Path) -> None:
    (tmp_path / "left.png").write_bytes(picture(1))
    first = read(
        write(
            tmp_path / "a.xlsx",
            {**GOOD, "begins": date(2026, 12, 1), "reference": "left.png", "checkpoint": "bolt"},
            {"checkpoint": "seal", "of_model": "seal"},
            {"component": "B-2", "model": "Cover"},
            {"plan": "Oil", "often": "FREQ=HOURLY;INTERVAL=2", "component": "O", "grace": 0},
        )
    )
    assert not first.troubles
    pictures = {each.sha256: each.data for each in first.pictures}
    plans = [each.plan for each in first.proposed]
    out = write_plans(plans, tmp_path / "out" / "plans.xlsx", pictures.get)
    again = read(out, existing=plans)
    assert not again.troubles and [each.what for each in again.proposed] == ["unchanged", "unchanged"]
    assert again.makes == ()
    changed = replace(plans[0], responsible="Somebody else")
    third = read(out, existing=[changed, plans[1]])
    assert [(each.what, each.plan.version) for each in third.proposed] == [("changed", 2), ("unchanged", 1)]
    assert third.proposed[0].plan.id == plans[0].id


def test_the_template_can_be_imported_as_it_is(tmp_path: Path) -> None:
    found = read(write_template(tmp_path / "template.xlsx"))
    assert not found.troubles
    assert [len(each.plan.components) for each in found.proposed] == [2]


def test_a_place_that_takes_no_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PlanError, match="can't be written"):
        write_template(tmp_path / "file" / "template.xlsx")
