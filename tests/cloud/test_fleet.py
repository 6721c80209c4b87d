"""The fleet's figures: from the files that the function `ingest` and the stations write, and from Athena."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from moto.athena.models import QueryResults, athena_backends
from moto.core import DEFAULT_ACCOUNT_ID

from app.cloud.fleet import FleetAddress, FleetReader
from app.cloud.session import CloudAddress, CloudError, CloudSession
from app.domain.counts import Counts
from app.domain.errors import Cancelled
from app.domain.fleet import Fleet, StationSign
from app.serverless.outbox import Entry, InspectionRow
from app.serverless.tables import to_parquet
from tests.cloud.signature import REGION

BUCKET = "fleet-records"
DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def entry(
    site: str, station: str, verdicts: str, *, product: str = "plate", at: datetime = NOW, key: str = ""
) -> Entry:
    """An entry with a part for each letter of P, F, R, E."""
    words = {"P": "PASS", "F": "FAIL", "R": "RETEST", "E": "ERROR"}
    rows = [
        InspectionRow(
            id=f"{site}-{station}-{key}-{number:04}",
            captured_at=at + timedelta(seconds=number),
            judged_at=at + timedelta(seconds=number),
            product=product,
            verdict=words[letter],  # type: ignore[arg-type]
            labels=("dent", "dent") if letter == "F" and number % 2 == 0 else (),
        )
        for number, letter in enumerate(verdicts)
    ]
    return Entry(key=f"entry-{key or 'one'}", station=station, site=site, sent_at=at, inspections=tuple(rows))


@pytest.fixture
def put(moto_address: str, session: CloudSession) -> Iterator[Callable[..., None]]:
    """Puts an entry's inspections where `ingest` puts them, or where a station does."""
    s3 = session.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def one(made: Entry, *, own: bool = False, day: date = DAY) -> None:
        place = f"site={made.site}/station={made.station}/date={day}" if own else f"day={day}/{made.station}"
        s3.put_object(
            Bucket=BUCKET, Key=f"inspections/{place}/{made.key}.parquet", Body=to_parquet(made, made.inspections)
        )

    yield one
    for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=found["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def reader(session: CloudSession, tmp_path: Path, **address: str) -> FleetReader:
    return FleetReader(session, FleetAddress(BUCKET, **address), tmp_path)


def read(of: FleetReader, first: date = DAY, last: date = DAY) -> Fleet:
    return of.read(first, last, lambda _fraction, _words: None, NOW)


def test_stations_are_counted_from_both_places_and_no_part_twice(
    put: Callable[..., None], session: CloudSession, tmp_path: Path
) -> None:
    put(entry("north", "bench-1", "PPPFFRE"))
    put(entry("north", "bench-1", "PPPFFRE"), own=True)  # sent by the station as well
    put(entry("north", "bench-1", "PP", product="gear", key="two", at=NOW + timedelta(hours=1)))
    put(entry("south", "bench-1", "F"), own=True)
    put(entry("south", "press", "PPPP"), day=DAY - timedelta(days=1))
    fleet = read(reader(session, tmp_path))
    assert [(each.site, each.station, each.counts) for each in fleet.stations] == [
        ("north", "bench-1", Counts(5, 2, 1, 1)),
        ("south", "bench-1", Counts(0, 1)),
    ]
    north, south = fleet.stations
    assert north.products == ("plate", "gear") and north.newest == NOW + timedelta(hours=1, seconds=1)
    assert north.labels == (("", 1), ("dent", 1)) and south.labels == (("dent", 1),)
    assert fleet.counts == Counts(5, 3, 1, 1) and fleet.read_at == NOW and not fleet.words
    assert north.sent_at is not None and abs(north.sent_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert north.sign(north.sent_at + timedelta(minutes=29)) is StationSign.SENDING
    assert north.sign(north.sent_at + timedelta(minutes=31)) is StationSign.SILENT
    week = read(reader(session, tmp_path), DAY - timedelta(days=6))
    assert week.counts == Counts(9, 3, 1, 1) and len(week.stations) == 3


def test_each_file_is_fetched_once_and_counts_again_without_a_network(
    put: Callable[..., None], session: CloudSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(entry("north", "bench-1", "PPF"))
    fetched: list[str] = []
    s3 = session.client("s3")
    s3.meta.events.register_last(
        "before-call.s3.GetObject", lambda params, **_: fetched.append(params["url_path"]), unique_id="count"
    )
    try:
        read(reader(session, tmp_path))
        put(entry("north", "bench-1", "P", key="two"))
        assert read(reader(session, tmp_path)).counts == Counts(3, 1)
    finally:
        s3.meta.events.unregister("before-call.s3.GetObject", unique_id="count")
    assert len(fetched) == 2
    gone = CloudSession(CloudAddress(region=REGION, endpoint="http://127.0.0.1:9"))
    away = reader(gone, tmp_path)
    with pytest.raises(CloudError, match="can't be reached"):
        read(away)
    known = away.known(DAY, DAY)
    assert known.counts == Counts(3, 1) and known.read_at == NOW


def test_damaged_and_foreign_files_are_left_out_and_told(
    put: Callable[..., None], session: CloudSession, tmp_path: Path
) -> None:
    put(entry("north", "bench-1", "PPF"))
    s3 = session.client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"inspections/day={DAY}/x/broken.parquet", Body=b"PAR1 no")
    other = io.BytesIO()
    pl.DataFrame({"a": [1]}).write_parquet(other)
    s3.put_object(Bucket=BUCKET, Key=f"inspections/day={DAY}/x/other.parquet", Body=other.getvalue())
    s3.put_object(Bucket=BUCKET, Key=f"inspections/day={DAY}/x/readme.txt", Body=b"hello")
    fleet = read(reader(session, tmp_path))
    assert fleet.counts == Counts(2, 1) and fleet.words.startswith("2 files could not be read")


def test_old_files_are_deleted_and_a_stop_is_obeyed(
    put: Callable[..., None], session: CloudSession, tmp_path: Path
) -> None:
    put(entry("north", "bench-1", "PPF"))
    of = reader(session, tmp_path)
    read(of)
    assert list(tmp_path.rglob(f"{DAY}/*.parquet"))
    of.read(DAY + timedelta(days=40), DAY + timedelta(days=40), lambda *_: None, NOW + timedelta(days=40))
    read(of, DAY + timedelta(days=1), DAY + timedelta(days=1))
    put(entry("north", "bench-1", "PPF"))

    def stop(_fraction: float | None, _words: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        of.read(DAY, DAY, stop, NOW)


def test_a_bucket_that_is_not_there_is_named(moto_address: str, session: CloudSession, tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="nowhere-at-all"):
        read(FleetReader(session, FleetAddress("nowhere-at-all"), tmp_path))


def test_athena_counts_where_a_database_is_set(moto_address: str, session: CloudSession, tmp_path: Path) -> None:
    athena = session.client("athena")
    place = {"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/athena/"}}
    athena.create_work_group(Name="fleet", Configuration=place)

    def answer(*rows: list[Any]) -> None:
        data = [{"Data": [{} if cell is None else {"VarCharValue": str(cell)} for cell in row]} for row in rows]
        athena_backends[DEFAULT_ACCOUNT_ID][REGION].query_results_queue.append(QueryResults(rows=data, column_info=[]))

    answer(
        ["site", "station", "product", "p", "f", "r", "e", "newest"],
        ["north", "bench-1", "plate", 10, 2, 0, 1, "2026-03-02T11:00:00"],
        ["north", "bench-1", "gear", 20, 0, 0, 0, "2026-03-02T10:00:00"],
    )
    answer(["site", "station", "label", "n"], ["north", "bench-1", None, 2])
    asked = FleetAddress(BUCKET, database="linesight", workgroup="fleet")
    fleet = FleetReader(session, asked, tmp_path).read(DAY, DAY, lambda *_: None, NOW)
    (station,) = fleet.stations
    assert station.counts == Counts(30, 2, 0, 1) and station.products == ("gear", "plate")
    assert station.newest == datetime(2026, 3, 2, 11, tzinfo=UTC) and station.labels == (("", 2),)
    assert station.sign(NOW) is StationSign.SILENT  # an hour ago
    assert fleet.read_at == NOW
