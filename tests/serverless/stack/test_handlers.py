"""The functions as Lambda calls them: by their handlers alone, with the settings that the template gives them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.serverless import surroundings
from app.serverless.released import pointer_key
from app.serverless.surroundings import SetupError
from tests.serverless.parts import draw, encoded, line
from tests.serverless.stack.cloud import MODELS, OUTBOX, PICTURES, RECORDS, RESULTS, Cloud, client

NAMES = ("detect", "ingest", "watch", "report", "train", "feedback")

Handler = Callable[[dict[str, Any], object], Any]


class Context:
    """What Lambda tells a function of its call."""

    function_name, aws_request_id = "linesight", "8476a536"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Handler]]:
    """A function with these settings, as if it had just begun."""
    modules = [importlib.import_module(f"app.serverless.{name}") for name in NAMES]

    def forget() -> None:
        surroundings.client.cache_clear()
        for module in modules:
            module._parts.cache_clear()

    def begin(name: str, **settings: str) -> Handler:
        forget()
        for key, value in {"STACK": "linesight", **settings}.items():
            monkeypatch.setenv(key, value)
        handler: Handler = modules[NAMES.index(name)].handler
        return handler

    yield begin
    forget()


def test_a_picture_from_the_bucket_to_the_notice(
    handlers: Callable[..., Handler], cloud: Cloud, model: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cloud.release("plate", model)
    queue, (topic, heard) = cloud.queue("pictures"), cloud.topic("defects")
    cloud.tells(PICTURES, queue)
    handler = handlers(
        "detect",
        DETECTIONS_TABLE="detections",
        MODELS_BUCKET=MODELS,
        RESULTS_BUCKET=RESULTS,
        DEFECTS_TOPIC=topic,
        LOW_CONFIDENCE="0.7",
        DEFAULT_PRODUCT="plate",
    )
    cloud.put(PICTURES, "any name.png", encoded(draw(1200, "spot")[0]), line="line-4", camera="top")
    assert cloud.deliver(queue, lambda event: handler(event, Context())) == []
    (notice,) = cloud.heard(heard)
    assert notice["Subject"].endswith("Defect Detection Alert - AssemblyLine: line-4 Camera: top")
    assert len(cloud.keys(RESULTS, "results/line-4/top/")) == 3


def test_an_entry_from_the_outbox_to_the_tables_and_a_station_that_went_silent(
    handlers: Callable[..., Handler], cloud: Cloud
) -> None:
    queue, (topic, heard) = cloud.queue("outbox"), cloud.topic("stations")
    cloud.tells(OUTBOX, queue)
    settings = {"STATIONS_TABLE": "stations", "REVIEWS_TABLE": "reviews"}
    take = handlers("ingest", ENTRIES_TABLE="entries", RECORDS_BUCKET=RECORDS, **settings)
    sent = (datetime.now(UTC) - timedelta(minutes=45)).isoformat()
    entry = {"key": "entry-0001", "station": "bench-2", "site": "north", "sent_at": sent}
    cloud.put(OUTBOX, "outbox/bench-2/1.json", json.dumps(entry).encode())
    assert cloud.deliver(queue, lambda event: take(event, Context())) == []

    look = handlers("watch", STATIONS_TOPIC=topic, SILENT_MINUTES="30", **settings)
    assert look({}, Context())["told_silent"] == ["bench-2"]
    (notice,) = cloud.heard(heard)
    assert notice["Message"]["state"] == "silent"


def test_a_day_is_reported(handlers: Callable[..., Handler], cloud: Cloud) -> None:
    place = {"ResultConfiguration": {"OutputLocation": f"s3://{RECORDS}/athena/"}}
    client("athena").create_work_group(Name="linesight", Configuration=place)
    topic, _ = cloud.topic("reports")
    handler = handlers(
        "report",
        REPORTS_BUCKET=RESULTS,
        REPORTS_TOPIC=topic,
        DATABASE="linesight",
        WORKGROUP="linesight",
        TIME_ZONE="Europe/Berlin",
    )
    answer = handler({"day": "2026-03-01"}, Context())  # moto's Athena counts nothing
    assert cloud.keys(RESULTS) == ["reports/2026/03/fleet-2026-03-01.xlsx"] and answer["day"] == "2026-03-01"


def test_reviews_are_gathered_and_a_large_snapshot_is_handed_over(
    handlers: Callable[..., Handler], cloud: Cloud
) -> None:
    queue, (topic, _) = cloud.queue("train"), cloud.topic("proposals")
    gather = handlers(
        "feedback",
        MODELS_BUCKET=MODELS,
        REVIEWS_TABLE="reviews",
        TRAIN_QUEUE=queue,
        PROPOSALS_TOPIC=topic,
        MINIMUM_REVIEWS="2",
    )
    for number in range(2):
        cloud.put(PICTURES, f"{number}.png", encoded(draw(number)[0]))
        words = {"Id": f"r-{number}", "Product": "plate", "Picture": f"s3://{PICTURES}/{number}.png", "Label": "normal"}
        words |= {"Type": "", "ReviewedAt": "2026-03-02T10:00:00.000+00:00"}
        cloud.dynamodb.put_item(TableName="reviews", Item={name: {"S": value} for name, value in words.items()})
    assert gather(cloud.changes("reviews"), Context()) == {"batchItemFailures": []}

    learn = handlers(
        "train",
        MODELS_BUCKET=MODELS,
        TRAIN_PICTURES="1",
        TRAIN_IMAGE="123456789012.dkr.ecr.eu-west-1.amazonaws.com/linesight:1",
        TRAIN_ROLE="arn:aws:iam::123456789012:role/linesight-train",
        TRAIN_INSTANCE="ml.m5.xlarge",
        TRAIN_KEY="arn:aws:kms:eu-west-1:123456789012:key/1",
    )
    assert cloud.deliver(queue, lambda event: learn(event, Context())) == []
    assert len(client("sagemaker").list_training_jobs()["TrainingJobSummaries"]) == 1


@pytest.mark.slow
def test_a_training_job_writes_the_candidate(
    handlers: Callable[..., Handler], cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.serverless import train

    handlers("train", MODELS_BUCKET=MODELS, PRODUCT="plate", SNAPSHOT="1")
    lines = []
    for number in range(12):
        cloud.put(PICTURES, f"{number}.png", encoded(draw(number)[0]))
        lines.append(line(f"{number}.png", "normal", bucket=PICTURES))
    cloud.put(MODELS, "candidates/plate/0001/snapshot.manifest", "\n".join(lines).encode())
    train.main()
    candidate = json.loads(cloud.read(MODELS, "candidates/plate/0001/candidate.json"))
    assert candidate["product"] == "plate" and 5 <= candidate["pictures"] <= 12


def test_a_setting_that_is_missing_is_named(handlers: Callable[..., Handler], cloud: Cloud) -> None:
    for name in NAMES:
        with pytest.raises(SetupError, match=r"setting [A-Z_]+ is missing"):
            handlers(name)({}, Context())
    with pytest.raises(SetupError, match="SILENT_MINUTES is 'soon', not a number"):
        handlers("watch", STATIONS_TABLE="s", STATIONS_TOPIC="t", SILENT_MINUTES="soon")({}, Context())


def test_a_release_that_is_none_is_told(cloud: Cloud, tmp_path: Any) -> None:
    from app.domain.errors import ModelError
    from app.serverless.released import Released

    cloud.put(MODELS, pointer_key("plate"), b'{"product": "plate"}')
    with pytest.raises(ModelError, match="is no release"):
        Released(cloud.s3, MODELS, tmp_path).release("plate")
    with pytest.raises(ModelError, match="No model is released for 'gear'"):
        Released(cloud.s3, MODELS, tmp_path).detector("gear")
