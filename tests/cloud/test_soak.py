"""A live line that records, sends and streams while something fails every few seconds: both sides end up equal.

`pytest -m slow -o faulthandler_timeout=0 tests/cloud/test_soak.py` takes a minute, with LINESIGHT_SOAK_MINUTES=30
before it that many.
"""

from __future__ import annotations

import collections
import io
import json
import os
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app.cameras.base import SourceTraits
from app.cloud.session import CloudSession
from app.domain.frame import Frame
from app.domain.person import Action
from app.domain.verdict import Verdict
from tests.cloud.conftest import REGION, STREAM, until
from tests.cloud.faulty import FaultyProxy
from tests.cloud.media_plane import MediaPlane
from tests.cloud.signature import KEY, SECRET
from tests.inspection.fakes import FAIL, PASS, RETEST, FakeDetector
from tests.inspection.fakes import picture as drawn
from tests.inspection.stations import CAMERA, Stations, camera, inspecting

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

MINUTES = float(os.environ.get("LINESIGHT_SOAK_MINUTES", "1"))
_EVERY = 0.1  # seconds between two parts
_FAULTS = 3.0  # seconds between two faults at most


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("app.cloud.inbox.WAIT", 1)
    monkeypatch.setattr("app.cloud.shipping.GATHERED", timedelta(seconds=2))
    monkeypatch.setattr("app.cloud.shipping._LONGEST_WAIT", 2.0)
    made = Stations(tmp_path, monkeypatch)
    made.detector = FakeDetector()
    yield made
    made.close()


def every(s3: Any, bucket: str, prefix: str) -> dict[str, bytes]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_after_all_faults_both_sides_have_the_same(
    stations: Stations, session: CloudSession, plane: MediaPlane, moto_address: str
) -> None:
    s3, bucket = session.client("s3"), f"soak-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    chance = random.Random(7)
    source = camera(SourceTraits(live=False, parts=True, endless=True))
    with FaultyProxy(moto_address) as proxy:
        station = inspecting(stations, source)
        station.save_settings(
            aws_region=REGION, aws_endpoint=proxy.url, station="Bench 4", cloud_bucket=bucket, video_stream=STREAM,
        )  # fmt: skip
        station.begin()
        until(lambda: station.linking.sending(), 30)
        begin = time.monotonic()
        pushed, faults, quiet = 0, collections.Counter[str](), begin + 2
        while time.monotonic() - begin < MINUTES * 60:
            until(lambda least=pushed - 3: station.session_counts().total >= least, 30)
            score = chance.choices((PASS, RETEST, FAIL), (8, 1, 1))[0]
            at = datetime.now(UTC)
            source.push(Frame(drawn(score, noise=pushed), CAMERA, part_id=f"P-{pushed}", captured_at=at))
            pushed += 1
            if pushed % 17 == 0 and (active := station.active_alarms()):
                station.acknowledge(active[0].id)
            now = time.monotonic()
            if now >= quiet:
                quiet = now + chance.uniform(0.2, _FAULTS)
                what = chance.choice(("proxy down", "proxy bad", "proxy well", "video cut", "video down", "video up"))
                faults[what] += 1
                if what == "video cut":
                    plane.cut()
                elif what.startswith("video"):
                    plane.faults.down = what == "video down"
                    if plane.faults.down:
                        plane.cut()
                else:
                    proxy.faults.down, proxy.faults.share = what == "proxy down", 0.5 if what == "proxy bad" else 0.0
            time.sleep(max(0.0, begin + pushed * _EVERY - time.monotonic()))
        proxy.faults.down, proxy.faults.share, plane.faults.down = False, 0.0, False

        until(lambda: station.session_counts().total == pushed, 60)
        sender = station.linking._sender
        assert sender is not None
        until(lambda: sender.state().waiting.fragments <= 1, 120)  # the last one is not whole yet
        station.save_settings(video_stream="")
        until(lambda: station.linking.sending() is None, 30)
        video = sender.state()

        def sent() -> bool:
            shipper = station.outbox._shipper
            assert shipper is not None
            shipper.wake()
            return station.store.outbox.backlog().waiting == 0

        until(sent, 300)
        dead = station.outbox.dead()
        rows = {each.id: each for each in station.store.recent(10 * pushed + 1000)}
        audited = [each for each in station.store.audit_entries(10) if each.action == Action.SETTINGS]

    assert dead == [] and len(rows) == pushed and audited
    files = every(s3, bucket, "inspections/")
    there = pl.concat([pl.read_parquet(io.BytesIO(body)) for body in files.values()])
    assert sorted(there["id"]) == sorted(rows), "each row once"
    assert {row["id"]: row["verdict"] for row in there.iter_rows(named=True)} == {
        id: row.verdict.value for id, row in rows.items()
    }
    entries = [json.loads(body) for body in every(s3, bucket, "outbox/").values()]
    assert sorted(row["id"] for each in entries for row in each.get("inspections", ())) == sorted(rows)
    pictures = {Path(key).stem for key in every(s3, bucket, "pictures/")}
    assert pictures == {id for id, row in rows.items() if row.verdict is not Verdict.PASS}

    told = [json.loads(line) for body in every(s3, bucket, "alarms/").values() for line in body.splitlines()]
    newest: dict[str, tuple[str, dict[str, Any]]] = {}
    for line in told:
        for alarm in line["row"]["alarms"]:
            if alarm["id"] not in newest or line["at"] >= newest[alarm["id"]][0]:
                newest[alarm["id"]] = line["at"], alarm
    here = {each.id: each for each in station_alarms(stations)}
    assert newest.keys() == here.keys()
    assert {id: alarm["count"] for id, (_, alarm) in newest.items()} == {id: each.count for id, each in here.items()}

    assert plane.violations == []
    stamps = [stamp for each in plane.stored for stamp in each.stamps]
    assert len(stamps) == len(set(stamps)), "no frame of the video twice"
    left_out = video.passed_over + video.waiting.dropped_frames
    assert len(stamps) + left_out == pushed, f"what is missing was counted: {len(stamps)} + {left_out} of {pushed}"
    print(f"{pushed} parts, {len(files)} files, {len(newest)} alarms, {len(stamps)} frames of video, {dict(faults)}")


def station_alarms(stations: Stations) -> list[Any]:
    return stations.made[0].alarm_history(100_000)
