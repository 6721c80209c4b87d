"""The Train workspace by mouse, keys and finger, on a real desk with two trained versions."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from app.domain.predecessor import Predecessor
from app.domain.verdict import Verdict
from app.domain.versions import JobState, TrainingJob, TrainingPlan, Turn
from app.lifecycle.predecessors import keep_predecessors
from app.lifecycle.queue import Standing, TrainingQueue
from tests.ui.conftest import area
from tests.ui.fake_station import FakeStation
from ui.shared.widgets import Button
from ui.theme import current
from ui.training.page import TrainPage
from ui.training.progress import JobLine
from ui.training.results import ResultsView
from ui.window import Window

LEFT = Qt.MouseButton.LeftButton
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
_moments = (NOW + timedelta(seconds=each) for each in itertools.count())


def click(qtbot: QtBot, widget: QWidget) -> None:
    assert widget.isVisible() and widget.isEnabled(), widget
    qtbot.mouseClick(widget, LEFT)


@pytest.fixture
def prepared(station: FakeStation, trained: Path) -> FakeStation:
    """With plate@1 and plate@2, none of which is released."""
    shutil.copytree(trained, station.data.models, dirs_exist_ok=True)
    return station


@pytest.fixture
def page(qtbot: QtBot, prepared: FakeStation, window: Window) -> TrainPage:
    """The place is shown, with the figures of plate@1."""
    window.go("train")
    page = window.spaces.train
    qtbot.waitUntil(lambda: page.versions.list.count() == 2 and page.results_card.isVisible(), timeout=20_000)
    choose(qtbot, page, "plate@1")
    return page


def choose(qtbot: QtBot, page: TrainPage, name: str) -> ResultsView:
    for place in range(page.versions.list.count()):
        item = page.versions.list.item(place)
        if item.data(256) == name:
            where = page.versions.list.visualItemRect(item).center()
            qtbot.mouseClick(page.versions.list.viewport(), LEFT, pos=where)
    qtbot.waitUntil(lambda: page.results.version is not None and page.results.version.name == name)
    return page.results


def ask(station: FakeStation, plan: TrainingPlan, standing: Standing | None = None) -> TrainingJob:
    """A training in the queue's own files, as the process beside the window leaves them."""
    moment = next(_moments)
    queue = TrainingQueue(station.data.trainings, lambda: moment)
    job = queue.add(plan, "operator")
    if standing is not None:
        queue.set_standing(job.id, standing)
    return job


def primaries(window: Window) -> list[str]:
    return [
        button.text()
        for button in window.spaces.train.findChildren(Button)
        if button.isVisible() and button.property("kind") == "primary"
    ]


def test_a_version_is_shown_with_its_figures_and_one_primary_button(
    qtbot: QtBot, page: TrainPage, window: Window
) -> None:
    results = page.results
    metrics = results.version.metrics  # type: ignore[union-attr]
    assert metrics is not None
    assert primaries(window) == ["Release v1"]
    click(qtbot, results.tabs.button("measures"))
    told = " ".join(each.text() for each in results.measures.findChildren(type(page.versions.none)))
    for name in ("Recall", "Precision", "F1", "Average precision", "ROC AUC", "misprint", "Set's fingerprint"):
        assert name in told
    assert results.version is not None and results.version.dataset_fingerprint[:16] in told
    assert results.measures.words.text() == metrics.words != ""  # so small a set is named


def test_the_dragged_threshold_tells_at_once_what_it_does_to_a_day(
    qtbot: QtBot, page: TrainPage, station: FakeStation
) -> None:
    view = page.results.threshold
    plot = view.plot
    own = plot.threshold
    assert not view.try_it.isVisible() and view.money.isHidden()
    at = plot.handle().center().toPoint()
    assert plot.handle().width() >= current().metrics.touch
    high = round(plot.at(plot.bounds()[1], 0.0).x())
    QTest.mousePress(plot.viewport(), LEFT, pos=at)
    assert plot.threshold == own  # taking hold of it moves nothing
    QTest.mouseMove(plot.viewport(), QPoint(high, at.y()))
    QTest.mouseRelease(plot.viewport(), LEFT, pos=QPoint(high, at.y()))
    # No defect reaches the highest score: all of 1000 x 5 % pass.
    assert plot.threshold > own and view.escapes.value.text() == "50" and view.rejects.value.text() == "0"
    click(qtbot, view.change)
    for editor, words in ((view.parts, "2000"), (view.escape, "40"), (view.reject, "1,5")):
        editor.setFocus()
        editor.selectAll()
        qtbot.keyClicks(editor, words)
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert view.escapes.value.text() == "100" and view.money.value.text() == "4,000 EUR"
    qtbot.waitUntil(lambda: station.settings.escape_cost == 40 and station.settings.parts_a_day == 2000)
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.threshold < plot.bounds()[1]
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert plot.threshold == own and view.own.isHidden()


def test_the_threshold_follows_a_finger(qtbot: QtBot, page: TrainPage) -> None:
    plot = page.results.threshold.plot
    own, at = plot.threshold, plot.handle().center().toPoint()
    device = QTest.createTouchDevice()
    for what, x in (("press", at.x()), ("move", at.x() + 30), ("move", at.x() + 60), ("release", at.x() + 60)):
        sequence = QTest.touchEvent(plot.viewport(), device, False)
        getattr(sequence, what)(1, QPoint(x, at.y()), plot.viewport())
        sequence.commit(True)
        QApplication.processEvents()
    assert abs(plot.at(plot.threshold, 0.0).x() - (at.x() + 60)) < 3 and plot.threshold > own


def test_a_failed_training_is_never_shown_as_trained(
    qtbot: QtBot, page: TrainPage, station: FakeStation, small_set: Path
) -> None:
    why = "7 pictures of good parts are left to learn from, at least 8 are needed: label more."
    ask(station, TrainingPlan("plate", small_set), Standing(JobState.FAILED, 1, error=why, ended_at=NOW))
    page.refresh()
    qtbot.waitUntil(page.jobs.isVisible)
    (line,) = page.jobs.lines.values()
    assert line.end.text() == f"Not trained. {why}" and line.end.kind == "bad" and not line.bar.isVisible()
    assert page.versions.list.count() == 2 and not page.said.isVisible()
    click(qtbot, line.button)
    assert not page.jobs.isVisible()


def test_several_trainings_queue_and_one_is_cancelled(
    qtbot: QtBot, page: TrainPage, station: FakeStation, small_set: Path
) -> None:
    # The place is another than this station, so that none begins beside this test.
    jobs = [ask(station, TrainingPlan("plate", small_set, where="sagemaker")) for _ in range(2)]
    page.refresh()
    qtbot.waitUntil(lambda: page.jobs.isVisible() and page.jobs.all.text() == "All 2")
    click(qtbot, page.jobs.all)  # the results make room
    qtbot.waitUntil(lambda: len(page.jobs.lines) == 2)
    assert page.jobs.lines[jobs[1].id].stage.text() == "Waits; 1 before it"
    click(qtbot, page.jobs.lines[jobs[0].id].button)
    qtbot.waitUntil(lambda: station.improving.trainings()[1].state is JobState.CANCELLED, timeout=10_000)
    qtbot.waitUntil(lambda: page.jobs.lines[jobs[0].id].end.text() == "Cancelled: no version was made.")
    assert station.improving.trainings()[0].state is JobState.QUEUED


def test_what_a_crash_cut_short_says_that_it_was_taken_up_again(qtbot: QtBot, window: Window, small_set: Path) -> None:
    plan = TrainingPlan("plate", small_set)
    job = TrainingJob("1", plan, "operator", NOW, JobState.RUNNING, "Learning", 0.4, seconds_left=41, attempts=1)
    line = JobLine(job)
    qtbot.addWidget(line)
    assert (line.stage.text(), line.left.text(), line.bar.value()) == ("Learning", "about 40 s left", 400)
    assert line.end.text() == ""
    line.tell(replace(job, attempts=2), 0)
    assert line.end.text() == "Taken up again after it was cut short."


def test_a_refused_release_needs_a_reason_and_a_name(
    qtbot: QtBot, page: TrainPage, prepared: FakeStation, small_set: Path, window: Window
) -> None:
    prepared.improving.add_golden("plate", [small_set / "normal" / "0.png"], Verdict.FAIL)  # a good part: it must fail
    results = page.results
    click(qtbot, results.primary)
    release = results.release
    qtbot.waitUntil(lambda: release.gate is not None and not results.job.busy, timeout=20_000)
    states = {check.key: check.ok for check in release.checks}
    assert states == {"file": True, "runtime": True, "golden": False, "no worse": True}
    assert results.primary.text() == "Release v1 all the same" and not results.primary.isEnabled()
    qtbot.keyClicks(release.why, "The sample is mislabelled")
    assert not results.primary.isEnabled()  # nobody has said who
    qtbot.keyClicks(release.who, "Ada")
    click(qtbot, results.primary)
    qtbot.waitUntil(lambda: bool(prepared.improving.history("plate")), timeout=20_000)
    (made,) = prepared.improving.history("plate")
    assert (made.version, made.by, made.why) == ("plate@1", "Ada", "The sample is mislabelled")
    assert len(made.overridden) == 1 and "0.png is PASS, expected FAIL" in made.overridden[0]
    qtbot.waitUntil(lambda: "released" in page.versions.list.currentItem().text())


def test_one_tap_back_releases_what_was_before(qtbot: QtBot, page: TrainPage, prepared: FakeStation) -> None:
    desk = prepared.improving
    for name in ("plate@1", "plate@2"):
        desk.release(name, why="tried on the bench", person="Ada").result(30)
    page.refresh()
    qtbot.waitUntil(page.versions.back.isVisible)
    assert page.versions.back.text() == "Back to v1"
    click(qtbot, page.versions.back)
    qtbot.waitUntil(lambda: desk.history("plate")[0].kind == "rollback")
    assert desk.history("plate")[0].version == "plate@1"
    qtbot.waitUntil(lambda: not page.versions.back.isVisible())  # before v1 there was nothing
    assert page.said.text() == "plate@1 is released again."
    assert not [call for call in prepared.calls if call[0] == "inspect_source"]  # the line inspects another product


def test_going_back_in_need_restarts_the_line_with_it(qtbot: QtBot, page: TrainPage, prepared: FakeStation) -> None:
    prepared.save_settings(product="plate", model="plate@2")
    for name in ("plate@1", "plate@2"):
        prepared.improving.release(name, why="tried on the bench", person="Ada").result(30)
    page.refresh()
    qtbot.waitUntil(page.versions.back.isVisible)
    click(qtbot, page.versions.back)
    qtbot.waitUntil(lambda: ("inspect_source", "demo", "plate", "plate") in prepared.calls)


def test_a_dragged_threshold_is_backtested_picture_by_picture(qtbot: QtBot, page: TrainPage, window: Window) -> None:
    results = page.results
    plot = results.threshold.plot
    plot.set_threshold(plot.bounds()[1])
    click(qtbot, results.threshold.try_it)
    assert results.tab == "backtest" and primaries(window) == ["Backtest"]
    click(qtbot, results.primary)
    view = results.backtest
    qtbot.waitUntil(lambda: view.found is not None, timeout=20_000)
    assert view.found is not None
    escaped = view.found.count(Turn.NEWLY_ESCAPED)
    assert escaped > 0 and view.figures[Turn.NEWLY_ESCAPED].value.text() == str(escaped)
    assert [shot.mark for shot in view.browser.shots].count("newly escaped") == escaped
    qtbot.waitUntil(lambda: view.browser.view.painted_picture is not None, timeout=10_000)
    view.browser.strip.setFocus()
    qtbot.keyClick(view.browser.strip, Qt.Key.Key_Right)
    assert view.browser.strip.place == min(1, len(view.browser.shots) - 1)
    click(qtbot, view.draw)
    place = view.browser.view.place()
    QTest.mousePress(view.browser.view, LEFT, pos=place.topLeft().toPoint() + QPoint(3, 3))
    QTest.mouseMove(view.browser.view, place.center().toPoint())
    QTest.mouseRelease(view.browser.view, LEFT, pos=place.center().toPoint())
    assert view.browser.view.region is not None and "inside the drawn region" in view.what.text()


def test_a_wrong_picture_is_one_tap_from_its_label(
    qtbot: QtBot, page: TrainPage, prepared: FakeStation, window: Window, small_set: Path
) -> None:
    prepared.labelling.make("plates")
    prepared.labelling.add_from([small_set]).result(20)
    gallery = page.results.gallery
    click(qtbot, page.results.tabs.button("pictures"))
    click(qtbot, gallery.kind.button("right"))
    qtbot.waitUntil(lambda: gallery.browser.view.painted_heat is not None, timeout=10_000)
    shot = gallery.browser.shot
    assert shot is not None
    click(qtbot, gallery.label)
    assert window.place == "label"
    qtbot.waitUntil(lambda: window.spaces.label.stack.currentWidget() is window.spaces.label.drawing)
    number = window.spaces.label.drawing.number
    assert number is not None
    assert prepared.labelling.pictures([number])[0].digest == shot.sha256


def test_a_picture_is_enlarged_made_golden_and_sought_in_vain(
    qtbot: QtBot, page: TrainPage, prepared: FakeStation, window: Window
) -> None:
    gallery = page.results.gallery
    browser = gallery.browser
    click(qtbot, page.results.tabs.button("pictures"))
    click(qtbot, gallery.kind.button("right"))
    before = browser.view.height()
    qtbot.mouseClick(browser.view, LEFT)
    qtbot.waitUntil(lambda: browser.view.height() > before)
    assert not page.results.tabs.isVisible()
    qtbot.mouseClick(browser.view, LEFT)
    qtbot.waitUntil(page.results.tabs.isVisible)
    click(qtbot, gallery.keep)
    qtbot.waitUntil(lambda: "Every release of plate must" in page.results.said.text())
    (golden,) = prepared.improving.golden("plate")
    shot = browser.shot
    assert shot is not None and golden.sha256 == shot.sha256
    click(qtbot, gallery.label)
    qtbot.waitUntil(lambda: "No library of this station holds that picture" in window.spaces.label.said.text())


def test_on_a_ten_inch_screen_the_tabs_are_a_list_and_nothing_overlaps(
    qtbot: QtBot, page: TrainPage, station: FakeStation, window: Window, small_set: Path
) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    ask(station, TrainingPlan("plate", small_set), Standing(JobState.FAILED, 1, error="It failed.", ended_at=NOW))
    try:
        current().apply(app, "light", 5.9)
        page.refresh()
        qtbot.waitUntil(page.jobs.isVisible)
        results = page.results
        assert results.tab_list.isVisible() and not results.tabs.isVisible()
        for key in ("result", "measures", "pictures", "backtest", "release"):
            results.tab_list.setCurrentIndex(results.tab_list.findData(key))
            results.tab_list.activated.emit(results.tab_list.currentIndex())
            QApplication.processEvents()
            assert results.tab == key
            for view in (page.jobs, page.results_card, page.versions, page.set):
                assert area(view, window).bottom() <= 800 and area(view, window).right() <= 1280, key
            if key == "result":
                plot = area(results.threshold.plot, window)
                assert plot.height() >= 80 and not plot.intersects(area(results.threshold.escapes, window))
    finally:
        current().apply(app, "dark")


def test_a_version_without_figures_says_so(
    qtbot: QtBot, page: TrainPage, prepared: FakeStation, demo_model: Path
) -> None:
    prepared.shelf.add("plate", demo_model.read_bytes())
    page.refresh()
    qtbot.waitUntil(lambda: page.versions.list.count() == 3)
    results = choose(qtbot, page, "plate@3")
    assert results.none.isVisible() and not results.threshold.isVisible()
    assert "not measured" in page.versions.list.currentItem().text()
    click(qtbot, results.tabs.button("pictures"))
    assert results.gallery.browser.shot is None


def test_the_shadow_judges_beside_the_line(qtbot: QtBot, page: TrainPage, prepared: FakeStation) -> None:
    prepared.improving.release("plate@2", why="tried on the bench", person="Ada").result(30)
    page.refresh()
    qtbot.waitUntil(lambda: "released" in page.versions.list.item(0).text())
    results = choose(qtbot, page, "plate@1")
    results.show_tab("release")
    shadow = results.release.shadow
    qtbot.waitUntil(lambda: not results.job.busy, timeout=20_000)
    area = results.release.findChild(QScrollArea)
    assert isinstance(area, QScrollArea)
    area.ensureWidgetVisible(shadow.start)
    click(qtbot, shadow.start)
    qtbot.waitUntil(shadow.stop.isVisible, timeout=10_000)
    prepared.inspect(0.9)
    qtbot.waitUntil(lambda: (told := prepared.improving.shadow()) is not None and told.compared == 1, timeout=10_000)
    told = prepared.improving.shadow()
    assert told is not None and told.version == "plate@1"
    click(qtbot, shadow.stop)
    qtbot.waitUntil(lambda: not shadow.stop.isVisible(), timeout=10_000)


@pytest.mark.slow
def test_from_a_folder_to_a_release_with_the_window_closed_meanwhile(
    qtbot: QtBot, window: Window, station: FakeStation, small_set: Path
) -> None:
    station.inspect(0.9)
    window.go("train")
    page = window.spaces.train
    assert not page.set.train.isEnabled()
    window.activateWindow()
    page.set.product.setFocus()
    qtbot.keyClicks(page.set.product, "A plate")
    assert len(station.active_alarms()) == 1  # typing an A acknowledges nothing
    page.set.folder.setText(str(small_set))
    qtbot.waitUntil(lambda: page.set.train.text() == "Train on 30 pictures" and page.set.train.isEnabled())
    assert ("misprint", 10, "failed") in page.set.balance.rows and primaries(window) == ["Train on 30 pictures"]
    click(qtbot, page.set.train)
    qtbot.waitUntil(lambda: bool(page.jobs.lines), timeout=10_000)
    qtbot.waitUntil(lambda: any(line.bar.isVisible() for line in page.jobs.lines.values()), timeout=60_000)
    window.close_window()
    window.hide()
    again = Window(station)
    again.resize(1280, 800)
    again.show()
    try:
        again.go("train")
        page = again.train
        qtbot.waitUntil(lambda: page.versions.list.count() == 1, timeout=120_000)
        assert "A plate v1 is trained." in page.said.text() or not page.said.text()
        page.show_version("A plate@1")
        click(qtbot, page.results.primary)
        qtbot.waitUntil(lambda: page.results.primary.isEnabled(), timeout=30_000)
        assert all(check.ok for check in page.results.release.checks)
        click(qtbot, page.results.primary)
        qtbot.waitUntil(lambda: bool(station.improving.history("A plate")), timeout=30_000)
        page.results.show_tab("result")
        click(qtbot, page.results.inspect)
        assert again.place == "setup"
        qtbot.waitUntil(lambda: bool(again.setup.source.model.currentData()))
    finally:
        again.close_window()
        again.hide()
        again.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_the_window_starts_without_the_charts_and_with_one_binding() -> None:
    code = (
        "import sys, ui.window; assert 'pyqtgraph' not in sys.modules; import ui.training.results; "
        "names = {name.partition('.')[0] for name in sys.modules}; "
        "assert 'pyqtgraph' in names and not names & {'PyQt5', 'PyQt6', 'PySide2'}, names"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_versions_of_another_service_stand_below_with_their_figures_and_can_not_be_chosen(
    qtbot: QtBot, page: TrainPage, station: FakeStation, window: Window
) -> None:
    before = Predecessor("plate", "Lookout for Vision", 4, "", 90, 60, (("F1Score", 0.91), ("Recall", 0.95)))
    keep_predecessors(station.shelf, "plate", [before])
    page.refresh()
    qtbot.waitUntil(lambda: page.versions.list.count() == 3)
    item = page.versions.list.item(2)
    assert item.text().startswith("Lookout for Vision 4\nF1Score 0.910, Recall 0.950 on 60 pictures")
    shown = page.results.version
    qtbot.mouseClick(page.versions.list.viewport(), LEFT, pos=page.versions.list.visualItemRect(item).center())
    assert page.results.version == shown
