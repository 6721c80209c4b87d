"""Gauge studies on the screen: made, judged blind, judged by the model, read and exported."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QScrollArea
from pytestqt.qtbot import QtBot

from app.domain.errors import StoreError
from app.domain.gauge import GaugeStudy
from app.pictures import encode_png
from tests.inspection.fakes import FakeDetector
from tests.inspection.fakes import picture as part_picture
from tests.ui.conftest import Tap
from tests.ui.fake_station import FakeStation, draw_plate
from tests.ui.test_layout import check
from ui.reports.gauge import GaugeView
from ui.reports.gauge.new import DEFECT
from ui.window import Window


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good plates, a scratched one, and one nobody has said anything of."""
    folder = tmp_path / "plates"
    for number, place in enumerate(("good", "good", "defect", ".")):
        path = folder / place / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(draw_plate(number, number > 1)))
    return folder


@pytest.fixture
def view(window: Window) -> GaugeView:
    window.go("reports")
    window.spaces.reports.view.button("gauge").click()
    found = window.spaces.reports.gauge
    assert found is not None
    return found


def words_of(view: GaugeView) -> str:
    return "\n".join(each.text() for each in view.findChildren(QLabel) if each.isVisible())


def made(station: FakeStation, folder: Path, trials: int = 2, model: bool = False) -> GaugeStudy:
    found = [(each, bool(each.good)) for each in station.gauging.propose(folder).result()]
    return station.gauging.make("Plates", found, ("Ann", "Bob"), trials, with_model=model).result()


def judged(station: FakeStation, study: GaugeStudy, name: str, wrong: int = 0) -> None:
    """Rightly, but for a part in the first trial."""
    turn = station.gauging.turn(study.id, name)
    while turn is not None:
        right = study.part(turn.part).good
        good = right is not (turn.trial == 1 and turn.part == wrong)
        turn = station.gauging.answer(study.id, name, turn, good=good)


def open_trial(qtbot: QtBot, view: GaugeView, study: GaugeStudy, name: str) -> None:
    view.refresh()
    qtbot.waitUntil(lambda: (study.id, name) in view.judging)
    view.judging[study.id, name].click()
    qtbot.waitUntil(lambda: view.trial.shown is not None)


def test_a_study_is_made_from_a_folder(
    qtbot: QtBot, window: Window, station: FakeStation, view: GaugeView, folder: Path, tap: Tap
) -> None:
    qtbot.waitUntil(view.empty.isVisible)
    check(window, "no study")
    tap(view.new)
    form = view.making
    check(window, "new study")
    tap(form.primary)
    assert "Choose the parts' pictures" in form.notice.text()
    form.take_folder(folder)
    qtbot.waitUntil(lambda: form.list.count() == 4)
    assert "2 good, 1 defective. 1 still to say" in form.count.text()
    qtbot.waitUntil(lambda: form.photo.image is not None)
    check(window, "pictures")
    tap(form.primary)
    assert "1 picture has no reference" in form.notice.text()
    tap(form.buttons[DEFECT])  # it stands at the one that nobody has said anything of
    assert "2 good, 2 defective." in form.count.text()
    form.name.setText("Plates")
    form.appraisers.setText("Ann, Bob")
    window.resize(1024, 700)
    check(window, "filled in")
    for area in form.findChildren(QScrollArea):
        assert area.widget().width() <= area.viewport().width()
    tap(form.primary)
    qtbot.waitUntil(lambda: view.stack.currentWidget() is view.list and len(view.judging) == 2)
    (study,) = station.gauging.studies()
    assert (study.appraisers, study.trials, [part.good for part in study.parts].count(False)) == (("Ann", "Bob"), 3, 2)
    check(window, "list")


def test_a_trial_is_blind_and_goes_by_keys(
    qtbot: QtBot, window: Window, station: FakeStation, view: GaugeView, folder: Path, tap: Tap
) -> None:
    study = made(station, folder)
    open_trial(qtbot, view, study, "Ann")
    trial, desk = view.trial, station.gauging
    check(window, "trial")
    seen = words_of(view) + trial.photo.accessibleName()
    assert not any(part.origin in seen or Path(part.origin).name in seen for part in study.parts)
    whole = trial.photo.grab().toImage()
    qtbot.mouseClick(trial.photo, Qt.MouseButton.LeftButton)
    assert trial.photo.near and trial.photo.grab().toImage() != whole  # looked at closer
    qtbot.mouseClick(trial.photo, Qt.MouseButton.LeftButton)
    assert trial.photo.grab().toImage() == whole
    assert trial.place.text() == "1 of 4" and not trial.undo.isEnabled()
    qtbot.keyClick(trial, Qt.Key.Key_2)
    qtbot.keyClick(trial, Qt.Key.Key_2)  # nothing is on show yet: it answers nothing
    qtbot.waitUntil(lambda: trial.shown is not None and trial.shown.place == 2)
    assert [each.good for each in desk.study(study.id).answers] == [False]
    tap(trial.undo)
    qtbot.waitUntil(lambda: trial.shown is not None and trial.shown.place == 1)
    assert desk.study(study.id).answers == ()
    for place in range(1, 5):
        qtbot.waitUntil(lambda place=place: trial.shown is not None and trial.shown.place == place)
        qtbot.keyClick(trial, Qt.Key.Key_1) if place % 2 else tap(trial.good)
    qtbot.waitUntil(trial.go_on.isVisible)
    assert "Trial 1 of 2 is done" in trial.photo.words and not trial.good.isEnabled()
    check(window, "between trials")
    tap(trial.go_on)
    for place in range(1, 5):
        qtbot.waitUntil(lambda place=place: trial.shown is not None and trial.shown.place == place)
        assert trial.shown is not None and trial.shown.trial == 2
        qtbot.keyClick(trial, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: "has judged every part" in trial.photo.words)
    tap(trial.back)
    qtbot.waitUntil(lambda: (study.id, "Bob") in view.judging and (study.id, "Ann") not in view.judging)
    assert study.id not in view.results  # Bob still judges blind


def test_an_answer_that_was_not_kept_is_asked_for_again(
    qtbot: QtBot, station: FakeStation, view: GaugeView, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = made(station, folder)
    open_trial(qtbot, view, study, "Ann")

    def full(*_: object) -> None:
        raise StoreError("The disk is full. Free some space.")

    first = view.trial.shown
    with monkeypatch.context() as patch:
        patch.setattr(station.gauging._files, "write", full)
        view.trial.good.click()
        qtbot.waitUntil(lambda: "disk is full" in view.trial.notice.text() and view.trial.shown is not None)
    assert view.trial.shown == first
    view.trial.good.click()
    qtbot.waitUntil(lambda: view.trial.place.text() == "2 of 4")


def test_the_result_tells_limits_and_parts_and_is_exported(
    qtbot: QtBot, window: Window, station: FakeStation, view: GaugeView, folder: Path, tap: Tap
) -> None:
    study = made(station, folder)
    defect = next(part for part in study.parts if not part.good)
    judged(station, study, "Ann")
    judged(station, study, "Bob", wrong=defect.number)
    view.refresh()
    qtbot.waitUntil(lambda: study.id in view.results)
    tap(view.results[study.id])
    result = view.result
    qtbot.waitUntil(lambda: result.photo.image is not None)
    for size in ((1024, 700), (1280, 800)):
        window.resize(*size)
        check(window, f"result {size}")
        for area in view.result.findChildren(QScrollArea):
            assert area.widget().width() <= area.viewport().width()
    words = words_of(view)
    assert "Judges as the reference does, each time." in words
    assert "Lets defective parts pass and does not judge the same part rightly each time." in words
    assert "Not acceptable" in words and "1 to 81 %" in words
    assert "Ann and Bob: Cohen's kappa 0.75" in words and "Fleiss' kappa" in words
    item = result.list.item(0)
    assert item is not None and item.text() == f"Part {defect.number}, defect: 1 of 4 wrong"
    assert "Ann: defect, defect" in result.answers.text() and "Bob: good, defect" in result.answers.text()
    tap(result.export)
    qtbot.waitUntil(lambda: result.notice.kind == "good")
    sheet = load_workbook(station.data.reports / "gauge-plates.xlsx")["Appraisers"]
    assert [cell.value for cell in sheet["A"]][1:3] == ["Ann", "Bob"] and sheet["C3"].value == 0.75


def test_the_model_judges_in_the_background(
    qtbot: QtBot, station: FakeStation, view: GaugeView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = FakeDetector()
    monkeypatch.setattr(station.shelf, "released", lambda name: f"{name}@1")
    monkeypatch.setattr(station.shelf, "load", lambda name: detector)
    for number, (kind, score) in enumerate((("good", 0.2), ("defect", 0.9))):
        path = tmp_path / "parts" / kind / f"{number}.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(encode_png(part_picture(score)))
    study = made(station, tmp_path / "parts", model=True)
    view.refresh()
    qtbot.waitUntil(lambda: (study.id, study.model) in view.judging)
    detector.gate.clear()
    view.judging[study.id, study.model].click()
    qtbot.waitUntil(lambda: view.bar.isVisible() and "Judging 1 of 4" in view.bar.words.text())
    view.bar.stop.click()
    detector.gate.set()
    qtbot.waitUntil(lambda: not view.bar.isVisible() and "Stopped" in view.notice.text())
    assert station.gauging.study(study.id).answers == ()
    view.judging[study.id, study.model].click()
    qtbot.waitUntil(lambda: (study.id, study.model) not in view.judging)
    assert [each.good for each in station.gauging.study(study.id).answers].count(True) == 2


def test_ending_asks_once_and_shows_who_is_left_out(
    qtbot: QtBot, window: Window, station: FakeStation, view: GaugeView, folder: Path, tap: Tap
) -> None:
    study = made(station, folder)
    judged(station, study, "Ann")
    bad = station.data.gauges / "0123.json"
    bad.write_text("{")
    station.gauging._studies = None  # as after a restart
    view.refresh()
    qtbot.waitUntil(lambda: study.id in view.ends)
    qtbot.waitUntil(lambda: str(bad) in words_of(view))  # told beside the others
    tap(view.ends[study.id])
    assert "leaves out Bob" in view.notice.text() and not station.gauging.study(study.id).ended
    check(window, "ending")
    tap(view.ends[study.id])
    qtbot.waitUntil(lambda: study.id in view.results)
    tap(view.results[study.id])
    qtbot.waitUntil(lambda: view.result.found is not None)
    assert "Left out, since not finished: Bob." in words_of(view)
    assert "Every part was judged as its reference" in view.result.wrong.text() and not view.result.list.isVisible()
