"""Label, The set: to the account's bucket and back by the menu."""

from __future__ import annotations

import uuid
from pathlib import Path

import boto3
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.datasets.library.query import Query
from tests.cloud.signature import KEY, REGION, SECRET
from tests.serverless.parts import draw, encoded
from tests.ui.fake_station import FakeStation
from tests.ui.test_cloud import account
from ui.labeling.sets import SetView
from ui.window import Window

__all__ = ["account"]


@pytest.fixture
def bucket(account: str, station: FakeStation) -> str:
    name = f"sets-{uuid.uuid4().hex[:8]}"
    s3 = boto3.client("s3", REGION, endpoint_url=account, aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    station.save_settings(aws_endpoint=account, aws_region=REGION, cloud_bucket=name, cloud_paused=True)
    return name


def chosen(qtbot: QtBot, view: SetView, words: str) -> QAction:
    """The line of the menu that begins with these words."""
    qtbot.mouseClick(view.export, Qt.MouseButton.LeftButton)
    menus = [each for each in view.findChildren(QMenu) if each.isVisible()]
    found = [each for each in menus[-1].actions() if each.text().startswith(words)]
    assert len(found) == 1, [each.text() for each in menus[-1].actions()]
    menus[-1].close()
    return found[0]


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_set_is_sent_and_fetched_by_the_menu(
    qtbot: QtBot, window: Window, station: FakeStation, bucket: str, tmp_path: Path
) -> None:
    parts = tmp_path / "parts" / "normal"
    parts.mkdir(parents=True)
    for number in range(3):
        (parts / f"{number}.png").write_bytes(encoded(draw(number)[0]))
    station.labelling.make("plates")
    station.labelling.add_from([tmp_path / "parts"]).result(30)
    window.go("label")
    page = window.spaces.label
    view, said = page.set, list[tuple[str, str]]()
    view.said.connect(lambda words, kind: said.append((words, kind)))
    page.set.show()
    view.refresh()
    chosen(qtbot, view, f"Send to s3://{bucket}/datasets/plates").trigger()
    qtbot.waitUntil(lambda: bool(said), timeout=30_000)
    assert said[-1][1] == "mention" and "files sent to" in said[-1][0]
    chosen(qtbot, view, "Fetch from").trigger()
    qtbot.waitUntil(lambda: len(said) == 2, timeout=30_000)
    assert "came from s3://" in said[-1][0]
    assert len(station.labelling.find(Query())) == 3, "what is known is not taken in twice"
