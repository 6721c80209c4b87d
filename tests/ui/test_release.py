"""The golden-sample check on the screen: the list in Set-up, the check on Live, and a release by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.cameras.demo import training_parts
from app.domain.challenge import ChallengePart, Expect
from app.domain.frame import Image
from app.inspection import capture
from app.station import Station
from app.status import Phase
from tests.inspection.fakes import FAIL, PASS, FakeSource, picture
from tests.inspection.stations import Stations, camera, inspecting, reaches
from tests.ui.conftest import click
from tests.ui.test_layout import check
from ui.live.release import ReleaseBar
from ui.window import Window

PARTS = [ChallengePart("good 1", Expect.PASS), ChallengePart("bad 1", Expect.FAIL, "anomaly")]


@pytest.fixture
def source() -> FakeSource:
    return camera()


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: FakeSource) -> Iterator[Station]:
    """A station that inspects at a live camera."""
    monkeypatch.setattr(capture, "BACKOFF", (0.01,))
    stations = Stations(tmp_path, monkeypatch)
    yield inspecting(stations, source)
    stations.close()


@contextmanager
def lies_there(source: FakeSource, score: float) -> Iterator[None]:
    """A part lies under the camera: its picture comes again and again."""
    done = threading.Event()

    def go_on() -> None:
        noise = 0
        while not done.wait(0.02):
            noise += 1
            source.push(picture(score, noise=noise))

    feeding = threading.Thread(target=go_on)
    feeding.start()
    try:
        yield
    finally:
        done.set()
        feeding.join()


def judged(qtbot: QtBot, bar: ReleaseBar, source: FakeSource, score: float, then: Callable[[], bool]) -> None:
    with lies_there(source, score):
        click(qtbot, bar.judge)
        qtbot.waitUntil(then, timeout=10_000)


def test_the_check_is_run_part_by_part_and_releases(
    qtbot: QtBot, real: Station, shown: Window, source: FakeSource
) -> None:
    bar = shown.live.release
    assert bar.isHidden() and shown.live.export_button.property("kind") == "primary"
    real.challenging.keep(real.state().product, PARTS)
    real.save_settings(check_needed=True)
    qtbot.waitUntil(bar.isVisible)
    assert "never checked" in bar.words.text() and bar.judge.isHidden()
    check(shown, "not released")
    click(qtbot, bar.check)
    qtbot.waitUntil(lambda: bar.words.text() == "Part 1 of 2: put good 1 under the camera")
    assert bar.note.text() == "It must be PASS." and bar.by_name.isHidden()
    check(shown, "check runs")
    judged(qtbot, bar, source, PASS, lambda: "Part 2 of 2" in bar.words.text() and bar.judge.isEnabled())
    assert "It must be FAIL (anomaly). Right: Part good 1: expected PASS, got PASS" in bar.note.text()
    judged(qtbot, bar, source, FAIL, bar.isHidden)
    assert real.challenging.withheld() == "" and bar.said.isHidden()
    qtbot.waitUntil(lambda: shown.live.export_button.property("kind") == "primary")


@pytest.mark.parametrize("shown", [0, 5.9], indirect=True, ids=["mouse", "10 inch"])
def test_a_wrong_verdict_is_named_and_somebody_may_release_with_a_reason(
    qtbot: QtBot, real: Station, shown: Window, source: FakeSource
) -> None:
    bar = shown.live.release
    real.challenging.keep(real.state().product, PARTS)
    real.save_settings(check_needed=True)
    click(qtbot, bar.check)
    judged(qtbot, bar, source, PASS, lambda: "Part 2 of 2" in bar.words.text() and bar.judge.isEnabled())
    judged(qtbot, bar, source, PASS, lambda: bar.words.text() == "Not released: the check has not passed")
    assert "Part bad 1: expected FAIL (anomaly), got PASS" in bar.note.text()
    check(shown, "not passed")
    click(qtbot, bar.by_name)
    check(shown, "by name")
    click(qtbot, bar.release)
    qtbot.waitUntil(lambda: "needs a reason" in bar.said.text())
    bar.reason.setText("The lamp is new, a check follows at noon")
    click(qtbot, bar.release)
    qtbot.waitUntil(bar.isHidden, timeout=10_000)
    assert real.challenging.releases()[0].reason.startswith("The lamp")


def test_giving_up_and_a_camera_that_gives_nothing(
    qtbot: QtBot, real: Station, shown: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = shown.live.release
    real.challenging.keep(real.state().product, PARTS)
    real.save_settings(check_needed=True)
    show = real.challenging.show
    monkeypatch.setattr(real.challenging, "show", lambda: show(timeout=0.2))
    click(qtbot, bar.check)
    click(qtbot, bar.judge)
    qtbot.waitUntil(lambda: "No picture was judged" in bar.said.text(), timeout=10_000)
    click(qtbot, bar.give_up)
    qtbot.waitUntil(lambda: "never checked" in bar.words.text())


def test_the_list_is_made_in_set_up_and_the_check_run_from_there(qtbot: QtBot, real: Station, shown: Window) -> None:
    shown.go("setup")
    shown.spaces.setup.open("line")
    card = shown.spaces.setup.line.check
    assert [each.expect.value() for each in card.rows] == ["PASS", "FAIL"] and card.last.text() == "Not checked yet."
    check(shown, "challenge list")
    card.needed.set_value("on")
    click(qtbot, card.save)
    assert "Name the parts first" in card.words.text()
    card.rows[0].name.setText("good 1")
    card.rows[1].name.setText("good 1")
    click(qtbot, card.save)
    qtbot.waitUntil(lambda: "same name" in card.words.text(), timeout=10_000)
    card.rows[1].name.setText("bad 1")
    card.rows[1].defect.setText("anomaly")
    click(qtbot, card.add)
    assert len(card.rows) == 3
    click(qtbot, card.rows[2].remove)
    click(qtbot, card.save)
    qtbot.waitUntil(lambda: card.words.kind == "good", timeout=10_000)
    assert list(real.challenging.parts(real.state().product)) == PARTS and real.settings.check_needed
    real.change_settings(check_needed=False)
    real.stop()
    reaches(real, Phase.STOPPED)
    click(qtbot, card.run)
    qtbot.waitUntil(lambda: "does not inspect" in shown.live.toast.words.text(), timeout=10_000)
    assert shown.live.release.isHidden()
    real.resume()
    reaches(real, Phase.INSPECTING)
    shown.go("setup")
    click(qtbot, card.run)
    qtbot.waitUntil(lambda: shown.place == "live" and "Part 1 of 2" in shown.live.release.words.text())
    real.challenging.give_up()


@cache
def plate() -> Image:
    return next(iter(training_parts(1, 3)))


def drawn(noise: int, right: int = 0) -> Image:
    """A part with edges, that passes; the scene moved to the right."""
    image = plate().astype(np.float32)
    image[340:380, 610:670] = PASS * 250
    image = np.roll(image, right, axis=1) + np.random.default_rng(noise).normal(0, 1.5, image.shape)
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


@contextmanager
def comes(source: FakeSource, image: Image) -> Iterator[None]:
    done = threading.Event()

    def go_on() -> None:
        while not done.wait(0.05):
            source.push(image)

    feeding = threading.Thread(target=go_on)
    feeding.start()
    try:
        yield
    finally:
        done.set()
        feeding.join()


@pytest.mark.parametrize("shown", [0, 5.9], indirect=True, ids=["mouse", "10 inch"])
def test_the_reference_is_taken_in_set_up_and_the_check_begins_with_it(
    qtbot: QtBot, real: Station, shown: Window, source: FakeSource
) -> None:
    product = real.state().product
    real.challenging.keep(product, PARTS)
    real.save_settings(check_needed=True)
    shown.go("setup")
    shown.spaces.setup.open("line")
    card = shown.spaces.setup.line.check
    section = card.reference
    assert "No reference yet" in section.facts.text() and not section.remove.isVisible()
    check(shown, "no reference")
    with comes(source, drawn(1)):
        click(qtbot, section.take)
        qtbot.waitUntil(lambda: section.words.kind == "good", timeout=10_000)
    qtbot.waitUntil(lambda: section.picture.has_picture, timeout=10_000)
    assert "1280 \u00d7 720 pixels" in section.facts.text() and section.take.text() == "Take it anew"
    check(shown, "reference taken")
    section.editors["shift"].setText("0")
    click(qtbot, card.save)
    assert "0.1 to 50 %" in card.words.text()
    section.editors["shift"].setText("2")
    click(qtbot, card.save)
    qtbot.waitUntil(lambda: real.challenging.limits(product).shift == 0.02, timeout=10_000)

    bar = shown.live.release
    click(qtbot, card.run)
    qtbot.waitUntil(lambda: shown.place == "live" and "First the picture" in bar.words.text(), timeout=10_000)
    assert bar.judge.text() == "It lies there: compare it" and "focus, light and place" in bar.note.text()
    check(shown, "picture waits")
    with comes(source, drawn(2, right=-32)):
        click(qtbot, bar.judge)
        qtbot.waitUntil(lambda: "not as at the reference" in bar.words.text() and bar.judge.isEnabled(), timeout=10_000)
    assert "32 px to the left" in bar.note.text() and "camera has moved right" in bar.note.text()
    check(shown, "picture is off")
    worse = np.asarray(cv2.GaussianBlur(drawn(2, right=-32), (0, 0), 3) * np.array([0.6, 0.7, 0.7]), np.uint8)
    with comes(source, worse):
        click(qtbot, bar.judge)
        qtbot.waitUntil(lambda: "less blue" in bar.note.text() and bar.judge.isEnabled(), timeout=10_000)
    for sign in ("32 px to the left", "of the sharpness", "less light", "less blue"):
        assert sign in bar.note.text()
    check(shown, "much is off")
    with comes(source, drawn(3)):
        click(qtbot, bar.judge)
        qtbot.waitUntil(lambda: "Part 1 of 2" in bar.words.text() and bar.judge.isEnabled(), timeout=10_000)
    assert bar.judge.text() == "It lies there: judge it" and "Picture as at the reference" in bar.note.text()
    check(shown, "picture passed")
    judged(qtbot, bar, source, PASS, lambda: "Part 2 of 2" in bar.words.text() and bar.judge.isEnabled())
    judged(qtbot, bar, source, FAIL, bar.isHidden)
    shown.go("setup")
    qtbot.waitUntil(lambda: "Picture as at the reference" in card.last.text())
    click(qtbot, section.remove)
    qtbot.waitUntil(lambda: "No reference yet" in section.facts.text(), timeout=10_000)
    assert real.challenging.reference(product) is None


def test_what_the_picture_was_off_by_stays_told_after_giving_up(
    qtbot: QtBot, real: Station, shown: Window, source: FakeSource
) -> None:
    real.challenging.keep(real.state().product, PARTS)
    real.save_settings(check_needed=True)
    with comes(source, drawn(1)):
        real.challenging.take_reference()
    bar = shown.live.release
    click(qtbot, bar.check)
    with comes(source, drawn(2, right=50)):
        click(qtbot, bar.judge)
        qtbot.waitUntil(lambda: "50 px to the right" in bar.note.text(), timeout=10_000)
    click(qtbot, bar.give_up)
    qtbot.waitUntil(lambda: bar.words.text() == "Not released: the check has not passed", timeout=10_000)
    assert "50 px to the right" in bar.note.text()
