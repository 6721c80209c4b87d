"""The fleet's view among the reports, over what was read before and what is read anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from moto.server import ThreadedMotoServer
from pytestqt.qtbot import QtBot

from app.domain.counts import Counts
from app.domain.fleet import FleetAlarm, FleetStation
from app.serverless.tables import to_parquet
from tests.cloud.signature import KEY, REGION, SECRET
from tests.cloud.test_fleet import entry
from tests.ui.fake_station import FakeStation
from tests.ui.test_layout import check
from ui.reports.fleet import FleetView, sign_words, worst_first
from ui.window import Window

BUCKET = "ui-fleet"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An account in which three stations have sent something today."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def opened(qtbot: QtBot, window: Window) -> FleetView:
    window.go("reports")
    window.spaces.reports.show_view("fleet")
    view = window.spaces.reports.fleet
    assert view is not None
    return view


def test_without_a_bucket_it_says_how_it_begins(qtbot: QtBot, window: Window) -> None:
    view = opened(qtbot, window)
    assert "fleet_bucket" in view.said.text() and not view.table.isVisible() and not view.again.isVisible()


def test_the_fleet_is_read_and_stays_on_show_when_the_account_is_gone(
    qtbot: QtBot, window: Window, station: FakeStation, account: str
) -> None:
    import boto3

    today = station.today()
    s3 = boto3.client("s3", region_name=REGION, endpoint_url=account)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for site, name, verdicts in (("north", "press", "PPPP"), ("north", "bench", "PFFP"), ("south", "gate", "PPFR")):
        made = entry(site, name, verdicts, at=datetime.now(UTC))
        key = f"inspections/day={today}/{name}/{made.key}.parquet"
        s3.put_object(Bucket=BUCKET, Key=key, Body=to_parquet(made, made.inspections))
    station.save_settings(aws_region=REGION, aws_endpoint=account, fleet_bucket=BUCKET)
    view = opened(qtbot, window)
    qtbot.waitUntil(lambda: view.table.rowCount() == 3, timeout=20_000)
    rows = [[view.table.item(line, column).text() for column in (0, 1, 3, 4)] for line in range(3)]  # type: ignore[union-attr]
    assert rows == [
        ["bench", "north", "4", "50.0 %"],
        ["gate", "south", "4", "66.7 %"],
        ["press", "north", "4", "100.0 %"],
    ]
    assert view.headline.text() == "12 parts, yield 72.7 %, 3 stations, 2 sites"
    assert view.table.item(0, 2).text().startswith("Sends, ")  # type: ignore[union-attr]
    check(window, "fleet")
    station.save_settings(aws_endpoint="http://127.0.0.1:9")
    qtbot.waitUntil(view.bar.isHidden)
    view.again.click()
    qtbot.waitUntil(lambda: "can't be reached" in view.notice.text(), timeout=60_000)
    assert view.table.rowCount() == 3


def test_what_needs_somebody_stands_first() -> None:
    moment = datetime(2026, 3, 2, 12, tzinfo=UTC)
    calm = FleetStation("north", "press", Counts(98, 2), moment, moment)
    low = replace(calm, station="bench", counts=Counts(80, 20))
    idle = replace(calm, station="spare", counts=Counts(), newest=None, sent_at=None)
    alarm = FleetAlarm("a", "north", "gate", "3 FAILs in a row", moment, acknowledged=False)
    loud = replace(calm, station="gate", alarms=(alarm,))
    assert sorted([idle, calm, low, loud], key=worst_first) == [loud, low, calm, idle]
    assert sign_words(calm, UTC, moment + timedelta(hours=1)) == "Silent since 2 Mar, 12:00"
    assert sign_words(idle, UTC, moment) == "Nothing sent"
