"""The workbook: the figures' numbers, all rows, pictures, and texts that stay what they were."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpyxl
import pytest

from app.domain.calendar import day_bounds
from app.domain.counts import Counts
from app.domain.errors import Cancelled, LinesightError
from app.domain.verdict import Verdict
from app.reports import day_figures, workbook, write_workbook
from app.store import Store
from tests.reports.conftest import BEGINS, ZONE, Days
from tests.store.samples import inspection

DAY = date(2026, 11, 22)


def _write(store: Store, out: Path, first: date = DAY, last: date = DAY, **more: Any) -> Path:
    return write_workbook(store, first, last, out, zone=ZONE, day_starts_at=BEGINS, station="Station 1", **more)


def _read(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        # Rows without a cell come as empty tuples.
        return {
            sheet.title: [row or (None,) * 20 for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets
        }
    finally:
        book.close()


def _numbers(counts: Counts) -> tuple[Any, ...]:
    # The file holds 16 digits.
    share = None if counts.yield_ is None else pytest.approx(counts.yield_, rel=1e-14)
    return counts.total, counts.passed, counts.failed, counts.retest, counts.error, share


def _below(rows: list[tuple[Any, ...]], head: str) -> list[tuple[Any, ...]]:
    """The rows of the summary's table whose head begins with `head`: name and numbers."""
    start = next(number for number, row in enumerate(rows) if row[1] == head) + 1
    found = []
    for row in rows[start:]:
        if row[1] is None:
            break
        found.append((row[1], *row[5:11]))
    return found


def test_every_number_is_that_of_the_figures(days: Days, tmp_path: Path) -> None:
    start, end = day_bounds(days.first, days.last, ZONE, BEGINS)
    figures = day_figures(days.store, start, end, ZONE, BEGINS)
    sheets = _read(_write(days.store, tmp_path / "report.xlsx", days.first, days.last))
    assert list(sheets) == [
        "Summary", "By hour", "By day", "Breakdown", "Control chart", "Plan", "Defects", "Reviews", "Models",
        "Inspections", "Alarms",
    ]  # fmt: skip

    summary = sheets["Summary"]
    assert summary[6][1:13:2] == _numbers(figures.counts)
    assert summary[7][1:13:2] == ("Inspected", "PASS", "FAIL", "RETEST", "ERROR", "Yield")
    assert f"{figures.counts.total} parts inspected" in summary[4][1]
    for head, named in (("Product", figures.by_product), ("Camera", figures.by_source), ("Model", figures.by_model)):
        assert _below(sheets["Breakdown"], head) == [(row.name or "none", *_numbers(row.counts)) for row in named]
    assert [(*row[:3], row[4]) for row in _below(summary, "Type")] == [
        (row.label or "no place found", row.parts, pytest.approx(row.parts / figures.counts.failed), row.regions)
        for row in figures.by_label
    ]
    measured = [row[1:] for row in _below(summary, "Value")]
    for found, spread in zip(measured, (figures.scores, figures.milliseconds), strict=True):
        assert spread is not None
        assert found == pytest.approx(
            (spread.number, spread.least, spread.median, spread.mean, spread.p95, spread.greatest)
        )

    assert sheets["By hour"][1:] == [
        *[(f"{row.hour:02}:00", *_numbers(row.counts)) for row in figures.by_hour], ("Total", *_numbers(figures.counts))
    ]  # fmt: skip
    assert sheets["By day"][1:] == [
        *[(datetime(*row.day.timetuple()[:3]), *_numbers(row.counts)) for row in figures.by_day],  # noqa: DTZ001
        ("Total", *_numbers(figures.counts)),
    ]

    rows = sorted((row for row in days.rows if start <= row.captured_at < end), key=lambda row: row.captured_at)
    head, *table = sheets["Inspections"]
    assert len(table) == len(rows) == figures.counts.total
    for cells, row in zip(table, rows, strict=True):
        found = dict(zip(head, cells, strict=True))
        assert abs(found["Time"] - row.captured_at.astimezone(ZONE).replace(tzinfo=None)) < timedelta(seconds=0.01)
        assert (found["Part"], found["Verdict"], found["Score"]) == (int(row.part_id), row.verdict.value, row.score)
        assert (found["Threshold"], found["Retest from"], found["Product"]) == (
            row.threshold,
            row.retest_from,
            row.product,
        )
        assert (found["Source"], found["Record"], found["Detector ms"]) == (row.source, row.id, row.milliseconds)
        assert found["Reason"] == (row.error or row.reason)
        assert found["Model"] == (str(row.model) if row.model else None)
    assert len(sheets["Defects"]) - 1 == figures.counts.failed
    head, *alarms = sheets["Alarms"]
    assert [row[head.index("Causes")] for row in alarms] == [4, 3, 2, 1]  # not the one of two days before
    assert alarms[0][head.index("By")] == "Operator"
    assert alarms[0][head.index("Open for")] == timedelta(hours=25, minutes=1)


def test_it_looks_like_a_report(days: Days, tmp_path: Path) -> None:
    path = _write(days.store, tmp_path / "report.xlsx", days.first, days.last)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        media = [name for name in names if name.startswith("xl/media/")]
        charts = [archive.read(name).decode() for name in names if name.startswith("xl/charts/chart")]
        pictures = [cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR) for name in media]
        sheet_of_defects = archive.read("xl/worksheets/sheet7.xml").decode()
    failed = len(_read(path)["Defects"]) - 1
    assert len(media) == failed
    assert {picture.shape for picture in pictures} == {(120, 160, 3)}
    # A part with a region has it outlined in red, on a picture that has no red of its own.
    red = [picture[..., 2].astype(int) - picture[..., 1] > 60 for picture in pictures]
    assert sum(found.any() for found in red) == sum(bool(row[5]) for row in _read(path)["Defects"][1:])
    assert "<drawing " in sheet_of_defects

    assert len(charts) == 11
    assert sum('<smooth val="0"' in chart or '<c:smooth val="0"' in chart for chart in charts) == 4
    assert not any('smooth val="1"' in chart for chart in charts)

    book = openpyxl.load_workbook(path, read_only=False, rich_text=False)
    for sheet in book.worksheets:
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage and sheet.page_setup.fitToWidth == 1
    for name in ("Defects", "Inspections", "Alarms"):
        assert book[name].freeze_panes == "A2"
        assert book[name].auto_filter.ref == f"A1:{book[name].dimensions.split(':')[1]}"
        assert book[name].print_title_rows in ("1:1", "$1:$1")
    cells = {cell.value: cell for cell in book["Inspections"]["C"][1:]}
    assert {name: cell.font.color.rgb[2:] for name, cell in cells.items()} == {
        "PASS": "1B7F52", "FAIL": "C62F2C", "RETEST": "9A6200", "ERROR": "56616B"
    }  # fmt: skip
    assert book["Inspections"]["A2"].number_format == "yyyy-mm-dd hh:mm:ss"
    assert book["Summary"]["L7"].number_format == "0.0%"
    assert book.properties.creator == "Linesight"


def test_an_empty_period_says_so(store: Store, tmp_path: Path) -> None:
    sheets = _read(_write(store, tmp_path / "report.xlsx"))
    assert list(sheets) == [
        "Summary", "By hour", "Breakdown", "Control chart", "Plan", "Defects", "Reviews", "Models", "Inspections",
        "Alarms",
    ]  # fmt: skip
    assert sheets["Summary"][4][1] == "No part was inspected in this period."
    assert sheets["Summary"][6][1:13:2] == (0, 0, 0, 0, 0, "\u2013")
    assert sheets["Inspections"][2][0] == "No part was inspected in this period."
    assert sheets["Defects"][2][0] == "No part failed in this period."
    assert sheets["Alarms"][2][0] == "There was no alarm in this period."


NASTY = [
    "=1+1", "=HYPERLINK(\"http://x\",\"y\")", "+1", "-1", "@SUM(A1)", "\t=1", "#N/A", "TRUE", "0012", "1e5",
    "a\x00b\x07\x1b", "\ud800 half", "\uffff", "_x0041_",
    " spaced ", "line\nbreak", "<b>&amp;</b>", "\U0001f529 \u68c0", "x" * 40_000,
]  # fmt: skip


def test_texts_stay_texts(store: Store, tmp_path: Path) -> None:
    start = datetime(2026, 11, 22, 10, tzinfo=UTC)
    for number, text in enumerate(NASTY):
        row = inspection(
            number, captured_at=start + timedelta(seconds=number), part_id=text, reason=text, product=text[:60]
        )
        store.add_inspection(row)
    path = _write(store, tmp_path / "report.xlsx")
    with zipfile.ZipFile(path) as archive:
        assert not any("<f>" in archive.read(name).decode() for name in archive.namelist() if "/sheet" in name)
    book = openpyxl.load_workbook(path, read_only=True)
    sheet = book["Inspections"]
    cells = [(row[1], row[6]) for row in sheet.iter_rows(min_row=2)]
    changed = {
        "a\x00b\x07\x1b": "a\u2400b\u2407\u241b",
        "\ud800 half": "? half", "\uffff": "\ufffd", "_x0041_": "_x005F_x0041_",
        "x" * 40_000: "x" * 32_767,
    }  # fmt: skip
    for (part, reason), text in zip(cells, NASTY, strict=True):
        for cell in (part, reason):
            assert cell.value == changed.get(text, text)
            assert cell.data_type == "s"
    assert [cell.style_array.quotePrefix for cell, _ in cells[:6]] == [1] * 6
    book.close()


def test_thumbnails_only_of_the_newest_and_words_where_there_is_none(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "THUMBNAILS", 3)
    ok, data = cv2.imencode(".png", np.full((900, 300, 3), 90, np.uint8))
    assert ok
    start = datetime(2026, 11, 22, 10, tzinfo=UTC)
    contents = [data.tobytes(), data.tobytes(), b"no picture", b""]
    for number, content in enumerate(contents):
        row = inspection(number, Verdict.FAIL, captured_at=start + timedelta(seconds=number))
        place = store.save_image(row.id, row.captured_at, content, ".png")[0] if content else ""
        store.add_inspection(inspection(number, Verdict.FAIL, id=row.id, captured_at=row.captured_at, image_path=place))
    path = _write(store, tmp_path / "report.xlsx")
    assert [row[0] for row in _read(path)["Defects"][1:]] == [
        "The picture was not kept: the disk was full.", "The picture is missing or damaged.", None, None
    ]  # fmt: skip
    with zipfile.ZipFile(path) as archive:
        media = [name for name in archive.namelist() if name.startswith("xl/media/")]
        assert len(media) == 1
        assert cv2.imdecode(np.frombuffer(archive.read(media[0]), np.uint8), 1).shape == (120, 40, 3)


def test_more_rows_than_a_sheet_holds(days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_SHEET_ROWS", 80)
    sheets = _read(_write(days.store, tmp_path / "report.xlsx", days.first, days.last))
    assert list(sheets)[9:] == ["Inspections", "Inspections 2", "Inspections 3", "Alarms"]
    total = sheets["Summary"][6][1]
    assert [len(sheets[name]) - 1 for name in list(sheets)[9:12]] == [80, 80, total - 160]


def test_parts_recorded_meanwhile_are_in_all_sheets_or_in_none(days: Days, tmp_path: Path) -> None:
    added = []

    def step(fraction: float, words: str) -> None:
        captured = datetime(2026, 10, 27, 1, tzinfo=UTC) + timedelta(seconds=len(added))
        added.append(inspection(len(added), captured_at=captured))
        days.store.add_inspection(added[-1])

    sheets = _read(_write(days.store, tmp_path / "report.xlsx", days.first, days.last, step=step))
    assert sheets["Summary"][6][1] == sheets["By hour"][-1][1] == len(sheets["Inspections"]) - 1
    assert added


def test_progress_rises_to_one(days: Days, tmp_path: Path) -> None:
    steps: list[tuple[float, str]] = []
    _write(days.store, tmp_path / "report.xlsx", days.first, days.last, step=lambda *step: steps.append(step))
    fractions = [fraction for fraction, _ in steps]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert all(words for _, words in steps)


@pytest.mark.parametrize("stop_at", [0.0, 0.3, 0.7, 0.9])
def test_stopping_leaves_the_old_report_and_nothing_else(
    days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: float
) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    out = tmp_path / "reports" / "report.xlsx"
    out.parent.mkdir()
    out.write_bytes(b"yesterday's")

    def step(fraction: float, words: str) -> None:
        if fraction >= stop_at:
            raise Cancelled("Report was stopped.")

    with pytest.raises(Cancelled):
        _write(days.store, out, days.first, days.last, step=step)
    assert out.read_bytes() == b"yesterday's"
    assert os.listdir(out.parent) == ["report.xlsx"]
    assert os.listdir(scratch) == []


def _a_folder(tmp_path: Path) -> Path:
    (tmp_path / "report.xlsx").mkdir()
    return tmp_path / "report.xlsx"


def _below_a_file(tmp_path: Path) -> Path:
    (tmp_path / "file").touch()
    return tmp_path / "file" / "report.xlsx"


@pytest.mark.parametrize("place", [_a_folder, _below_a_file])
def test_a_place_that_can_not_be_written_is_named(store: Store, tmp_path: Path, place: Callable[[Path], Path]) -> None:
    out = place(tmp_path)
    with pytest.raises(LinesightError, match=r"Choose another|give a file's name") as caught:
        _write(store, out)
    assert str(out) in str(caught.value)


def test_a_file_that_is_open_elsewhere_is_named(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses to replace a file that Excel has open; here the system's refusal is made up."""

    def refuse(source: object, target: object) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(os, "replace", refuse)
    out = tmp_path / "out" / "report.xlsx"
    with pytest.raises(LinesightError, match="open in another program"):
        _write(store, out)
    assert os.listdir(out.parent) == []


def test_the_folder_is_made_and_an_old_report_replaced(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "report.xlsx"
    assert _write(store, out) == out
    before = out.read_bytes()
    store.add_inspection(inspection())
    _write(store, out)
    assert out.read_bytes() != before
    assert os.listdir(out.parent) == ["report.xlsx"]


def test_an_impossible_period_is_refused_before_anything_is_written(store: Store, tmp_path: Path) -> None:
    with pytest.raises(LinesightError, match="before it begins"):
        _write(store, tmp_path / "out" / "report.xlsx", DAY, DAY - timedelta(days=1))
    assert not (tmp_path / "out").exists()
