"""The bench by key and finger, on a real station whose camera and detector are the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QPointingDevice
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.domain.lot import Choice, Grade, Order
from app.domain.pedal import Pedal, Press
from app.domain.verdict import Verdict
from app.station import Station
from tests.inspection.fakes import FAIL, PASS, RETEST, VIEWING, FakeSource, picture
from tests.inspection.stations import CAMERA, Stations, camera, inspecting
from ui.app import application
from ui.bench import BenchPage
from ui.window import Window

ORDER = Order("L-1", "Steel", "Mill", "Drawing 7", 20, "II", ((Grade.MAJOR, 6.5),), auto_approve=True)


class Bench:
    """A window on the bench, with a lot open."""

    def __init__(self, qtbot: QtBot, stations: Stations) -> None:
        self.qtbot = qtbot
        self.source: FakeSource = camera(VIEWING)
        self.station: Station = inspecting(stations, self.source)
        self.station.save_settings(sound=False)
        self.station.line.trigger._debounce = 0.0  # tests press faster than a foot; bounces have tests of their own
        application(self.station)  # type: ignore[arg-type]
        self.window = Window(self.station)  # type: ignore[arg-type]
        self.window.resize(1280, 800)
        self.window.show()
        qtbot.waitExposed(self.window)
        self.window.activateWindow()
        self.window.go("bench")

    @property
    def page(self) -> BenchPage:
        return self.window.spaces.bench

    def wait(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=5000)

    def open(self, order: Order = ORDER) -> None:
        self.station.lots.open(order)
        self.wait(lambda: self.page.stack.currentWidget() is self.page.work)

    def press(self, key: Qt.Key = Qt.Key.Key_Space, hold: int = 0) -> None:
        self.wait(lambda: not self.page.work._doing)
        QTest.keyPress(self.page, key)
        QTest.qWait(hold or 60)  # shorter would be a bounce
        QTest.keyRelease(self.page, key)
        QTest.qWait(60)

    def give(self, score: float) -> None:
        """The camera's next picture, once the trigger waits for it."""
        self.wait(lambda: self.station.line.trigger.busy)
        self.source.push(picture(score))
        self.wait(lambda: not self.station.line.trigger.busy and not self.page.work._doing)
        self.page.work.refresh()


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def bench(qtbot: QtBot, stations: Stations) -> Iterator[Bench]:
    made = Bench(qtbot, stations)
    yield made
    made.window.close_window()
    made.window.hide()
    made.window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


_DEVICE: list[QPointingDevice] = []


def touch(widget: QWidget) -> None:
    """A finger's tap."""
    if not _DEVICE:
        _DEVICE.append(QTest.createTouchDevice())
    window = widget.window()
    at = widget.mapTo(window, QPoint(widget.width() // 2, widget.height() // 2))
    sequence = QTest.touchEvent(window, _DEVICE[0])
    sequence.press(1, at, window)
    sequence.commit()
    sequence.release(1, at, window)
    sequence.commit()


def test_a_lot_is_opened_by_typing_and_its_plan_is_explained(bench: Bench) -> None:
    start, form = bench.page.start, bench.page.form
    bench.wait(lambda: "place a part" in start.words.text())
    touch(start.open)
    bench.wait(lambda: bench.page.stack.currentWidget() is form)
    bench.wait(lambda: form.number.hasFocus())
    QTest.keyClicks(form.number, "L 4711")  # the space bar types here, and triggers nothing
    QTest.keyClicks(form.size, "1000")
    for combo, words in ((form.material, "Steel"), (form.supplier, "Mill")):
        combo.setCurrentText(words)
    bench.wait(lambda: "Inspect 80 of 1,000" in form.words.text())
    assert "Major: accept with 2 or fewer, not with 3." in form.words.text()
    touch(form.open)
    bench.wait(lambda: bench.page.stack.currentWidget() is bench.page.work)
    lot = bench.station.lots.current().lot
    assert (lot.order.number, lot.plan.sample) == ("L 4711", 80)


def test_what_is_missing_is_said_on_the_form(bench: Bench) -> None:
    form = bench.page.form
    bench.page.start.wanted.emit()
    form.size.setText("50")
    touch(form.open)
    bench.wait(lambda: "lot number is missing" in form.notice.text())
    assert bench.station.lots.current() is None


def test_a_whole_sample_by_pedal_alone(bench: Bench) -> None:
    bench.open()
    work = bench.page.work
    assert work.tile._words == "PLACE A PART" and "Press inspects part 1" in work.pedal.text()
    bench.press()
    for number in range(1, 9):  # 20 parts, AQL 6.5: n = 8, Ac 1
        bench.give(FAIL if number == 3 else PASS)
        assert f"Part {number}" in work.part.text()
        if number == 2:
            assert work.pedal.text() == "Press approves and inspects part 3, hold rejects this part."
        bench.press()
        bench.wait(lambda number=number: bench.station.lots.current().decided == number)
        if number == 3:
            bench.press()  # the rejected part was one press, the next part another
    state = bench.station.lots.current()
    assert [part.decision.choice for part in state.parts].count(Choice.REJECT) == 1
    assert state.proposed is Choice.APPROVE
    bench.wait(lambda: work.finish.property("kind") == "primary" and work.finish.text() == "Accept the lot")
    assert "rests" in work.pedal.text()
    bench.press()
    assert bench.station.lots.current() is not None  # a foot decides on no lot
    touch(work.finish)
    bench.wait(lambda: work.sheet.isVisible())
    touch(work.sheet.confirm)
    bench.wait(lambda: bench.page.stack.currentWidget() is bench.page.result)
    bench.wait(lambda: bench.page.result.certificate.isEnabled())
    touch(bench.page.result.certificate)
    bench.wait(lambda: bench.page.result.files is not None)
    assert all(file.stat().st_size > 1000 for file in bench.page.result.files)


def test_holding_the_pedal_takes_the_other_decision(bench: Bench) -> None:
    bench.open()
    bench.press()
    bench.give(PASS)
    assert bench.page.work.buttons[Choice.APPROVE].property("kind") == "primary"
    bench.press(hold=700)
    bench.wait(lambda: bench.station.lots.current().decided == 1)
    assert bench.station.lots.current().parts[0].decision.choice is Choice.REJECT


def test_a_part_in_doubt_is_looked_at_again(bench: Bench) -> None:
    bench.open()
    bench.press()
    bench.give(RETEST)
    work = bench.page.work
    assert work.take.text() == "Look again" and "looks at this part again" in work.pedal.text()
    bench.press()
    bench.give(PASS)
    (part,) = bench.station.lots.current().parts
    assert [look.verdict for look in part.looks] == [Verdict.RETEST, Verdict.PASS]
    assert "look 2" in work.part.text()


def test_decisions_by_finger_with_a_reason_and_undo(bench: Bench) -> None:
    bench.open()
    work = bench.page.work
    touch(work.take)
    bench.give(FAIL)
    touch(work.buttons[Choice.CONCESSION])
    bench.wait(lambda: work.sheet.isVisible())
    touch(work.sheet.confirm)
    bench.wait(lambda: "needs a reason" in work.sheet.notice.text())
    chips = work.sheet.findChildren(QAbstractButton)
    reason = next(each for each in chips if each.isVisible() and each.text() == "Agreed with engineering")
    work.sheet._area.ensureWidgetVisible(reason)
    touch(reason)
    touch(work.sheet.confirm)
    bench.wait(lambda: not work.sheet.isVisible())
    decision = bench.station.lots.current().parts[0].decision
    assert (decision.choice, decision.reason) == (Choice.CONCESSION, "Agreed with engineering")
    bench.wait(lambda: work.undo.isEnabled())
    touch(work.undo)
    bench.wait(lambda: bench.station.lots.current().waiting is not None)


def test_the_decision_on_a_lot_is_taken_back_with_a_reason(bench: Bench) -> None:
    bench.open()
    bench.press()
    bench.give(FAIL)
    desk, result = bench.station.lots, bench.page.result
    desk.decide(Choice.REJECT)
    bench.wait(lambda: desk.current() is not None and desk.current().waiting is None)
    desk.close(Choice.REJECT, "enough seen")
    id = bench.station.lots.newest(1)[0].lot.id
    bench.page._show_result(id)
    bench.wait(lambda: result.undo.isEnabled() and result.undo.isVisible())
    QTest.mouseClick(result.undo, Qt.MouseButton.LeftButton)
    assert result.reason.isVisible()
    QTest.mouseClick(result.reopen, Qt.MouseButton.LeftButton)
    bench.wait(lambda: "Say why" in result.notice.text())
    QTest.keyClicks(result.reason, "wrong lot")
    QTest.mouseClick(result.reopen, Qt.MouseButton.LeftButton)
    bench.wait(lambda: bench.page.stack.currentWidget() is bench.page.work)
    assert desk.current() is not None and desk.current().lot.id == id


def test_a_scanner_gives_the_serial_and_works_no_shortcut(bench: Bench) -> None:
    bench.open()
    for letter in "A-B 77":  # "A" acknowledges alarms elsewhere; the space inside a code is no pedal
        QTest.keyClick(bench.page, letter)
    QTest.keyClick(bench.page, Qt.Key.Key_Return)
    bench.wait(lambda: bench.station.lots.scanned == "A-B 77")
    assert not bench.station.line.trigger.busy
    bench.wait(lambda: bench.page.work.take.text() == "Inspect part A-B 77")
    bench.press()
    bench.give(PASS)
    assert bench.station.lots.current().parts[0].serial == "A-B 77"


def test_the_pedal_is_learnt_by_pressing_it_once(bench: Bench) -> None:
    start = bench.page.start
    touch(start.learn_button)
    bench.wait(lambda: "Press the pedal once" in start.pedal.text())
    QTest.keyClick(bench.page, Qt.Key.Key_F13)
    bench.wait(lambda: bench.station.settings.pedal_key == "F13")
    bench.open()
    bench.press(Qt.Key.Key_F13)
    bench.give(PASS)
    assert len(bench.station.lots.current().parts) == 1


def test_after_a_restart_the_waiting_part_is_shown_from_the_record(qtbot: QtBot, stations: Stations) -> None:
    first = Bench(qtbot, stations)
    first.open()
    first.press()
    first.give(FAIL)
    first.window.close_window()
    first.window.hide()
    first.station.close()
    stations.sources[CAMERA] = lambda: camera(VIEWING)
    again = stations.open()
    window = Window(again)  # type: ignore[arg-type]
    window.resize(1280, 800)
    window.show()
    window.go("bench")
    work = window.spaces.bench.work
    qtbot.waitUntil(lambda: work.stored.has_picture, timeout=5000)
    assert work.stage.currentWidget() is work.stored and "Part 1" in work.part.text()
    touch(work.buttons[Choice.REJECT])
    qtbot.waitUntil(lambda: again.lots.current().decided == 1, timeout=5000)
    window.close_window()
    window.hide()


def test_a_bouncing_contact_is_one_press() -> None:
    pedal = Pedal(hold=0.6, bounce=0.05)
    for at in (0.000, 0.004, 0.009):
        pedal.down(at)
        assert pedal.up(at + 0.002) is None
    assert pedal.up(0.2) is Press.SHORT
    pedal.down(0.21)  # bounces on the way up
    assert pedal.up(0.215) is None and pedal.held(2.0) is None
    pedal.down(1.0)
    assert pedal.held(1.5) is None and pedal.held(1.61) is Press.LONG
    assert pedal.held(1.7) is None and pedal.up(1.8) is None  # told once
    assert pedal.bounced == 6


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_it_fits(bench: Bench, size: tuple[int, int]) -> None:
    bench.window.resize(*size)
    bench.open(replace(ORDER, aqls=((Grade.CRITICAL, None), (Grade.MAJOR, 1.0), (Grade.MINOR, 4.0))))
    bench.press()
    bench.give(FAIL)
    work = bench.page.work
    controls = [*work.buttons.values(), work.take, work.undo, work.finish, *work.counts]
    for one in controls:
        assert one.isVisible() and work.rect().contains(one.geometry()), one.accessibleName()
    for index, one in enumerate(controls):
        assert not any(one.geometry().intersects(other.geometry()) for other in controls[index + 1 :])
    assert bench.window.width() == size[0]
