"""The records, the storage and the audit log on the screen, on a real record."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from app.domain.inspection import Inspection
from app.domain.person import Action
from app.domain.records import Review
from app.domain.retention import RetentionRule
from app.domain.verdict import Verdict
from app.pictures import encode_png
from app.reports.part_words import why
from app.searching import PAGE
from tests.store.samples import SCRATCH, inspection
from tests.ui.fake_station import FakeStation, draw_plate
from tests.ui.test_layout import check
from ui.records.view import RecordsView
from ui.window import Window

NOW = datetime.now(UTC)


def click(qtbot: QtBot, widget: QWidget) -> None:
    """A click; what has to be scrolled to is scrolled to."""
    QApplication.processEvents()  # what has just been shown is laid out
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget)
        above = above.parentWidget()
    QApplication.processEvents()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def add(station: FakeStation, minutes: float, verdict: Verdict = Verdict.PASS, **changes: object) -> Inspection:
    one = inspection(0, verdict, captured_at=NOW - timedelta(minutes=minutes), **changes)  # type: ignore[arg-type]
    station.store.add_inspection(one)
    return one


def with_picture(
    station: FakeStation, minutes: float, verdict: Verdict = Verdict.PASS, **changes: object
) -> Inspection:
    one = inspection(0, verdict, captured_at=NOW - timedelta(minutes=minutes), **changes)  # type: ignore[arg-type]
    image = draw_plate(3, verdict is not Verdict.PASS)
    path, digest = station.store.save_image(one.id, one.captured_at, encode_png(image), ".png")
    station.pictures[path] = image
    one = replace(one, image_path=path, image_sha256=digest)
    station.store.add_inspection(one)
    return one


def records(qtbot: QtBot, window: Window) -> RecordsView:
    window.go("reports")
    click(qtbot, window.spaces.reports.view.button("records"))
    assert window.spaces.reports.records is not None
    return window.spaces.reports.records


def told(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel) if one.isVisibleTo(widget))


def test_an_empty_record_says_what_the_place_is_for(qtbot: QtBot, window: Window) -> None:
    view = records(qtbot, window)
    qtbot.waitUntil(lambda: "No part is like this" in view.results.words)
    click(qtbot, view.period.button("all"))
    qtbot.waitUntil(lambda: "Every part that is inspected is kept here" in view.results.words)


def test_searching_by_code_and_choices(qtbot: QtBot, station: FakeStation, window: Window) -> None:
    for number in range(20):
        add(
            station,
            number,
            Verdict.FAIL if number % 4 == 0 else Verdict.PASS,
            serial=f"SN-{number:02d}",
            product=("Plate", "Cover")[number % 2],
            operator=("Anna", "")[number % 2],
            regions=(SCRATCH,) if number % 4 == 0 else (),
        )
    add(station, 60 * 24 * 40, serial="SN-OLD")
    view = records(qtbot, window)
    qtbot.waitUntil(lambda: view.count.text() == "20 parts, newest first")
    qtbot.waitUntil(lambda: view.product.count() == 3)
    assert [view.product.itemText(at) for at in range(3)] == ["All products", "Cover", "Plate"]
    assert view.type.itemText(1) == "scratch" and view.inspector.itemText(1) == "Anna"
    view.verdict.setCurrentIndex(view.verdict.findData("FAIL"))
    qtbot.waitUntil(lambda: len(view.results.parts) == 5)
    view.product.setCurrentIndex(view.product.findData("Cover"))
    qtbot.waitUntil(lambda: view.count.text() == "0 parts, newest first")
    click(qtbot, view.clear)
    qtbot.waitUntil(lambda: len(view.results.parts) == 20)
    qtbot.keyClicks(view.code, "SN-1")
    qtbot.waitUntil(lambda: len(view.results.parts) == 10)
    view.take_code("SN-OLD")  # a scan looks through all of the record
    qtbot.waitUntil(lambda: [one.serial for one in view.results.parts] == ["SN-OLD"])


def test_scrolling_reads_on_while_new_parts_come(qtbot: QtBot, station: FakeStation, window: Window) -> None:
    for number in range(2 * PAGE + 10):
        add(station, number, part_id=f"{number:04d}")
    view = records(qtbot, window)
    qtbot.waitUntil(lambda: len(view.results.parts) == PAGE)
    add(station, -1, part_id="new")
    bar = view.results.verticalScrollBar()
    for count in (2 * PAGE, 2 * PAGE + 10):
        bar.setValue(bar.maximum())
        qtbot.waitUntil(lambda count=count: len(view.results.parts) == count)  # type: ignore[misc]
    assert [one.part_id for one in view.results.parts] == [f"{number:04d}" for number in range(2 * PAGE + 10)]


def test_a_tap_opens_everything_about_a_part(
    qtbot: QtBot, station: FakeStation, window: Window, tmp_path: Path
) -> None:
    before = add(station, 500, serial="SN-7")
    part = with_picture(
        station,
        1,
        serial="SN-7",
        lot="L3",
        operator="Anna",
        camera=json.dumps({"kind": "usb", "address": "usb:0", "width": 1280, "exposure": -6.5}),
        outputs=json.dumps({"light": "green"}),
    )
    station.store.add_review(Review(part.id, NOW, "Ben", Verdict.FAIL, "scratch", "seen later"))
    view = records(qtbot, window)
    qtbot.waitUntil(lambda: len(view.results.parts) == 2)
    qtbot.mouseClick(
        view.results.viewport(), Qt.MouseButton.LeftButton, pos=view.results.rect_of(0).center() + QPoint(0, 0)
    )
    page = window.spaces.part
    qtbot.waitUntil(lambda: page.file is not None and window.place == "part")
    assert (
        page.why.text() == "Passed: its score 0.310 is below the threshold 0.610 and below 0.550, where doubt begins."
    )
    qtbot.waitUntil(lambda: "The same serial" in told(page.area.widget()))
    words = told(page.area.widget())
    for fact in (
        "SN-7",
        "L3",
        "Anna",
        "plate@3",
        "Unchanged",
        "exposure -6.5",
        "light: green",
        "Ben reviewed it: FAIL",
    ):
        assert fact in words, fact
    qtbot.waitUntil(lambda: page.picture.isVisible() and page.picture.painted_picture is not None)
    qtbot.waitUntil(lambda: "no longer at this station" in page.map_words.text())
    page.export_to(tmp_path / "part.zip")
    qtbot.waitUntil(lambda: page.words.text().startswith("Saved"))
    assert zipfile.is_zipfile(tmp_path / "part.zip")
    (earlier,) = [one for one in page.area.widget().findChildren(QPushButton) if one.text().startswith("PASS, ")]
    click(qtbot, earlier)
    qtbot.waitUntil(lambda: page.file is not None and page.file.inspection.id == before.id)
    click(qtbot, page.back)
    assert window.place == "reports" and window.spaces.reports.view.value() == "records"


def test_a_changed_picture_is_said(qtbot: QtBot, station: FakeStation, window: Window) -> None:
    part = with_picture(station, 1)
    station.store.image_file(part.image_path).write_bytes(encode_png(draw_plate(9, True)))
    window.show_part(part.id)
    qtbot.waitUntil(lambda: "was changed after the inspection" in window.spaces.part.words.text())


def test_a_deleted_picture_names_its_rule(qtbot: QtBot, station: FakeStation, window: Window) -> None:
    part = with_picture(station, 60 * 24 * 40)
    plan = station.keeping.plan_retention(RetentionRule(pass_days=30)).result(20)
    station.keeping.apply_retention(plan).result(20)
    window.show_part(part.id)
    qtbot.waitUntil(lambda: window.spaces.part.file is not None)
    qtbot.waitUntil(lambda: "PASS 30 days" in told(window.spaces.part.area.widget()))
    assert not window.spaces.part.picture.isVisible() and "Deleted by the rules" in window.spaces.part.no_picture.text()


def test_the_live_strip_leads_to_all_about_a_part(qtbot: QtBot, station: FakeStation, window: Window) -> None:
    shown = station.inspect(0.9).inspection
    assert shown is not None
    station.store.add_inspection(shown)
    qtbot.waitUntil(window.live.strip.tiles[0].isVisible)
    click(qtbot, window.live.strip.tiles[0])
    click(qtbot, window.live.sheet.all)
    qtbot.waitUntil(lambda: window.spaces.part.file is not None and window.spaces.part.file.inspection.id == shown.id)
    click(qtbot, window.spaces.part.back)
    assert window.place == "live"


@pytest.mark.parametrize(
    ("verdict", "score", "reason", "words"),
    [
        (Verdict.FAIL, 0.7, "", "Failed: its score 0.700 reaches the threshold 0.610."),
        (
            Verdict.FAIL,
            0.2,
            "bolt 2: missing",
            "Failed by another rule than the score (0.200, threshold 0.610): bolt 2: missing.",
        ),
        (Verdict.RETEST, 0.58, "", "Retest: its score 0.580 lies between 0.550 and the threshold 0.610."),
        (
            Verdict.RETEST,
            0.2,
            "the picture is too dark",
            "Retest by another rule than the score (0.200, threshold 0.610): the picture is too dark.",
        ),
        (Verdict.ERROR, None, "", "ERROR: the detector failed"),
    ],
)
def test_why_a_part_got_its_verdict(verdict: Verdict, score: float | None, reason: str, words: str) -> None:
    assert why(inspection(0, verdict, score=score, reason=reason, error="the detector failed")) == words


def test_storage_shows_what_would_go_before_it_goes(qtbot: QtBot, station: FakeStation, window: Window) -> None:
    old, new = with_picture(station, 60 * 24 * 40), with_picture(station, 1)
    window.go("setup")
    window.spaces.setup.open("storage")
    page = window.spaces.setup.storage
    qtbot.waitUntil(lambda: "2 files" in told(page))
    page.passes.setCurrentIndex(page.passes.findData(30))
    click(qtbot, page.preview)
    qtbot.waitUntil(lambda: "Would delete 1 picture" in page.rule_words.text())
    assert page.delete.text() == "Delete 1 picture for good" and station.store.image_file(old.image_path).exists()
    page.rejects.setCurrentIndex(2)  # another rule: what was shown counts no more
    assert not page.delete.isVisible()
    page.rejects.setCurrentIndex(0)
    click(qtbot, page.preview)
    qtbot.waitUntil(page.delete.isVisible)
    click(qtbot, page.delete)
    qtbot.waitUntil(lambda: "Deleted: 1 picture." in page.rule_words.text())
    assert not station.store.image_file(old.image_path).exists() and station.store.image_file(new.image_path).exists()
    click(qtbot, page.by_itself.button("on"))
    click(qtbot, page.save_rule)
    qtbot.waitUntil(lambda: page.rule_words.text().startswith("Saved."))
    assert station.settings.keep_pass_days == 30 and station.settings.tidy_by_itself


def test_backing_up_and_asking_to_restore(qtbot: QtBot, station: FakeStation, window: Window, tmp_path: Path) -> None:
    add(station, 1)
    window.go("setup")
    window.spaces.setup.open("storage")
    page = window.spaces.setup.storage
    qtbot.waitUntil(lambda: "There is no backup yet" in page.last.text())
    page.back_up_to(tmp_path / "b.zip")
    qtbot.waitUntil(lambda: "1 inspection," in page.backup_words.text())
    qtbot.waitUntil(lambda: "Last backup today" in page.last.text())
    page.ask_restore(tmp_path / "b.zip")
    assert page.really.isVisible() and station.keeping.restore_wanted is None
    with qtbot.waitSignal(window.closing):
        click(qtbot, page.really)
    assert station.keeping.restore_wanted == tmp_path / "b.zip"


def test_the_audit_log_is_shown_and_verified_in_words(qtbot: QtBot, station: FakeStation, window: Window) -> None:
    for number in range(3):
        station.store.note(Action.EXPORT, f"file {number}", '{"rows": 5}', by="Anna", at=NOW)
    window.go("setup")
    window.spaces.setup.open("audit")
    page = window.spaces.setup.audit
    qtbot.waitUntil(lambda: page.table.rowCount() == 3)
    assert [page.table.item(0, at).text() for at in (0, 2, 3, 4, 5)] == ["3", "Anna", "export", "file 2", "rows 5"]
    click(qtbot, page.verify)
    qtbot.waitUntil(lambda: "whole: 3 rows" in page.words.text())
    with closing(sqlite3.connect(station.data.database)) as file:
        file.execute("DROP TRIGGER IF EXISTS audit_unchanged")
        for (name,) in file.execute(
            "SELECT name FROM sqlite_schema WHERE type='trigger' AND tbl_name='audit'"
        ).fetchall():
            file.execute(f"DROP TRIGGER {name}")
        file.execute("UPDATE audit SET person = 'Ben' WHERE seq = 2")
        file.commit()
    click(qtbot, page.verify)
    qtbot.waitUntil(lambda: "broken: row 2 was changed" in page.words.text())


@pytest.mark.parametrize("size", [(1024, 700), (1280, 800), (1920, 1080)])
def test_nothing_is_cut_off_on_the_new_pages(
    qtbot: QtBot, station: FakeStation, window: Window, size: tuple[int, int]
) -> None:
    window.resize(*size)
    part = with_picture(station, 1, Verdict.FAIL, serial="SN-7", lot="L3", operator="Anna")
    view = records(qtbot, window)
    qtbot.waitUntil(lambda: len(view.results.parts) == 1)
    check(window, "records")
    window.show_part(part.id)
    qtbot.waitUntil(lambda: "no longer at this station" in window.spaces.part.map_words.text())
    check(window, "part")
    window.go("setup")
    for key in ("people", "storage", "audit"):
        window.spaces.setup.open(key)
        if key == "storage":
            qtbot.waitUntil(lambda: "files" in told(window.spaces.setup.storage))
        check(window, key)
