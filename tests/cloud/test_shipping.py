"""What is recorded reaches the bucket once and whole, whatever the network, the clock and the power do."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import subprocess
import sys
import threading
import time as clocks
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest
from botocore.config import Config

from app.cloud.fleet import FleetAddress, FleetReader
from app.cloud.parcels import Place, StationComposer
from app.cloud.session import CloudError, CloudSession
from app.cloud.shipping import Rules, Shipper
from app.domain.alarm import AlarmChange, station_rule
from app.domain.parcel import Hours, Parcel, ParcelKind
from app.domain.records import Review
from app.domain.verdict import Verdict
from app.serverless.outbox import read_entry
from app.store import Store
from tests.cloud.conftest import REGION
from tests.cloud.faulty import FaultyProxy
from tests.cloud.signature import KEY, SECRET
from tests.store.samples import NOON, acknowledged, alarm, inspection, open_store, raised

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = Rules()


class Clock:
    """A wall clock and a monotonic one that only waiting moves."""

    def __init__(self) -> None:
        self.wall, self.running = NOON + timedelta(minutes=5), 0.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self.wall

    def go(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.running += seconds
        self.waits.append(seconds)


@pytest.fixture
def bucket(session: CloudSession) -> str:
    name = f"station-{uuid.uuid4().hex[:12]}"
    where = {"LocationConstraint": REGION}
    session.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    session.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def proxy(moto_address: str) -> Iterator[FaultyProxy]:
    with FaultyProxy(moto_address) as proxy:
        yield proxy


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as store:
        yield store


def place(bucket: str) -> Place:
    return Place(bucket, "Ulm", "Gate 1", lambda moment: moment.date())


@pytest.fixture
def recording(store: Store, bucket: str, tmp_path: Path, clock: Clock) -> Store:
    """The store, which writes down what is to be sent."""
    where = place(bucket)
    store.outbox.connect(StationComposer(lambda: where, tmp_path, lambda: clock.wall - timedelta(minutes=5)))
    return store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shipper(
    store: Store, bucket: str, tmp_path: Path, session: CloudSession, clock: Clock
) -> Iterator[Callable[..., Shipper]]:
    made: list[Shipper] = []

    def make(rules: Rules = AT_ONCE, url: str = "", **more: Any) -> Shipper:
        client = session.client("s3") if not url else client_of(url)
        shipper = Shipper(
            store.outbox,
            lambda: client,
            place(bucket),
            tmp_path,
            rules,
            **{"now": clock.now, "wall": lambda moment: moment, "clock": lambda: clock.running} | more,
        )
        made.append(shipper)
        return shipper

    yield make
    for each in made:
        each.stop()


def client_of(url: str) -> Any:
    """A client that does not repeat requests itself, so that the sender has to."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
    return boto3.client("s3", REGION, endpoint_url=url, config=config, **keys)


def all_sent(shipper: Shipper, store: Store, clock: Clock, turns: int = 1000) -> None:
    for _ in range(turns):
        clock.go(shipper.turn())
        if not store.outbox.backlog().waiting:
            return
    raise AssertionError(f"still waiting: {store.outbox.backlog()}, {shipper.state()}")


def objects(session: CloudSession, bucket: str, prefix: str = "") -> dict[str, bytes]:
    s3 = session.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def parts_in(found: dict[str, bytes]) -> list[str]:
    """Ids of the inspections in a bucket's Parquet files."""
    files = [body for key, body in found.items() if key.startswith("inspections/")]
    return [name for body in files for name in pl.read_parquet(io.BytesIO(body))["id"]]


def parcel(number: int, part: str = "", size: int = 100) -> Parcel:
    return Parcel.of(f"k/{number:05}", ParcelKind.ENTRY, part, NOON, b"%05d" % number * (size // 5))


# -- what the bucket gets
def test_rows_pictures_reviews_and_alarms_lie_where_athena_and_the_stack_look_for_them(
    recording: Store, bucket: str, session: CloudSession, shipper: Callable[..., Shipper], clock: Clock
) -> None:
    failed = inspection(1, Verdict.FAIL, station="Gate 1", lot="L-7")
    path, digest = recording.save_image(failed.id, NOON, b"the picture", ".png")
    failed = replace(failed, image_path=path, image_sha256=digest)
    passed = inspection(2, station="Gate 1", score=float("nan"))
    recording.add_inspection(failed, raised(alarm(1, title="Scratch")))
    recording.add_inspection(passed)
    recording.reviewing.add(Review(failed.id, NOON, "Susan", Verdict.FAIL, label="scratch"))
    all_sent(shipper(), recording, clock)

    found = objects(session, bucket)
    (rows,) = [key for key in found if key.startswith("inspections/")]
    assert rows.startswith("inspections/site=Ulm/station=Gate 1/date=2026-11-22/") and rows.endswith(".parquet")
    table = pl.read_parquet(io.BytesIO(found[rows])).sort("captured_at")
    assert table["id"].to_list() == [failed.id, passed.id] and table["verdict"].to_list() == ["FAIL", "PASS"]
    assert table["lot"].to_list() == ["L-7", ""] and table["score"].to_list()[1] is None
    picture = f"pictures/Gate 1/2026-11-22/{failed.id}.png"
    assert found[picture] == b"the picture" and table["picture"].to_list() == [f"s3://{bucket}/{picture}", ""]
    entries = [read_entry(body, key) for key, body in found.items() if key.startswith("outbox/")]
    assert sorted(len(each.inspections) for each in entries) == [0, 2]
    (review,) = next(each.reviews for each in entries if each.reviews)
    assert (review.label, review.type, review.picture) == ("anomaly", "scratch", f"s3://{bucket}/{picture}")
    (told,) = [json.loads(body) for key, body in found.items() if key.startswith("alarms/site=Ulm/station=Gate 1/")]
    assert told["row"]["alarms"][0]["title"] == "Scratch"
    (said,) = [json.loads(body) for key, body in found.items() if key.startswith("reviews/")]
    assert said["row"]["person"] == "Susan" and said["row"]["first_verdict"] == "FAIL"
    assert recording.outbox.backlog().sent == len(found)


def test_a_large_file_goes_in_pieces_and_whole(
    store: Store, bucket: str, tmp_path: Path, session: CloudSession, shipper: Callable[..., Shipper], clock: Clock
) -> None:
    content = bytes(range(256)) * (18 << 12)  # 18 MiB
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "big.linesight").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    store.outbox.add(
        [Parcel("models/big", ParcelKind.MODEL, "m", NOON, digest, len(content), file="models/big.linesight")]
    )
    all_sent(shipper(), store, clock)
    head = session.client("s3").head_object(Bucket=bucket, Key="models/big")
    assert head["ETag"].strip('"').endswith("-3") and head["Metadata"]["sha256"] == digest, "three pieces"
    assert objects(session, bucket)["models/big"] == content


def test_other_stations_see_what_is_open_here(
    recording: Store,
    bucket: str,
    session: CloudSession,
    shipper: Callable[..., Shipper],
    clock: Clock,
    tmp_path: Path,
) -> None:
    first, second = alarm(1, title="Scratch"), alarm(2, title="Dent")
    elsewhere = alarm(3, title="Not ours", rule=station_rule("Gate 2"))
    sender = shipper()
    for each in (first, second, elsewhere):
        recording.alarming.commit(raised(each))
    all_sent(sender, recording, clock)
    address = FleetAddress(bucket, alarms=bucket)

    def seen() -> list[tuple[str, bool]]:
        reader = FleetReader(session, address, tmp_path / "fleet")
        (station,) = reader.read(NOON.date(), NOON.date(), lambda *_: None, NOON).stations
        assert (station.site, station.station) == ("Ulm", "Gate 1")
        assert reader.known(NOON.date(), NOON.date()).stations == (station,)
        return [(each.title, each.acknowledged) for each in station.alarms]

    assert seen() == [("Dent", False), ("Scratch", False)]
    clock.go(60)
    recording.alarming.commit(acknowledged(first, "Mike", clock.wall))
    lasting = replace(second, lasting=True, acknowledged_at=clock.wall, acknowledged_by="Mike")
    recording.alarming.commit(AlarmChange((lasting,)))
    all_sent(sender, recording, clock)
    assert seen() == [("Dent", True)]


# -- order
def test_what_is_of_one_part_arrives_in_order_and_one_refusal_holds_up_its_part_alone(
    store: Store,
    bucket: str,
    session: CloudSession,
    proxy: FaultyProxy,
    shipper: Callable[..., Shipper],
    clock: Clock,
) -> None:
    proxy.faults.refused_name = "unwanted"
    unwanted = Parcel.of("unwanted", ParcelKind.ENTRY, "a", NOON, b"no")
    store.outbox.add([parcel(1, "a"), unwanted, parcel(2, "a"), parcel(3, "b")])
    sender = shipper(url=proxy.url)
    sender.turn()
    assert set(objects(session, bucket)) == {"k/00001", "k/00003"}
    (first, second) = store.outbox.waiting(9)
    assert first.parcel.key == unwanted.key and first.attempts == 1 and second.parcel.key == "k/00002"
    all_sent(sender, store, clock)
    (dead,) = store.outbox.dead()
    assert dead.attempts == 5 and "can't be put into" in dead.error
    assert "k/00002" in objects(session, bucket), "given up, it holds up nothing any more"
    assert store.outbox.again() == 1 and store.outbox.backlog().waiting == 1


def test_a_line_that_can_not_be_read_holds_up_no_other(
    recording: Store, bucket: str, session: CloudSession, shipper: Callable[..., Shipper], clock: Clock
) -> None:
    first, last = inspection(1, station="Gate 1"), inspection(2, station="Gate 1")
    recording.add_inspection(first)
    recording.outbox.add([Parcel.of("line/x", ParcelKind.INSPECTION_LINE, "x", clock.wall - timedelta(hours=1), b"{")])
    recording.add_inspection(last)
    all_sent(shipper(), recording, clock)
    assert sorted(parts_in(objects(session, bucket))) == sorted([first.id, last.id])
    (dead,) = recording.outbox.dead()
    assert dead.parcel.key == "line/x" and "can't be put together" in dead.error


@pytest.mark.parametrize(("change", "words"), [(None, "is gone"), (b"other", "has changed")])
def test_a_file_that_is_gone_or_changed_is_never_sent_as_the_recorded_one(
    store: Store,
    bucket: str,
    tmp_path: Path,
    session: CloudSession,
    shipper: Callable[..., Shipper],
    change: bytes | None,
    words: str,
) -> None:
    path, digest = store.save_image("a" * 32, NOON, b"the picture", ".png")
    store.outbox.add([Parcel("p", ParcelKind.PICTURE, "a", NOON, digest, 11, file=path, content_type="image/png")])
    file = store.image_file(path)
    file.unlink()
    if change is not None:
        file.write_bytes(change)
    shipper().turn()
    (dead,) = store.outbox.dead()
    assert words in dead.error and objects(session, bucket) == {}


# -- when
def test_it_sends_within_its_hours_only_and_not_while_paused(
    store: Store, bucket: str, session: CloudSession, shipper: Callable[..., Shipper], clock: Clock
) -> None:
    store.outbox.add([parcel(1)])
    paused = shipper(Rules(paused=True))
    paused.turn()
    assert "Paused" in paused.state().words and objects(session, bucket) == {}
    at_night = shipper(Rules(hours=Hours(time(22), time(6))))
    assert at_night.turn() > 0 and "22:00 and 06:00" in at_night.state().words and objects(session, bucket) == {}
    clock.wall = clock.wall.replace(hour=23)
    all_sent(at_night, store, clock)
    assert "k/00001" in objects(session, bucket)


def test_the_limit_holds_for_all_files_together(
    store: Store, bucket: str, shipper: Callable[..., Shipper], clock: Clock
) -> None:
    store.outbox.add([parcel(number, size=50_000) for number in range(12)])
    sender = shipper(Rules(bytes_per_second=200_000))
    begin = clocks.monotonic()
    all_sent(sender, store, clock)
    took = clocks.monotonic() - begin
    # 600 kB at 200 kB a second; the bucket that leaks lets the first quarter of a megabyte pass.
    assert took > 1.0, f"{600_000 / took:.0f} bytes a second"


# -- faults
def test_a_day_without_a_network_loses_nothing_and_tries_seldom(
    recording: Store,
    bucket: str,
    session: CloudSession,
    proxy: FaultyProxy,
    shipper: Callable[..., Shipper],
    clock: Clock,
) -> None:
    proxy.faults.down = True
    sender = shipper(url=proxy.url)
    begin, ids, tries = clock.wall, [], 0
    while clock.wall - begin < timedelta(hours=24):
        if tries % 40 == 0:
            row = inspection(tries, station="Gate 1")
            recording.add_inspection(row)
            ids.append(row.id)
        clock.go(sender.turn())
        tries += 1
    assert sender.state().trouble and "can't be reached" in sender.state().words
    assert 250 < tries < 650, "five minutes at most, half of that at least"
    assert recording.outbox.backlog().dead == 0
    proxy.faults.down = False
    all_sent(sender, recording, clock)
    assert sorted(parts_in(objects(session, bucket))) == sorted(ids)


def test_a_clock_that_jumps_neither_stops_nor_doubles_anything(
    recording: Store, bucket: str, session: CloudSession, shipper: Callable[..., Shipper], clock: Clock
) -> None:
    sender, ids = shipper(), []
    for jump in (timedelta(days=400), timedelta(days=-800), timedelta(hours=1)):
        clock.wall += jump
        row = inspection(len(ids), station="Gate 1")
        recording.add_inspection(row)
        ids.append(row.id)
        all_sent(sender, recording, clock)
    assert sorted(parts_in(objects(session, bucket))) == sorted(ids)


def test_wrong_bucket_is_said_in_words_and_nothing_is_given_up(
    store: Store, tmp_path: Path, session: CloudSession, clock: Clock
) -> None:
    store.outbox.add([parcel(1)])
    sender = Shipper(
        store.outbox, lambda: session.client("s3"), place("no-such-bucket-here"), tmp_path, Rules(), now=clock.now
    )
    assert sender.turn() > 0
    assert "There is no bucket no-such-bucket-here" in sender.state().words
    backlog = store.outbox.backlog()
    assert (backlog.waiting, backlog.dead) == (1, 0)
    sender.stop()


def _through_faults(recording: Store, sender: Shipper, clock: Clock, number: int) -> list[str]:
    ids = []
    for second in range(number):
        row = inspection(second, Verdict.FAIL if second % 5 == 0 else Verdict.PASS, station="Gate 1")
        recording.add_inspection(row, raised(alarm(second)) if second % 5 == 0 else None)
        ids.append(row.id)
        if second % 100 == 99:
            clock.go(sender.turn())
    recording.outbox.add([parcel(number, f"part {number % 40}") for number in range(number)])
    all_sent(sender, recording, clock, 100_000)
    return ids


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_through_faults(
    recording: Store,
    bucket: str,
    session: CloudSession,
    proxy: FaultyProxy,
    shipper: Callable[..., Shipper],
    clock: Clock,
) -> None:
    proxy.faults.share = 0.3
    ids = _through_faults(recording, shipper(url=proxy.url), clock, 200)
    found = objects(session, bucket)
    assert sorted(parts_in(found)) == sorted(ids)
    assert {key: found[key] for key in found if key.startswith("k/")} == {
        each.key: each.body for each in (parcel(number) for number in range(200))
    }
    assert recording.outbox.backlog().dead == 0
    assert set(proxy.faults.met) == {"refused", "cut", "answer lost", "busy"}, proxy.faults.met


_SENDS = """
import sys
from datetime import UTC, datetime
from pathlib import Path

from app.cloud.parcels import StationComposer
from app.cloud.shipping import Rules, Shipper
from tests.cloud.test_shipping import client_of, place
from tests.store.samples import inspection, open_store

folder, bucket, url, parts = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
where = place(bucket)
with open_store(folder) as store:
    store.outbox.connect(StationComposer(lambda: where, folder, lambda: datetime(2026, 1, 1, tzinfo=UTC)))
    sender = Shipper(store.outbox, lambda: client_of(url), where, folder, Rules())
    sender.start()
    for second in range(parts):
        row = inspection(second, station="Gate 1")
        store.add_inspection(row)
        print(row.id, flush=True)
        if second % 20 == 0:
            sender.wake()
    sys.stdin.read()
"""


def _killed_again_and_again(folder: Path, bucket: str, url: str, rounds: int, parts: int) -> list[str]:
    """Ids of what was committed by processes that record and send, and are killed after so many parts."""
    told: list[str] = []
    for _ in range(rounds):
        with subprocess.Popen(
            [sys.executable, "-c", _SENDS, str(folder), bucket, url, str(parts * 10)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            told += [process.stdout.readline().strip() for _ in range(parts)]
            process.send_signal(signal.SIGKILL)
            told += [line.strip() for line in process.stdout.read().splitlines() if len(line.strip()) == 32]
            process.wait(20)
    return told


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize(
    ("rounds", "parts"), [(1, 60), pytest.param(20, 500, marks=pytest.mark.slow)], ids=["some", "ten thousand"]
)
def test_killed_in_the_middle_it_goes_on_where_it_was(
    tmp_path: Path,
    bucket: str,
    session: CloudSession,
    proxy: FaultyProxy,
    clock: Clock,
    rounds: int,
    parts: int,
) -> None:
    proxy.faults.share = 0.2
    told = _killed_again_and_again(tmp_path, bucket, proxy.url, rounds, parts)
    assert len(told) >= rounds * parts
    with open_store(tmp_path) as store:
        sender = Shipper(store.outbox, lambda: client_of(proxy.url), place(bucket), tmp_path, Rules(), now=clock.now)
        all_sent(sender, store, clock, 100_000)
        sender.stop()
        recorded = [each.id for each in store.recent(rounds * parts * 20)]
    assert set(told) <= set(recorded)
    found = objects(session, bucket)
    assert sorted(parts_in(found)) == sorted(recorded), "each once"
    entries = [read_entry(body, key) for key, body in found.items() if key.startswith("outbox/")]
    assert sorted(row.id for each in entries for row in each.inspections) == sorted(recorded)
    assert len({each.key for each in entries}) == len(entries)


@pytest.mark.slow
def test_ten_thousand_through_faults(
    recording: Store,
    bucket: str,
    session: CloudSession,
    proxy: FaultyProxy,
    shipper: Callable[..., Shipper],
    clock: Clock,
) -> None:
    proxy.faults.share = 0.1
    ids = _through_faults(recording, shipper(url=proxy.url), clock, 10_000)
    found = objects(session, bucket)
    assert sorted(parts_in(found)) == sorted(ids)
    assert sum(key.startswith("k/") for key in found) == 10_000 and recording.outbox.backlog().dead == 0


def test_ending_does_not_wait_for_a_hanging_request(store: Store, bucket: str, tmp_path: Path, clock: Clock) -> None:
    store.outbox.add([parcel(1)])
    asked, over = threading.Event(), threading.Event()

    def client() -> Any:
        asked.set()
        over.wait(30)
        raise CloudError("There is no network.")

    sender = Shipper(store.outbox, client, place(bucket), tmp_path, Rules(), now=clock.now)
    sender.start()
    assert asked.wait(10)
    assert not sender.stop(patience=0.1)
    over.set()
    assert sender.stop(patience=10)
    assert store.outbox.backlog().waiting == 1
