"""The outbox's desk: what is composed when, what reports and releases add, and when waiting is too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from app.domain.parcel import Parcel, ParcelKind, read_hours
from app.domain.verdict import Verdict
from app.station import Station
from tests.inspection.stations import Stations
from tests.store.samples import inspection

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Now:
    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: Now) -> Iterator[Station]:
    """One that does not send: it was not told to begin."""
    made = Stations(tmp_path, monkeypatch)
    station = made.open(now=now)
    station.save_settings(zone="UTC", station="Gate 1", cloud_site="Ulm")
    yield station
    made.close()


def lines(station: Station) -> list[str]:
    return [each.parcel.part for each in station.store.outbox.lines(ParcelKind.INSPECTION_LINE, 99)]


def test_from_the_moment_a_bucket_is_named_parts_are_written_down_for_it(station: Station) -> None:
    before, after, last = inspection(1), inspection(2), inspection(3)
    station.store.add_inspection(before)
    station.save_settings(cloud_bucket="records")
    station.store.add_inspection(after)
    station.save_settings(cloud_bucket="")
    station.store.add_inspection(last)
    assert lines(station) == [after.id]
    assert not station.outbox.standing().on and "Off" in station.outbox.standing().shipping.words
    assert station.outbox.backlog() is None


def test_reports_and_models_are_put_in_and_a_file_that_is_gone_is_only_logged(station: Station, tmp_path: Path) -> None:
    report = tmp_path / "Monday.xlsx"
    report.write_bytes(b"a workbook")
    station.outbox.report(report)
    assert station.outbox.standing().waits.waiting == 0
    station.save_settings(cloud_bucket="records")
    station.outbox.report(report)
    station.outbox.report(report)  # the same once
    model = station.data.models / "plate" / "1.linesight"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"a model")
    station.outbox.model(model, "plate@1")
    station.outbox.report(tmp_path / "gone.xlsx")
    one, two = station.store.outbox.waiting(9)
    assert one.parcel.key.startswith("reports/Gate 1/") and one.parcel.key.endswith("/Monday.xlsx")
    assert two.parcel.key.startswith("models/Gate 1/plate@1-") and two.parcel.file == "models/plate/1.linesight"


def test_what_waits_for_its_hour_is_not_late(station: Station, now: Now) -> None:
    station.save_settings(cloud_bucket="records")
    station.store.outbox.add([Parcel.of("outbox/x.json", ParcelKind.ENTRY, "", now.moment, b"{}")])
    now.moment = NOON + timedelta(hours=9)
    waits = station.outbox.backlog()
    assert waits is not None and (waits.waiting, waits.oldest_seconds) == (1, 9 * 3600)
    station.save_settings(cloud_hours="22:00-06:00")
    assert station.outbox.backlog() is None
    now.moment = NOON + timedelta(hours=14)  # two in the morning
    waits = station.outbox.backlog()
    assert waits is not None and waits.oldest_seconds == 4 * 3600
    now.moment = NOON - timedelta(hours=1)  # the clock was set back
    station.save_settings(cloud_hours="")
    waits = station.outbox.backlog()
    assert waits is not None and waits.oldest_seconds == 0


def test_a_part_that_fails_brings_its_picture(station: Station) -> None:
    station.save_settings(cloud_bucket="records")
    failed = inspection(1, Verdict.FAIL)
    path, digest = station.store.save_image(failed.id, NOON, b"the picture", ".png")
    station.store.add_inspection(replace(failed, image_path=path, image_sha256=digest))
    station.store.add_inspection(replace(inspection(2), image_path=path, image_sha256=digest))
    (picture,) = station.store.outbox.waiting(9)
    assert picture.parcel.kind is ParcelKind.PICTURE and picture.parcel.part == failed.id
    assert len(lines(station)) == 2


def test_hours() -> None:
    night = read_hours("22:00-06:00")
    assert night is not None
    assert night.seconds_since_start(time(23, 30)) == 5400
    assert night.seconds_since_start(time(5)) == 7 * 3600
