"""Where pictures come from, what is done once, and figures in the form CloudWatch reads."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.serverless.metrics import DETECTED, PROCESSED, TIME, Metrics
from app.serverless.notices import publish
from app.serverless.once import Busy, Ledger
from app.serverless.origin import origin_of
from tests.serverless.stack.cloud import Cloud

STORED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("pictures/line-4/top/plate/2026/p 1.png", ("line-4", "top", "plate", "p 1")),
        ("pictures/line-4/top/plate/p.1.jpeg", ("line-4", "top", "plate", "p.1")),
        ("elsewhere/p.png", ("unknown", "unknown", "", "")),
        ("x_123456789012_top_1772359200123_a-b.jpg", ("unknown", "top", "", "x_123456789012_top_1772359200123_a-b")),
        (
            "v/123456789012_a_1_b_1772359200123_a-b.jpg",
            ("unknown", "a_1_b", "", "123456789012_a_1_b_1772359200123_a-b"),
        ),
        ("v/1234_a_1772359200123_a-b.jpg", ("unknown", "unknown", "", "")),
    ],
)
def test_a_key_tells_where_its_picture_comes_from(key: str, expected: tuple[str, ...]) -> None:
    found = origin_of(key, {}, STORED)
    assert (found.line, found.camera, found.product, found.part) == expected


@pytest.mark.parametrize(
    ("metadata", "moment"),
    [
        ({"captured-at": "2026-03-01T11:59:00+01:00"}, datetime(2026, 3, 1, 10, 59, tzinfo=UTC)),
        ({"captured-at": "2026-03-01T11:59:00"}, datetime(2026, 3, 1, 11, 59, tzinfo=UTC)),
        ({"captured-at": "noon"}, STORED),
        ({"aws_kinesisvideo_producer_timestamp": "1772359200000"}, datetime(2026, 3, 1, 10, 0, tzinfo=UTC)),
        ({"aws_kinesisvideo_producer_timestamp": "1772359200.5"}, datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ({"aws_kinesisvideo_producer_timestamp": "1" * 40}, STORED),
    ],
)
def test_metadata_tell_when(metadata: dict[str, str], moment: datetime) -> None:
    assert origin_of("a.png", metadata, STORED).captured_at == moment


@given(st.text(max_size=80), st.dictionaries(st.sampled_from(["line", "captured-at", "product"]), st.text(max_size=40)))
def test_nothing_in_a_key_or_its_metadata_is_too_strange(key: str, metadata: dict[str, str]) -> None:
    found = origin_of(key, metadata, STORED)
    assert found.line and found.camera and found.captured_at.tzinfo is UTC


def test_who_lost_its_claim_neither_finishes_nor_gives_it_back(cloud: Cloud) -> None:
    now = [1_770_000_000.0]
    ledger = Ledger(cloud.dynamodb, "entries", lease=150, keep_days=90, clock=lambda: now[0])
    first = ledger.claim("a")
    assert first is not None
    now[0] += 151
    second = ledger.claim("a")
    assert second is not None
    ledger.give_back(first)
    with pytest.raises(Busy):
        ledger.finish(first, {})
    with pytest.raises(Busy):
        ledger.claim("a")
    ledger.finish(second, {"Result": {"S": "r"}})
    assert ledger.claim("a") is None
    (item,) = cloud.items("entries")
    assert item["Result"] == {"S": "r"} and int(item["Expires"]["N"]) == int(now[0]) + 90 * 86_400


def test_figures_are_lines_of_at_most_a_hundred_values() -> None:
    out = io.StringIO()
    metrics = Metrics("linesight", out, lambda: 1_770_000_000.0)
    for number in range(250):
        metrics.took("plate", number)
    metrics.count(PROCESSED, "plate", 250)
    metrics.count(DETECTED, "gear")
    metrics.flush()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    plate = [line for line in lines if line["Product"] == "plate"]
    assert [len(line[TIME]) for line in plate] == [100, 100, 50]
    assert sum(line.get(PROCESSED, 0) for line in plate) == 250
    for line in lines:
        (about,) = line["_aws"]["CloudWatchMetrics"]
        assert line["_aws"]["Timestamp"] == 1_770_000_000_000 and about["Namespace"] == "Linesight"
        assert all(each["Name"] in line for each in about["Metrics"])
    metrics.flush()
    assert len(out.getvalue().splitlines()) == len(lines)


def test_a_notice_takes_any_words(cloud: Cloud) -> None:
    topic, heard = cloud.topic("words")
    publish(cloud.sns, topic, "Prüf\nstand " + "x" * 200, {"words": "Prüfstand"}, {"Station": "Prüfstand", "Label": ""})
    (notice,) = cloud.heard(heard)
    assert notice["Subject"].startswith("Pr?f stand x") and len(notice["Subject"]) == 99
    assert notice["Message"] == {"words": "Prüfstand"} and set(notice["MessageAttributes"]) == {"Station"}
