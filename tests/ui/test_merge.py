"""Five inspectors' spreadsheets merged on the screen by mouse, keys and drop, through the real desk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.domain.errors import Cancelled
from app.reports.merge.words import FIELDS as MERGED_FIELDS
from tests.reports.merge.writing import xlsx
from tests.ui.fake_station import FakeStation
from tests.ui.spreadsheets import broken, five_inspectors
from tests.ui.test_layout import check
from ui.app import application
from ui.bridge import Bridge
from ui.reports import ReportsPage
from ui.reports.merge import MergeView
from ui.reports.merge.view import COLUMNS, DUPLICATES, FILES
from ui.reports.merge.words import EXTRA, FIELDS, sum_words
from ui.theme import current
from ui.window import Window

# Without a window manager an open drop-down list can't keep the keys to itself.
pytestmark = pytest.mark.qt_log_ignore("does not support grabbing the keyboard", extend=True)


def click(widget: QPushButton) -> None:
    QApplication.processEvents()  # what was just made is laid out now
    assert widget.isVisible() and widget.isEnabled(), widget.text()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def drop(page: ReportsPage, files: list[Path]) -> None:
    """Drags files over the page and lets them go."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(300, 300), copy, data, left, none)
    QApplication.sendEvent(page, enter)
    assert enter.isAccepted()
    event = QDropEvent(QPointF(300, 300), copy, data, left, none)
    QApplication.sendEvent(page, event)
    assert event.isAccepted()


@pytest.fixture
def page(qtbot: QtBot, station: FakeStation) -> Iterator[ReportsPage]:
    """The place alone, as large as it is in a window of 1280 x 800."""
    application(station)
    bridge = Bridge(station)
    made = ReportsPage(bridge)
    qtbot.addWidget(made)
    made.resize(1192, 668)
    current().dress(made)
    made.show()
    yield made
    made.close_page()
    bridge.close()


@pytest.fixture
def merge(page: ReportsPage) -> MergeView:
    return opened(page)


def opened(page: ReportsPage) -> MergeView:
    click(page.view.button("merge"))
    assert page.merge is not None
    return page.merge


@pytest.fixture
def read(qtbot: QtBot, page: ReportsPage) -> Callable[[list[Path]], None]:
    """Drops files and waits until they are read."""
    return lambda files: drop_and_wait(qtbot, page, files)


def drop_and_wait(qtbot: QtBot, page: ReportsPage, files: list[Path]) -> None:
    drop(page, files)
    merge = page.merge
    assert merge is not None
    qtbot.waitUntil(lambda: not merge.busy and not merge.stale, timeout=20_000)


Read = Callable[[list[Path]], None]


def sum_is_right(merge: MergeView, merged: int, duplicates: int, aside: int) -> None:
    """The sum on the screen, and that it adds up."""
    total = merged + duplicates + aside
    words = "duplicate" if duplicates == 1 else "duplicates"
    assert merge.said.text() == f"{total} rows read = {merged} merged + {duplicates} {words} + {aside} set aside"


def settled(qtbot: QtBot, merge: MergeView) -> None:
    qtbot.waitUntil(lambda: not merge.busy, timeout=20_000)


def choose(merge: MergeView, column: str, field: str) -> None:
    """Opens a column's list with the keyboard and takes a field, as a person at the keys does."""
    combo = merge.columns.combos[column]
    merge.columns.area.ensureWidgetVisible(combo)
    combo.setFocus()
    before = combo.currentData()
    QTest.keyClick(combo, Qt.Key.Key_Down)
    view = combo.view()
    assert view.isVisible() and combo.currentData() == before
    row = combo.findData(field)
    view.setCurrentIndex(combo.model().index(row, 0))
    QTest.keyClick(view, Qt.Key.Key_Return)


def open_table(merge: MergeView, name: str) -> None:
    row = next(n for n, each in enumerate(merge.columns.tables) if each.path.name == name)
    item = merge.columns.list.item(row)
    merge.columns.list.scrollToItem(item)
    centre = merge.columns.list.visualItemRect(item).center()
    QTest.mouseClick(merge.columns.list.viewport(), Qt.MouseButton.LeftButton, pos=centre)


def merged_rows(file: Path, sheet: str = "Merged") -> list[dict[str, object]]:
    book = load_workbook(file, read_only=True)
    try:
        head, *rows = book[sheet].iter_rows(values_only=True)
    finally:
        book.close()
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def test_every_field_has_a_name_for_people() -> None:
    assert set(FIELDS) == {*MERGED_FIELDS, EXTRA}
    assert len(set(FIELDS.values())) == len(FIELDS)


def test_the_empty_place_says_what_to_do(merge: MergeView) -> None:
    assert merge.files.empty.isVisible()
    assert merge.primary.text() == "Choose spreadsheets" and merge.primary.isEnabled()
    assert not any(merge.steps[step].isEnabled() for step in (COLUMNS, DUPLICATES))
    click(merge.primary)
    dialog = merge.findChild(QFileDialog)
    assert dialog is not None and dialog.isVisible()
    dialog.reject()


@pytest.mark.parametrize(
    ("theme", "size"),
    [("dark", (1024, 700)), ("dark", (1280, 800)), ("light", (1280, 800)), ("light", (1920, 1080))],
)
def test_a_whole_day_from_drop_to_workbook(
    qtbot: QtBot,
    station: FakeStation,
    window: Window,
    tmp_path: Path,
    theme: str,
    size: tuple[int, int],
) -> None:
    station.save_settings(theme=theme)
    application(station)
    window.resize(*size)
    window.go("reports")
    merge = opened(window.spaces.reports)
    check(window, "empty")
    drop_and_wait(qtbot, window.spaces.reports, [*five_inspectors(tmp_path / "in"), broken(tmp_path)])
    assert merge.said.text() == "25 rows read from 5 files; 1 file can't be read"
    assert [line.rows.text() for line in merge.files.lines][:2] == ["not read", "8 rows"]
    assert merge.files.lines[0].words.text() == "Frank.xlsx is no spreadsheet. Save the table as .xlsx, .ods or .csv."
    assert merge.files.lines[1].words.text() == "Early shift: 5 rows, Rework: 3 rows"
    check(window, "files")
    click(merge.primary)
    assert merge.stack.currentIndex() == COLUMNS
    check(window, "columns")
    click(merge.primary)
    assert merge.stack.currentIndex() == DUPLICATES
    sum_is_right(merge, 20, 3, 2)
    for view in ("conflicts", "aside", "notes", "duplicates"):
        click(merge.duplicates.view.button(view))
        check(window, view)
    click(merge.primary)
    qtbot.waitUntil(lambda: merge.toast.isVisible(), timeout=20_000)
    file = merge.file
    assert file is not None and file.parent == station.data.reports and file.exists()
    assert str(file) in merge.toast.words.text() and merge.toast.action.text() == "Open folder"
    assert merge.rect().contains(merge.toast.geometry())
    assert not merge.toast.geometry().intersects(merge.primary.geometry())
    assert len(merged_rows(file)) == 20
    assert len(merged_rows(file, "Duplicates")) == 3 and len(merged_rows(file, "Set aside")) == 2


def test_a_bad_file_is_taken_out_and_the_rest_stays(qtbot: QtBot, window: Window, tmp_path: Path) -> None:
    window.move(-400, 0)  # a tap on what scrolls needs its place on the screen, and the one off screen is narrow
    window.go("reports")
    merge = opened(window.spaces.reports)
    files = five_inspectors(tmp_path)
    drop_and_wait(qtbot, window.spaces.reports, [broken(tmp_path)])
    assert not merge.primary.isEnabled() and not merge.steps[COLUMNS].isEnabled()
    drop_and_wait(qtbot, window.spaces.reports, files)
    bad = merge.files.lines[0]
    assert bad.path.name == "Frank.xlsx"
    click(bad.take_out)
    qtbot.waitUntil(lambda: [line.path for line in merge.files.lines] == files)
    qtbot.waitUntil(lambda: merge.said.text() == "25 rows read from 5 files")
    while merge.files.lines:
        qtbot.waitUntil(lambda: not merge.busy and merge.files.lines[0].take_out.isVisible())
        count = len(merge.files.lines)
        click(merge.files.lines[0].take_out)
        qtbot.waitUntil(lambda count=count: len(merge.files.lines) < count)  # type: ignore[misc]
    qtbot.waitUntil(lambda: not merge.busy)
    assert merge.files.empty.isVisible() and merge.primary.text() == "Choose spreadsheets"


def test_a_file_dropped_twice_is_merged_once_and_a_folder_is_its_spreadsheets(
    merge: MergeView, read: Read, tmp_path: Path
) -> None:
    files = five_inspectors(tmp_path / "in")
    (tmp_path / "in" / "notes.docx").write_bytes(b"PK")
    (tmp_path / "in" / "~$Dario.xlsx").write_bytes(b"locked")
    read([files[0]])
    read([tmp_path / "in", files[0]])
    assert sorted(line.path for line in merge.files.lines) == sorted(files)
    assert merge.said.text() == "25 rows read from 5 files"


def test_a_drop_on_the_figures_opens_the_merge(qtbot: QtBot, page: ReportsPage, tmp_path: Path) -> None:
    assert page.merge is None  # nothing is loaded for those who merge nothing
    drop(page, five_inspectors(tmp_path))
    merge = page.merge
    assert merge is not None and merge.isVisible()
    qtbot.waitUntil(lambda: merge.findings is not None, timeout=20_000)
    settled(qtbot, merge)
    assert page.view.value() == "merge"


def test_a_tap_keeps_a_duplicate_and_another_tap_lets_it_go(
    qtbot: QtBot, merge: MergeView, read: Read, tmp_path: Path
) -> None:
    read(five_inspectors(tmp_path))
    merge.go(DUPLICATES)
    entries = merge.duplicates.list
    assert "AB-1002" in entries.entries[0].blocks[0][0] and "Jörg" in entries.entries[0].blocks[0][1]
    assert "Anna" in entries.entries[0].blocks[1][1] and "same part" in entries.entries[0].foot

    def tap(index: int) -> None:
        QTest.mouseClick(entries.viewport(), Qt.MouseButton.LeftButton, pos=entries.area_of(index).center())

    tap(0)
    sum_is_right(merge, 21, 2, 2)
    assert merge.duplicates.view.button("duplicates").text() == "Duplicates  2, 1 kept"
    tap(0)
    sum_is_right(merge, 20, 3, 2)
    entries.setFocus()
    QTest.keyClick(entries, Qt.Key.Key_Down)
    QTest.keyClick(entries, Qt.Key.Key_Return)
    sum_is_right(merge, 21, 2, 2)
    click(merge.primary)
    settled(qtbot, merge)
    assert merge.file is not None
    rows = [row for row in merged_rows(merge.file) if row["part"] == "AB-1011"]
    assert len(rows) == 2 and any("kept by hand" in str(row["merge_note"]) for row in rows)
    before = merge.file
    click(merge.primary)  # a second one stands beside the first
    settled(qtbot, merge)
    assert merge.file != before and before.exists()


def test_going_back_loses_nothing(qtbot: QtBot, merge: MergeView, read: Read, tmp_path: Path) -> None:
    files = five_inspectors(tmp_path)
    read(files)
    merge.go(DUPLICATES)
    QTest.keyClick(merge.duplicates.list, Qt.Key.Key_Return)
    sum_is_right(merge, 21, 2, 2)
    click(merge.back)
    open_table(merge, "Dario.xlsx")
    choose(merge, "Zettel", "batch")
    click(merge.back)
    assert merge.stack.currentIndex() == FILES
    late = xlsx(tmp_path / "Late.xlsx", ("Log", [["Part", "Date", "Result"], ["AB-2000", "2026-11-24", "ok"]]))
    read([late])
    merge.go(DUPLICATES)
    settled(qtbot, merge)
    sum_is_right(merge, 22, 2, 2)
    assert len(merge.duplicates.list.marked) == 1
    merge.go(COLUMNS)
    open_table(merge, "Dario.xlsx")
    assert merge.columns.combos["Zettel"].currentData() == "batch"


def test_corrected_columns_hold_and_are_remembered_for_tomorrow(
    qtbot: QtBot, station: FakeStation, merge: MergeView, read: Read, tmp_path: Path
) -> None:
    rows = [
        ["Kasten", "Ding", "When", "Result"],
        ["K1", "AB-1", "2026-11-24", "ok"],
        ["K2", "AB-2", "2026-11-24", "nok"],
    ]
    today = xlsx(tmp_path / "Gina 2026-11-24.xlsx", ("24.11.", rows))
    read([today])
    merge.go(COLUMNS)
    table = merge.columns.tables[0]
    before = {column.name: column.field for column in table.columns}
    assert EXTRA in before.values()
    choose(merge, "Kasten", "serial")
    choose(merge, "Ding", "part")
    assert merge.columns.combos["Kasten"].currentData() == "serial"
    assert merge.said.text() == "Corrections are counted at the next step."
    click(merge.primary)
    settled(qtbot, merge)
    assert merge.stack.currentIndex() == DUPLICATES
    sum_is_right(merge, 2, 0, 0)
    found = {column.name: column.field for column in merge.columns.tables[0].columns}
    assert found["Kasten"] == "serial" and found["Ding"] == "part"
    assert station.merging.columns_file.exists()
    tomorrow = tmp_path / "Gina 2026-11-25.xlsx"
    today.rename(tomorrow)
    bridge = Bridge(station)
    fresh = MergeView(bridge)  # as after a new start: only the file knows
    qtbot.addWidget(fresh)
    fresh.add_files([tomorrow])
    qtbot.waitUntil(lambda: not fresh.busy and not fresh.stale, timeout=20_000)
    found = {column.name: column.field for column in fresh.columns.tables[0].columns}
    assert found["Kasten"] == "serial" and found["Ding"] == "part"
    fresh.close_view()
    bridge.close()


def test_a_field_that_is_given_away_leaves_its_column(merge: MergeView, read: Read, tmp_path: Path) -> None:
    read(five_inspectors(tmp_path))
    merge.go(COLUMNS)
    open_table(merge, "Eve.csv")
    assert merge.columns.combos["Part"].currentData() == "part"
    choose(merge, "Inspector", "part")
    assert merge.columns.combos["Part"].currentData() == EXTRA
    open_table(merge, "Claire.ods")
    choose(merge, "N° pièce", "remark")  # several columns may be remarks
    assert merge.columns.combos["Remarque"].currentData() == "remark"


def test_a_table_without_a_part_says_what_to_do(qtbot: QtBot, merge: MergeView, read: Read, tmp_path: Path) -> None:
    rows = [["Colour", "Date", "Result"], *([tone, "2026-11-24", "ok"] for tone in ("red", "green", "blue"))]
    read([xlsx(tmp_path / "Hugo.xlsx", ("Log", rows))])
    merge.go(COLUMNS)
    assert merge.columns.problem.text() == (
        "No column is known as the part number. Choose which one it is. Otherwise 3 rows will be set aside."
    )
    choose(merge, "Colour", "part")
    assert not merge.columns.problem.isVisible()
    click(merge.primary)
    settled(qtbot, merge)
    sum_is_right(merge, 3, 0, 0)


def test_what_is_remembered_badly_is_said_and_kept_beside(
    qtbot: QtBot, station: FakeStation, merge: MergeView, read: Read, tmp_path: Path
) -> None:
    station.merging.columns_file.write_text('[columns]\n"Part" = "colour"\n', encoding="utf-8")
    read(five_inspectors(tmp_path))
    assert "merge-columns.toml" in merge.notice.text() and "as proposed" in merge.notice.text()
    merge.go(COLUMNS)
    open_table(merge, "Dario.xlsx")
    choose(merge, "Zettel", "batch")
    click(merge.primary)
    settled(qtbot, merge)
    kept = station.merging.columns_file.with_name("merge-columns (not usable).toml")
    assert '"Part" = "colour"' in kept.read_text(encoding="utf-8")
    assert 'Zettel = "batch"' in station.merging.columns_file.read_text(encoding="utf-8")


@pytest.fixture
def slow_reading(station: FakeStation) -> Iterator[threading.Event]:
    """The station's workers are busy until the event is set, so that a reading waits for its turn."""
    go = threading.Event()
    jobs = [station.jobs.start("Busy", lambda job: go.wait(20)) for _ in range(2)]
    yield go
    go.set()
    for job in jobs:
        job.result(20)


def test_reading_can_be_stopped_and_begun_again(
    qtbot: QtBot, page: ReportsPage, merge: MergeView, slow_reading: threading.Event, tmp_path: Path
) -> None:
    drop(page, five_inspectors(tmp_path))
    assert merge.bar.isVisible() and not merge.primary.isEnabled()
    click(merge.bar.stop)
    slow_reading.set()
    settled(qtbot, merge)
    assert merge.notice.text().startswith("Stopped.") and merge.findings is None
    assert len(merge.files.lines) == 5 and merge.primary.text() == "Read the files"
    click(merge.primary)
    settled(qtbot, merge)
    assert merge.said.text() == "25 rows read from 5 files"


def test_a_file_added_while_others_are_read_is_read_too(
    qtbot: QtBot, page: ReportsPage, merge: MergeView, slow_reading: threading.Event, tmp_path: Path
) -> None:
    files = five_inspectors(tmp_path)
    drop(page, files[:2])
    drop(page, files[2:])
    slow_reading.set()
    qtbot.waitUntil(lambda: not merge.busy and not merge.stale, timeout=20_000)
    assert merge.said.text() == "25 rows read from 5 files" and not merge.notice.isVisible()


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_lost(
    qtbot: QtBot, merge: MergeView, read: Read, tmp_path: Path
) -> None:
    files = five_inspectors(tmp_path)
    read(files)
    merge.go(DUPLICATES)
    before = files[0].read_bytes()
    merge.write(files[0])
    settled(qtbot, merge)
    assert "one of the files to be merged" in merge.notice.text() and merge.notice.kind == "bad"
    assert files[0].read_bytes() == before
    merge.write(tmp_path / "elsewhere")
    settled(qtbot, merge)
    assert merge.file == tmp_path / "elsewhere.xlsx" and not merge.notice.isVisible()


def test_save_as_proposes_a_free_name_in_the_reports_folder(
    qtbot: QtBot, station: FakeStation, merge: MergeView, read: Read, tmp_path: Path
) -> None:
    read(five_inspectors(tmp_path))
    merge.go(DUPLICATES)
    proposed = station.merging.proposed_out()
    proposed.write_bytes(b"earlier")
    click(merge.save_as)
    qtbot.waitUntil(lambda: merge.findChild(QFileDialog) is not None and merge.findChild(QFileDialog).isVisible())
    dialog = merge.findChild(QFileDialog)
    assert Path(dialog.selectedFiles()[0]) == proposed.with_name(f"{proposed.stem} (2).xlsx")
    dialog.fileSelected.emit(str(tmp_path / "mine.xlsx"))
    dialog.reject()
    settled(qtbot, merge)
    assert len(merged_rows(tmp_path / "mine.xlsx")) == 20 and proposed.read_bytes() == b"earlier"


def test_stopping_the_desk_ends_the_reading(
    station: FakeStation, slow_reading: threading.Event, tmp_path: Path
) -> None:
    job = station.merging.look(five_inspectors(tmp_path))
    job.cancel()
    slow_reading.set()
    with pytest.raises(Cancelled):
        job.result(20)


def test_the_sum_is_the_findings_own(station: FakeStation, tmp_path: Path) -> None:
    found = station.merging.look(five_inspectors(tmp_path)).result(20).findings
    assert found.rows_in == found.rows_out + len(found.duplicates) + len(found.aside) == 25
    assert sum(file.rows for file in found.files) == found.rows_in
    assert sum(rows for file in found.files for _, rows in file.sheets) == found.rows_in
    assert sum_words(found, 3) == "25 rows read = 23 merged + 0 duplicates + 2 set aside"
