"""Plans and rounds by touch, through a real station: import, a round, the end of the day, a plan made by hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from app.domain.frame import Image
from app.domain.person import Role
from app.domain.plan import Answer, FindingKind, RoundState
from app.pictures import encode_png
from app.station import Station
from tests.inspection.fakes import FAIL, PASS, RETEST, picture
from tests.inspection.stations import Stations
from tests.inspection.test_rounds_workbooks import GOOD, write
from tests.ui.conftest import Tap
from tests.ui.test_layout import check
from ui.bridge import SLOW_CALL_WORKERS
from ui.plans import PlansPage
from ui.plans.today import PlanCard, RoundCard
from ui.theme import current
from ui.window import Window

MORNING = datetime(2026, 11, 26, 7, 20, tzinfo=UTC)  # 08:20 in Berlin
EVENING = datetime(2026, 11, 26, 17, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[Station]:
    stations = Stations(tmp_path, monkeypatch)
    made = stations.open(now=clock)
    made.save_settings(zone="Europe/Berlin", sound=False)
    yield made
    stations.close()


@pytest.fixture
def page(qtbot: QtBot, window: Window) -> PlansPage:
    window.go("plans")
    qtbot.waitUntil(lambda: window.spaces.plans.plans is not None)
    return window.spaces.plans


def file(path: Path, score: float, noise: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encode_png(picture(score, noise=noise)))
    return path


def workbook(folder: Path) -> Path:
    return write(
        folder / "plans.xlsx",
        {**GOOD, "times": "08:00; 14:00", "name": "Left bolt", "model": "plate@1", "checkpoint": "there"},
        {"component": "B-2", "name": "Middle bolt", "model": "plate@1"},
        {"component": "B-3", "name": "Right bolt", "model": "plate@1"},
    )


@pytest.fixture
def planned(qtbot: QtBot, station: Station, page: PlansPage, clock: Clock, tmp_path: Path) -> PlansPage:
    """The page with a plan of which the round of 08:00 is due."""
    clock.now = MORNING.replace(hour=5)  # before the day's rounds
    station.rounds.import_plans(station.rounds.read_workbook(workbook(tmp_path)).result(10))
    clock.now = MORNING
    page.refresh()
    qtbot.waitUntil(lambda: len(page.rounds.cards) == 2)
    return page


def card(page: PlansPage, number: int = 0) -> RoundCard:
    found = page.rounds.cards[number]
    assert isinstance(found, RoundCard)
    return found


def begin(qtbot: QtBot, page: PlansPage, tap: Tap, number: int = 0) -> None:
    tap(card(page, number).open)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.step)


def test_an_empty_place_says_what_it_is_for_and_a_workbook_fills_it(
    qtbot: QtBot, window: Window, page: PlansPage, tap: Tap, tmp_path: Path
) -> None:
    assert page.lists.currentWidget() is page.empty and page.empty.primary.isVisible()
    assert not page.primary.isVisible()  # one primary action a screen
    check(window, "empty")
    wrong = write(tmp_path / "wrong.xlsx", {**GOOD, "often": "sometimes", "times": "late"})
    page.import_workbook(wrong)
    qtbot.waitUntil(lambda: page.importing.found is not None)
    view = page.importing
    assert [view.list.item(line).text().splitlines()[0] for line in range(2)] == ["Plans, cell B2", "Plans, cell C2"]
    assert view.words.text().startswith("2 errors. Nothing is imported")
    check(window, "errors")
    write(wrong, {**GOOD, "component": "B-9"})  # corrected in the spreadsheet program
    tap(view.primary)
    qtbot.waitUntil(lambda: view.primary.text() == "Import 1 plan")
    assert "New: Bolts\n1 component, every day at 08:00" in view.list.item(0).text()
    check(window, "preview")
    tap(view.primary)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.home and bool(page.plans))


def test_a_day_by_touch(
    qtbot: QtBot, window: Window, planned: PlansPage, station: Station, clock: Clock, tap: Tap, tmp_path: Path
) -> None:
    page = planned
    assert [card(page, number).state for number in (0, 1)] == [RoundState.DUE, RoundState.COMING]
    check(window, "today")
    begin(qtbot, page, tap)
    step = page.step
    assert step.title.text() == "B-1  Left bolt" and step.take.property("kind") == "primary"
    check(window, "step")
    step.take_file(file(tmp_path / "a" / "one.png", PASS, 1))
    qtbot.waitUntil(lambda: step.taken.has_picture)
    assert step.next.property("kind") == "primary" and step.take.property("kind") == "plain"
    tap(step.next)
    assert step.title.text() == "B-2  Middle bolt"
    # Left here: the card says how far it is, and it goes on with the first open one.
    tap(step.back)
    qtbot.waitUntil(lambda: card(page).open.text() == "Go on")
    begin(qtbot, page, tap)
    assert step.title.text() == "B-2  Middle bolt"
    tap(step.skip)
    assert step.middle.currentWidget() is step.reasons
    check(window, "reasons")
    tap(step.chips[0])
    qtbot.waitUntil(lambda: step.taken.words == "Not applicable: Not installed")
    tap(step.next)
    # The last one from a tablet's folder.
    file(tmp_path / "tablet" / "IMG_B-3.png", FAIL, 3)
    file(tmp_path / "tablet" / "IMG_other.png", PASS, 4)
    page.look_at_folder(tmp_path / "tablet")
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.folder)
    assert page.folder.said.text() == "1 of 1 open component get a picture"
    check(window, "folder")
    tap(page.folder.primary)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.step and not page.step.round.open)
    tap(step.back)
    clock.now = EVENING
    station.rounds.tick()
    qtbot.waitUntil(lambda: [each.state for each in page.rounds.cards] == [RoundState.LATE, RoundState.DONE])
    assert window.alarm_strip.alarm is not None and window.alarm_strip.alarm.kind == "round"
    tap(page.primary)
    result = page.result
    qtbot.waitUntil(lambda: result.result is not None and not result.busy and result.result.waiting == 0)
    kinds = [each.kind for each in result.result.findings]
    kind = FindingKind
    assert kinds == [kind.DEFECT, kind.MISSING, kind.MISSING, kind.MISSING, kind.NOT_APPLICABLE, kind.GOOD]
    qtbot.waitUntil(lambda: result.picture.has_picture)
    check(window, "result")
    assert result.kinds is not None
    tap(result.kinds.button("MISSING"))
    assert result.list.count() == 3
    tap(result.primary)
    assert result.primary.text() == "Close it all the same" and "3 components" in result.notice.text()
    check(window, "sure")
    tap(result.primary)
    qtbot.waitUntil(lambda: result.result.closed)
    assert "by operator" in result.words.text() and not result.primary.isVisible()
    # A closed day is only looked at.
    tap(result.back)
    qtbot.waitUntil(lambda: card(page).open.text() == "Look")
    begin(qtbot, page, tap)
    assert not step.take.isEnabled() and not step.skip.isEnabled()
    check(window, "closed step")


def test_what_is_missing_is_taken_from_the_list(
    qtbot: QtBot, planned: PlansPage, station: Station, clock: Clock, tap: Tap, tmp_path: Path
) -> None:
    page, result = planned, planned.result
    each = station.rounds.rounds()[0]
    station.rounds.take_file(each, "B-1", file(tmp_path / "a.png", RETEST, 1)).result(10)
    clock.now = EVENING
    tap(page.primary)
    qtbot.waitUntil(lambda: result.result is not None and not result.busy and result.result.waiting == 0)
    assert result.kinds is not None
    tap(result.kinds.button("DOUBTFUL"))
    assert result.list.count() == 1 and result.step.text() == "Take it now"
    tap(result.step)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.step)
    assert page.step.title.text() == "B-1  Left bolt" and page.step.take.text() == "Take again"


def test_a_picture_that_comes_late_is_not_shown_at_the_next_step(
    qtbot: QtBot, planned: PlansPage, station: Station, tap: Tap, tmp_path: Path
) -> None:
    page, step = planned, planned.step
    each = station.rounds.rounds()[0]
    station.rounds.take_file(each, "B-1", file(tmp_path / "a.png", PASS, 1)).result(10)
    held, told = threading.Event(), threading.Event()
    read = station.rounds.picture

    def slow(answer: Answer) -> Image | None:
        told.set()
        held.wait(10)
        return read(answer)

    station.rounds.picture = slow  # type: ignore[method-assign]
    page.open_round(each, "B-1")
    qtbot.waitUntil(told.is_set)
    tap(step.next)
    assert step.taken.words == "No picture yet"
    held.set()
    done: list[int] = []
    page._bridge.run(lambda: 1, done.append)
    page._bridge.run(lambda: 1, done.append)
    qtbot.waitUntil(lambda: len(done) == 2)
    qtbot.waitUntil(lambda: step.reference.words == "The plan has no picture of it")
    assert step.taken.words == "No picture yet" and not step.taken.has_picture


def test_an_answer_for_a_widget_that_is_gone_is_dropped(qtbot: QtBot, planned: PlansPage) -> None:
    gone = QLabel()
    done: list[int] = []
    held, met = threading.Event(), threading.Barrier(SLOW_CALL_WORKERS)
    planned._bridge.run(lambda: str(held.wait(10)), gone.setText)
    delete(gone)
    held.set()
    for _ in range(SLOW_CALL_WORKERS):  # they meet only when every worker is free: the first call has ended
        planned._bridge.run(lambda: met.wait(10), done.append)
    qtbot.waitUntil(lambda: len(done) == SLOW_CALL_WORKERS)  # an error in the event loop would have failed the test


def test_a_photograph_is_given_to_another_component(
    qtbot: QtBot, planned: PlansPage, station: Station, tap: Tap, tmp_path: Path
) -> None:
    page, folder = planned, planned.folder
    begin(qtbot, page, tap)
    for number in (1, 2):
        file(tmp_path / "tablet" / f"B-{number}.png", PASS, number)
    page.look_at_folder(tmp_path / "tablet")
    qtbot.waitUntil(lambda: page.stack.currentWidget() is folder)
    assert sorted(folder.chosen.values()) == ["B-1", "B-2"]
    folder.list.setCurrentRow(0)
    mine = folder.chosen[0]
    other = {"B-1": "B-2", "B-2": "B-1"}[mine]
    folder.step.setCurrentIndex(folder.step.findData(other))
    folder.step.activated.emit(folder.step.currentIndex())
    assert folder.chosen == {0: other}  # one picture a component: the other one is free again
    assert "chosen by you" in folder.list.item(0).text()
    tap(folder.primary)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.step)
    assert [each.component for each in station.rounds.rounds()[0].answers] == [other]


def test_errors_stand_where_they_arose(
    qtbot: QtBot, planned: PlansPage, station: Station, tap: Tap, tmp_path: Path
) -> None:
    page, step = planned, planned.step
    begin(qtbot, page, tap)
    (tmp_path / "no.png").write_text("no picture")
    step.take_file(tmp_path / "no.png")
    qtbot.waitUntil(lambda: "not a picture" in step.notice.text())
    page.look_at_folder(tmp_path / "nothing")
    qtbot.waitUntil(lambda: "no folder" in step.notice.text())
    station.people.add("Erik", Role.ENGINEER, pin="2580")  # and nobody is signed in
    step.take_file(file(tmp_path / "a.png", PASS, 1))
    qtbot.waitUntil(lambda: "Nobody is signed in" in step.notice.text())


def test_a_plan_is_made_and_changed_by_touch(
    qtbot: QtBot, window: Window, page: PlansPage, station: Station, tap: Tap, tmp_path: Path
) -> None:
    tap(page.empty.new)
    editor = page.editor
    tap(editor.primary)
    assert editor.notice.text() == "A plan needs a name of 1 to 60 characters."
    qtbot.keyClicks(editor.name, "Belts")
    tap(editor.primary)
    assert "has no component" in editor.notice.text()
    tap(editor.days[0])
    tap(editor.days[3])
    assert editor.told.text() == "Every Monday and Thursday at 08:00."
    editor.times.setText("26:00")
    assert "no time of day" in editor.told.text()
    editor.times.setText("06:00; 22:00")
    tap(editor.add)
    form = editor.form
    form.name.selectAll()
    qtbot.keyClicks(form.name, "Infeed")
    form.key.selectAll()
    qtbot.keyClicks(form.key, "I-1")
    form.points.setPlainText("not torn\nbolt there = bolt 1\n")
    editor.take_reference(file(tmp_path / "how.png", PASS, 1))
    qtbot.waitUntil(lambda: form.picture.has_picture)
    check(window, "editor")
    tap(editor.add)
    tap(editor.up)
    tap(editor.primary)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.home and bool(page.plans) and not page.reading)
    made = station.rounds.plans()[0]
    assert [each.key for each in made.components] == ["C1", "I-1"]
    infeed = made.components[1]
    checks = [(point.name, point.of_model) for point in infeed.checkpoints]
    assert checks == [("not torn", ""), ("bolt there", "bolt 1")]
    assert station.rounds.reference_picture(infeed.reference) is not None
    assert made.frequency.words == "every Monday and Thursday at 06:00 and 22:00"
    tap(page.view.button("plans"))
    check(window, "plans")

    def card() -> PlanCard:
        """The plan's card once it is on show and will not be made anew."""

        def there() -> bool:
            cards = page.cards.cards
            return not page.reading and bool(cards) and cards[0].isVisible()

        qtbot.waitUntil(there)
        one = page.cards.cards[0]
        assert isinstance(one, PlanCard)
        return one

    tap(card().edit)
    assert editor.often.text() == "Mon, Thu" and editor.days[0].isChecked() and not editor.days[1].isChecked()
    tap(editor.remove)
    tap(editor.primary)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.home and station.rounds.plans()[0].version == 2)
    qtbot.waitUntil(lambda: not page.reading and page.plans is not None and page.plans[0][0].version == 2)
    tap(card().begin)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.step)
    assert page.step.round is not None and not page.step.round.planned
    page.go_home()
    page.edit(station.rounds.plans()[0])
    tap(editor.put_away)
    assert station.rounds.plans()
    tap(editor.put_away)
    qtbot.waitUntil(lambda: not station.rounds.plans())


@pytest.mark.parametrize(
    ("size", "pixels_per_mm"), [((1024, 700), 0.0), ((1920, 1080), 0.0), ((1280, 800), 1280 / 217)]
)
def test_everything_finds_room(
    qtbot: QtBot, window: Window, planned: PlansPage, station: Station, clock: Clock, tmp_path: Path,
    size: tuple[int, int], pixels_per_mm: float,
) -> None:  # fmt: skip
    page = planned
    station.save_settings(pixels_per_mm=pixels_per_mm)
    window.spaces.setup.settings_changed.emit()
    window.resize(*size)
    check(window, "today")
    page.open_round(station.rounds.rounds()[0])
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.step)
    check(window, "step")
    page.step.skip.click()
    check(window, "reasons")
    page.step.take_file(file(tmp_path / "a.png", FAIL, 1))
    qtbot.waitUntil(lambda: not page.step.bar.busy)
    clock.now = EVENING
    station.rounds.tick()
    page.go_home()
    page._judge()
    qtbot.waitUntil(lambda: page.result.result is not None and not page.result.busy)
    qtbot.waitUntil(window.alarm_strip.button.isVisible)
    check(window, "result")
    page.result.primary.click()
    check(window, "sure")
    page.edit(station.rounds.plans()[0])
    check(window, "editor")
    buttons = [each for each in window.spaces.plans.findChildren(QAbstractButton) if each.isVisible()]
    assert buttons and min(each.height() for each in buttons if each.text()) >= current().metrics.touch
