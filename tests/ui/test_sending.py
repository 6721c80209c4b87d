"""Set-up, Cloud, Records to a bucket: switched on, watched, paused, and what was given up tried again."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.cloud.shipping import Shipping
from app.domain.parcel import Backlog, Parcel, ParcelKind
from app.outbox import Standing
from tests.cloud.faulty import FaultyProxy
from tests.cloud.signature import KEY, REGION, SECRET
from tests.ui.fake_station import FakeStation
from tests.ui.test_cloud import account
from tests.ui.test_layout import check
from ui.setup.sending import SendingCard, counts_words
from ui.window import Window

__all__ = ["account"]


@pytest.fixture
def card(window: Window) -> SendingCard:
    window.go("setup")
    window.spaces.setup.open("cloud")
    return window.spaces.setup.cloud.sending


def entry(number: int) -> Parcel:
    return Parcel.of(f"outbox/s/{number}.json", ParcelKind.ENTRY, f"part {number}", datetime.now(UTC), b"{}")


def click(qtbot: QtBot, button: Any) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def bucket_of(address: str) -> tuple[Any, str]:
    """A client, and a new bucket."""
    name = f"records-{uuid.uuid4().hex[:8]}"
    s3 = boto3.client("s3", REGION, endpoint_url=address, aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3, name


def test_it_is_off_until_a_bucket_is_named_and_then_sends(
    qtbot: QtBot, window: Window, card: SendingCard, station: FakeStation, account: str
) -> None:
    s3, bucket = bucket_of(account)
    qtbot.waitUntil(lambda: card.stands.text() == "Off. Nothing is sent.")
    assert card.pause.isHidden() and card.again.isHidden()
    check(window, "sending off")
    station.save_settings(aws_endpoint=account, aws_region=REGION)
    station.outbox.begin()
    card.bucket.setText(bucket)
    card.limit.setText("fast")
    click(qtbot, card.save)
    qtbot.waitUntil(lambda: card.words.kind == "bad")
    assert card.words.text() == "Limit: write kilobytes a second, such as 500; 0 for none."
    card.limit.setText("0")
    click(qtbot, card.save)
    qtbot.waitUntil(lambda: card.words.kind == "good")
    station.store.outbox.add([entry(1)])
    qtbot.waitUntil(lambda: "1 sent, 2 B." in card.counts.text(), timeout=20_000)
    assert s3.get_object(Bucket=bucket, Key="outbox/s/1.json")["Body"].read() == b"{}"

    click(qtbot, card.pause)
    qtbot.waitUntil(lambda: station.settings.cloud_paused and card.pause.text() == "Go on sending")
    station.store.outbox.add([entry(2)])
    qtbot.waitUntil(lambda: "Paused" in card.stands.text() and "1 wait" in card.counts.text(), timeout=20_000)
    click(qtbot, card.pause)
    qtbot.waitUntil(lambda: "2 sent" in card.counts.text(), timeout=20_000)


def test_what_was_given_up_is_shown_with_the_reason_and_tried_again(
    qtbot: QtBot, window: Window, card: SendingCard, station: FakeStation, account: str
) -> None:
    _, bucket = bucket_of(account)
    with FaultyProxy(account) as proxy:
        proxy.faults.refused_name = "s/3.json"
        station.store.outbox.add([entry(3)])
        (waiting,) = station.store.outbox.waiting(1)
        station.store.outbox.refused(waiting.seq, "It was refused: not this one.", dead=True)
        station.save_settings(aws_endpoint=proxy.url, aws_region=REGION, cloud_bucket=bucket)
        station.outbox.begin()
        qtbot.waitUntil(lambda: card.again.isVisible() and card.given_up.count() == 1, timeout=20_000)
        assert "1 given up" in card.counts.text()
        assert card.given_up.itemAt(0).widget().text() == "Given up: It was refused: not this one."
        check(window, "sending given up")
        proxy.faults.refused_name = ""
        click(qtbot, card.again)
        qtbot.waitUntil(lambda: card.counts.text() == "1 sent, 2 B.", timeout=20_000)
        assert card.again.isHidden() and card.given_up.count() == 0


def test_the_backlog_is_told_in_words_people_use() -> None:
    shipping = Shipping("x")
    waits = Backlog(1204, 3_400_000, datetime.now(UTC), 2, 17, 1_500)
    told = counts_words(Standing(True, shipping, waits, 3 * 3600))
    assert told == "1,204 wait, 3.4 MB, the oldest for 3 hours. 2 given up. 17 sent, 1.5 kB."
    assert counts_words(Standing(False, shipping, Backlog())) == ""
