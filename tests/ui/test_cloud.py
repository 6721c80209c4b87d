"""Set-up, Cloud: saved, tested against an account, and the policy shown; the secret nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication
from pytestqt.qtbot import QtBot

from app.cloud import keys
from tests.cloud.signature import KEY, REGION, SECRET
from tests.cloud.test_connecting import KEY_ID, Memory, ring
from tests.ui.fake_station import FakeStation
from tests.ui.test_layout import check
from ui.setup.cloud import CloudPage
from ui.theme import current
from ui.window import Window

__all__ = ["ring"]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def page(window: Window) -> CloudPage:
    window.go("setup")
    window.spaces.setup.open("cloud")
    return window.spaces.setup.cloud


def click(qtbot: QtBot, button: QAbstractButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def lines(page: CloudPage) -> list[str]:
    """The findings on show, as a screen reader has them."""
    found = (page.findings.itemAt(index).widget() for index in range(page.findings.count()))
    return [each.accessibleName() for each in found if each is not None]


def test_the_connection_is_saved_tested_and_says_what_is_not_there(
    qtbot: QtBot, window: Window, page: CloudPage, station: FakeStation, account: str
) -> None:
    station.save_settings(aws_endpoint=account)
    assert not page.policy.isVisible() and "nothing leaves this" in " ".join(_labels(page))
    page.region.setText(REGION)
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: page.words.kind == "good")
    click(qtbot, page.test)
    qtbot.waitUntil(lambda: "Nothing that needs AWS is switched on" in page.said.text(), timeout=30_000)
    page.fleet.setText("no-such-bucket")
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: station.settings.fleet_bucket == "no-such-bucket")
    click(qtbot, page.test)
    qtbot.waitUntil(lambda: len(lines(page)) == 2, timeout=30_000)
    assert lines(page) == ["Not there: List the fleet's records", "Not there: Read the fleet's records"]
    assert "2 of 2 do not work" in page.said.text() and page.said.kind == "bad"
    check(window, "cloud tested")


def test_what_is_wrong_is_refused_and_nothing_is_lost(
    qtbot: QtBot, page: CloudPage, station: FakeStation, ring: Memory
) -> None:
    page.fleet.setText("Not A Bucket")
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: page.words.kind == "bad")
    assert "fleet_bucket" in page.words.text() and page.fleet.text() == "Not A Bucket"
    assert not station.settings.fleet_bucket


def test_the_secret_goes_to_the_keyring_and_off_the_screen(
    qtbot: QtBot, page: CloudPage, station: FakeStation, ring: Memory
) -> None:
    click(qtbot, page.way.button("key"))
    assert page.key_id.isVisible() and page.secret.isVisible() and not page.profile.isVisible()
    page.key_id.setText(KEY_ID)
    page.secret.setText("Zq7-typed-once")
    click(qtbot, page.primary)
    qtbot.waitUntil(lambda: page.words.kind == "good")
    assert ring.kept == {(keys.SERVICE, KEY_ID): "Zq7-typed-once"}
    assert page.secret.text() == "" and station.settings.aws_key_id == KEY_ID
    assert "Zq7" not in station.settings.model_dump_json()


def test_the_policy_is_shown_copied_and_saved(
    qtbot: QtBot, window: Window, page: CloudPage, station: FakeStation, tmp_path: Path
) -> None:
    station.save_settings(aws_region=REGION, video_stream="line-1")
    click(qtbot, page.show_policy)
    assert json.loads(page.policy.toPlainText())["Statement"][0]["Sid"] == "Stream"
    check(window, "cloud policy")
    click(qtbot, page.copy)
    assert json.loads(QApplication.clipboard().text())["Version"] == "2012-10-17"
    page.save_policy(str(tmp_path / "policy.json"))
    qtbot.waitUntil(lambda: "Saved as" in page.said.text())
    assert json.loads((tmp_path / "policy.json").read_text("utf-8")) == json.loads(page.policy.toPlainText())
    page.save_policy(str(tmp_path / "policy.json" / "below.json"))
    qtbot.waitUntil(lambda: "Choose another folder" in page.said.text())
    click(qtbot, page.show_policy)
    assert not page.policy.isVisible()


@pytest.mark.parametrize(("size", "pixels_per_mm"), [((1280, 800), 0.0), ((1280, 800), 5.9), ((1920, 1080), 0.0)])
def test_it_fits_and_is_large_enough_for_a_finger(
    qtbot: QtBot, window: Window, page: CloudPage, station: FakeStation, size: tuple[int, int], pixels_per_mm: float
) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    current().apply(app, "dark", pixels_per_mm)
    window.resize(*size)
    for way in ("computer", "profile", "key"):
        click(qtbot, page.way.button(way))
        check(window, f"cloud {way}")
    for button in page.findChildren(QAbstractButton):
        if button.isVisible() and button.parent() is not page.policy:
            assert button.height() >= current().metrics.touch, button.accessibleName()
    current().apply(app, "dark", 0.0)


def _labels(page: CloudPage) -> list[str]:
    from PySide6.QtWidgets import QLabel

    return [each.text() for each in page.findChildren(QLabel) if each.isVisible()]
