"""What stations send is taken in exactly once, and nothing that can't be read is lost."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from app.serverless import ingest
from app.serverless.once import Ledger
from tests.serverless.stack.cloud import OUTBOX, RECORDS, Cloud

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def inspection(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "part_id": f"P-{number}",
        "captured_at": (NOW - timedelta(seconds=number)).isoformat(),
        "judged_at": NOW.isoformat(),
        "product": "plate",
        "verdict": "FAIL" if number % 3 == 0 else "PASS",
        "score": 0.25 * number,
        "threshold": 0.61,
        "labels": ["spot", "scratch"] if number % 3 == 0 else [],
        "model": "plate",
        "model_version": 3,
        "milliseconds": 12.5,
        "of_a_later_version": {"passed": "over"},
        **changed,
    }


def review(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"review-{number:06}",
        "inspection": f"{number:032x}",
        "product": "plate",
        "picture": f"s3://pics/pictures/line-4/top/plate/{number}.png",
        "label": "anomaly",
        "type": "spot",
        "reviewer": "Susan",
        "reviewed_at": NOW.isoformat(),
        **changed,
    }


def entry(key: str = "entry-0001", **changed: Any) -> dict[str, Any]:
    return {
        "key": key,
        "station": "bench-2",
        "site": "north",
        "sent_at": NOW.isoformat(),
        "version": "0.1.0",
        **changed,
    }


class Fleet:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.queue = cloud.queue("outbox")
        cloud.tells(OUTBOX, self.queue)
        self.now = NOW.timestamp()
        self.parts = ingest.Parts(
            cloud.s3,
            cloud.dynamodb,
            Ledger(cloud.dynamodb, "entries", lease=150, keep_days=90, clock=lambda: self.now),
            RECORDS,
            "stations",
            "reviews",
            "linesight",
            lambda: self.now,
        )

    def send(self, sent: dict[str, Any] | bytes, name: str = "outbox/bench-2/2026/a 1.json") -> None:
        self.cloud.put(OUTBOX, name, sent if isinstance(sent, bytes) else json.dumps(sent).encode())

    def work(self) -> list[str]:
        return self.cloud.deliver(self.queue, lambda event: ingest.take_all(self.parts, event))

    def rows(self) -> pl.DataFrame:
        keys = self.cloud.keys(RECORDS, "inspections/")
        return pl.concat([pl.read_parquet(io.BytesIO(self.cloud.read(RECORDS, key))) for key in keys])


@pytest.fixture
def fleet(cloud: Cloud) -> Fleet:
    return Fleet(cloud)


def test_inspections_become_rows_of_their_days(fleet: Fleet) -> None:
    night = inspection(7, day="2026-03-01")  # of the shift that began the day before
    fleet.send(entry(inspections=[inspection(1), inspection(3), night]))
    assert fleet.work() == []
    assert fleet.cloud.keys(RECORDS) == [
        "inspections/day=2026-03-01/bench-2/entry-0001.parquet",
        "inspections/day=2026-03-02/bench-2/entry-0001.parquet",
    ]
    rows = fleet.rows().sort("part_id")
    assert rows["part_id"].to_list() == ["P-1", "P-3", "P-7"]
    assert rows["verdict"].to_list() == ["PASS", "FAIL", "PASS"]
    assert rows["labels"].to_list() == [[], ["spot", "scratch"], []]
    assert rows["captured_at"][0] == (NOW - timedelta(seconds=1)).replace(tzinfo=None)
    assert set(rows["site"]) == {"north"} and set(rows["station"]) == {"bench-2"}


def test_an_entry_that_is_sent_again_counts_once(fleet: Fleet) -> None:
    sent = entry(inspections=[inspection(1)], reviews=[review(1)])
    fleet.send(sent)
    fleet.work()
    fleet.send(sent, "outbox/bench-2/again.json")
    fleet.send(entry(inspections=[inspection(2)], reviews=[review(1)]), "outbox/bench-2/third.json")
    fleet.work()
    assert len(fleet.rows()) == 1 and len(fleet.cloud.items("reviews")) == 1
    # The same key of another station is another entry.
    fleet.send(entry(station="bench-3", inspections=[inspection(9)]), "outbox/bench-3/a.json")
    fleet.work()
    assert len(fleet.rows()) == 2


def test_after_a_sudden_end_the_same_is_written_again_not_twice(fleet: Fleet) -> None:
    fleet.send(entry(inspections=[inspection(1)], reviews=[review(1), review(2)]))
    broken = replace(fleet.parts, stations="no-such-table")
    failed = fleet.cloud.deliver(fleet.queue, lambda event: ingest.take_all(broken, event))
    assert len(failed) == 1 and len(fleet.cloud.items("reviews")) == 2
    assert fleet.work() == []
    assert len(fleet.rows()) == 1 and len(fleet.cloud.items("reviews")) == 2
    assert len(fleet.cloud.items("stations")) == 1


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"{", "is no entry"),
        (entry(inspections=[inspection(1, verdict="GOOD")]), "inspections.0.verdict"),
        (entry(inspections=[inspection(1, captured_at="2026-03-02T08:00:00")]), "timezone"),
        (entry(key="../../x-y-z"), "key"),
        (entry(station="bench-9"), "lie elsewhere"),
        (entry(reviews=[review(1, picture="http://example.com/a.png")]), "picture"),
    ],
)
def test_what_is_no_entry_is_kept_with_the_reason(fleet: Fleet, sent: dict[str, Any] | bytes, words: str) -> None:
    fleet.send(sent)
    assert fleet.work() == [] and fleet.work() == []  # what was set aside is told of as well
    aside = "set-aside/outbox/bench-2/2026/a 1.json"
    assert fleet.cloud.read(OUTBOX, aside) == (sent if isinstance(sent, bytes) else json.dumps(sent).encode())
    assert words in fleet.cloud.read(OUTBOX, f"{aside}.reason.txt").decode()
    assert fleet.cloud.keys(RECORDS) == [] and fleet.cloud.items("stations") == []


def test_reviews_reach_the_tables_stream(fleet: Fleet) -> None:
    fleet.send(entry(reviews=[review(1), review(2, label="normal", type="")]))
    fleet.work()
    changes = fleet.cloud.changes("reviews")["Records"]
    assert [each["dynamodb"]["NewImage"]["Label"]["S"] for each in changes] == ["anomaly", "normal"]


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ([NOW, NOW - timedelta(hours=1)], NOW),  # the older entry comes later
        ([NOW + timedelta(days=300)], NOW),  # a clock that is ahead
    ],
)
def test_the_last_sign_of_life_is_noted(fleet: Fleet, sent: list[datetime], seen: datetime) -> None:
    for number, moment in enumerate(sent):
        fleet.send(entry(f"entry-000{number}", sent_at=moment.isoformat()), f"outbox/bench-2/{number}.json")
        fleet.work()
    (item,) = fleet.cloud.items("stations")
    assert float(item["LastSeen"]["N"]) == seen.timestamp()
