"""Pictures that arrive in a bucket are judged, on the events that bucket, topic and queue really make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import boto3
import cv2
import numpy as np
import pytest

from app.pictures import decode_picture
from app.serverless import detect, events
from app.serverless.once import Ledger, key_of
from app.serverless.released import Release, Released
from app.vision import artefact
from app.vision.detector import Detector
from tests.serverless.parts import draw, encoded
from tests.serverless.stack.cloud import MODELS, PICTURES, RESULTS, Cloud

KEY = "pictures/line 4/top/plate/2026-03-01/part 7+ü.png"


class Quick(Released):
    """Keeps the detectors of earlier tests: compiling takes the most time of a test."""

    known: ClassVar[dict[str, Detector]] = {}

    def load(self, release: Release) -> Detector:
        if release.sha256 not in self.known:
            self.known[release.sha256] = super().load(release)
        return self.known[release.sha256]


class Station:
    """The function with a queue before it and a topic behind it."""

    def __init__(self, cloud: Cloud, cache: Path, **changed: Any) -> None:
        self.cloud = cloud
        self.queue = cloud.queue("pictures")
        cloud.tells(PICTURES, self.queue)
        self.topic, self.heard = cloud.topic("defects")
        self.now = 1_770_000_000.0
        settings: dict[str, Any] = {
            "s3": cloud.s3,
            "sns": cloud.sns,
            "ledger": Ledger(cloud.dynamodb, "detections", lease=150, keep_days=90, clock=lambda: self.now),
            "released": Quick(cloud.s3, MODELS, cache),
            "results": RESULTS,
            "topic": self.topic,
            "low_confidence": 0.0,
            "default_product": "",
            "stack": "linesight",
        }
        self.parts = detect.Parts(**settings | changed)

    def work(self) -> list[str]:
        return self.cloud.deliver(self.queue, lambda event: detect.judge_all(self.parts, event))

    def results(self) -> list[dict[str, Any]]:
        keys = [key for key in self.cloud.keys(RESULTS) if key.endswith(".json")]
        return [json.loads(self.cloud.read(RESULTS, key)) for key in keys]


@pytest.fixture
def station(cloud: Cloud, model: bytes, tmp_path: Path) -> Station:
    cloud.release("plate", model)
    return Station(cloud, tmp_path / "cache")


def figures(text: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"_aws"')]
    assert len(lines) == 1
    return dict(lines[0])


def test_a_defect_is_written_kept_and_told(
    station: Station, cloud: Cloud, model: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = draw(1200, "spot")[0]
    cloud.put(PICTURES, KEY, encoded(picture), station="bench-2")
    assert station.work() == []

    (found,) = station.results()
    artefact.write(tmp_path / "same", model)
    seen = Detector.load(tmp_path / "same").detect(picture)
    assert found["score"] == pytest.approx(seen.score, abs=1e-4)
    assert found["verdict"] == "FAIL" and found["regions"][0]["label"] == seen.regions[0].label
    assert found["picture"] == f"s3://{PICTURES}/{KEY}"
    assert (found["assembly_line"], found["camera"], found["part"]) == ("line 4", "top", "part 7+ü")

    mask = decode_picture(cloud.read(RESULTS, found["mask"]))
    assert mask.shape == picture.shape and set(np.unique(mask)) == {0, 255}
    box = found["regions"][0]
    assert mask[box["y"] : box["y"] + box["height"], box["x"] : box["x"] + box["width"]].any()
    overlay = decode_picture(cloud.read(RESULTS, found["overlay"]))
    assert overlay.shape == picture.shape and cv2.absdiff(overlay, picture).max() > 40

    (notice,) = cloud.heard(station.heard)
    assert notice["Subject"] == "Defect Detection Alert - AssemblyLine: line 4 Camera: top"
    told = {name: each["Value"] for name, each in notice["MessageAttributes"].items()}
    assert told["AssemblyLine"] == "line 4" and told["Station"] == "bench-2" and told["LowConfidence"] == "false"
    assert notice["Message"]["id"] == found["id"] and notice["Message"]["score"] == found["score"]

    (item,) = cloud.items("detections")
    assert item["IsAnomalous"] == {"BOOL": True} and item["DefectCamera"] == {"S": "line 4/top"}
    assert int(item["Expires"]["N"]) > station.now

    line = figures(capsys.readouterr().out)
    assert line["ProcessedImageCount"] == line["DetectedAnomalyCount"] == 1 and line["Time"] > 0
    (about,) = line["_aws"]["CloudWatchMetrics"]
    assert all(name in line for group in about["Dimensions"] for name in group)
    assert {each["Name"] for each in about["Metrics"]} == {"ProcessedImageCount", "DetectedAnomalyCount", "Time"}


def test_a_good_part_is_written_and_not_told(station: Station, cloud: Cloud) -> None:
    cloud.put(PICTURES, KEY, encoded(draw(3)[0]))
    station.work()
    assert [each["verdict"] for each in station.results()] == ["PASS"]
    assert cloud.heard(station.heard) == []


def test_an_objects_version_is_judged_once_however_often_it_is_told(station: Station, cloud: Cloud) -> None:
    cloud.put(PICTURES, KEY, encoded(draw(1200, "spot")[0]))
    waiting = cloud.receive(station.queue)
    event = cloud.event(station.queue, waiting)
    for _ in range(3):
        assert detect.judge_all(station.parts, event) == {"batchItemFailures": []}
    assert len(cloud.heard(station.heard)) == 1
    # Another version of the same object is another picture.
    cloud.put(PICTURES, KEY, encoded(draw(1201, "spot")[0]))
    station.work()
    assert len(station.results()) == 2 and len(cloud.heard(station.heard)) == 1


def test_what_another_one_works_on_comes_again_and_is_free_when_that_one_died(station: Station, cloud: Cloud) -> None:
    cloud.put(PICTURES, KEY, encoded(draw(3)[0]))
    waiting = [json.loads(each["Body"]) for each in cloud.receive(station.queue)]
    (found,) = [found for body in waiting for found in events.objects(body)]
    assert station.parts.ledger.claim(key_of(*found.identity)) is not None
    cloud.put(PICTURES, KEY, encoded(draw(3)[0]))  # the same content again
    assert len(station.work()) == 1 and station.results() == []
    station.now += 151
    assert station.work() == [] and len(station.results()) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no picture", "neither PNG nor JPEG"),
        (b"", "neither PNG nor JPEG"),
        (encoded(draw(3)[0])[:-400], "truncated"),
        (encoded(draw(3, size=(40, 40))[0]), "40 x 40"),
        (bytes((8 << 20) + 1), "at most 8388608"),
    ],
)
def test_what_is_no_picture_is_an_error_not_a_pass(
    station: Station, cloud: Cloud, data: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.put(PICTURES, KEY, data)
    assert station.work() == []
    (found,) = station.results()
    assert found["verdict"] == "ERROR" and words in found["reason"]
    line = figures(capsys.readouterr().out)
    assert line["InvalidImageCount"] == 1 and "ProcessedImageCount" not in line


def test_one_bad_message_stops_no_other_and_ends_among_the_dead(station: Station, cloud: Cloud) -> None:
    cloud.put(PICTURES, "pictures/line-4/top/unreleased/a.png", encoded(draw(3)[0]))
    cloud.put(PICTURES, KEY, encoded(draw(4)[0]))
    cloud.sqs.send_message(QueueUrl=station.queue, MessageBody="hello")
    assert len(station.work()) == 2
    assert len(station.results()) == 1
    station.work()
    station.work()
    dead = cloud.sqs.get_queue_url(QueueName="pictures-dead")["QueueUrl"]
    assert len(cloud.receive(dead)) == 2
    assert [item["State"]["S"] for item in cloud.items("detections")] == ["done"]


def test_a_picture_cut_out_of_a_video_stream(cloud: Cloud, model: bytes, tmp_path: Path) -> None:
    cloud.release("plate", model)
    station = Station(cloud, tmp_path, default_product="plate")
    key = "video/line_4_123456789012_cam_top_1772359200123_0f3c-77.png"
    moment = {"aws_kinesisvideo_producer_timestamp": "1772359200000", "line": "line_4"}
    cloud.put(PICTURES, key, encoded(draw(3)[0]), **moment)
    station.work()
    (found,) = station.results()
    assert (found["assembly_line"], found["camera"], found["product"]) == ("line_4", "cam_top", "plate")
    assert found["captured_at"] == "2026-03-01T10:00:00.000+00:00"


def test_a_doubtful_defect_says_so(cloud: Cloud, model: bytes, tmp_path: Path) -> None:
    cloud.release("plate", model)
    station = Station(cloud, tmp_path, low_confidence=1.01)
    cloud.put(PICTURES, KEY, encoded(draw(1200, "spot")[0]))
    station.work()
    (notice,) = cloud.heard(station.heard)
    assert notice["Subject"].startswith("LOW Confidence - Defect Detection Alert - AssemblyLine: ")
    assert notice["Message"]["low_confidence"] and notice["MessageAttributes"]["LowConfidence"]["Value"] == "true"


def test_subscribers_can_choose_by_attribute(station: Station, cloud: Cloud) -> None:
    other = cloud.queue("line-5")
    policy = json.dumps({"AssemblyLine": ["line-5"]})
    attributes = {"FilterPolicy": policy}
    cloud.sns.subscribe(TopicArn=station.topic, Protocol="sqs", Endpoint=cloud.arn(other), Attributes=attributes)
    for line in ("line-4", "line-5"):
        cloud.put(PICTURES, f"pictures/{line}/top/plate/a.png", encoded(draw(1200, "spot")[0]))
    station.work()
    assert [each["Message"]["assembly_line"] for each in cloud.heard(other)] == ["line-5"]


def test_a_model_that_is_not_the_released_one_judges_nothing(station: Station, cloud: Cloud) -> None:
    release = cloud.release("plate", b"another")
    cloud.s3.put_object(
        Bucket=MODELS,
        Key="models/plate/released.json",
        Body=json.dumps(
            {
                "product": "plate",
                "version": 2,
                "key": release.key,
                "sha256": "0" * 64,
                "version_id": release.version_id,
            }
        ).encode(),
    )
    cloud.put(PICTURES, KEY, encoded(draw(3)[0]))
    assert len(station.work()) == 1
    assert station.results() == [] and cloud.items("detections") == []


def test_a_cached_model_that_was_changed_is_read_anew(cloud: Cloud, model: bytes, tmp_path: Path) -> None:
    release = cloud.release("plate", model)
    Released(cloud.s3, MODELS, tmp_path).load(release)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"damaged")
    detector, of = Released(cloud.s3, MODELS, tmp_path).detector("plate")
    assert of == release and detector.ref.sha256 == release.sha256


def _from_bridge(cloud: Cloud, queue: str) -> None:
    bridge = boto3.client("events")
    configuration = {"EventBridgeConfiguration": {}}
    cloud.s3.put_bucket_notification_configuration(Bucket=PICTURES, NotificationConfiguration=configuration)
    bridge.put_rule(Name="made", EventPattern=json.dumps({"source": ["aws.s3"]}))
    bridge.put_targets(Rule="made", Targets=[{"Id": "queue", "Arn": cloud.arn(queue)}])


def _from_topic(cloud: Cloud, queue: str) -> None:
    topic = cloud.sns.create_topic(Name="fan-out")["TopicArn"]
    cloud.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=cloud.arn(queue))
    told = [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]
    cloud.s3.put_bucket_notification_configuration(
        Bucket=PICTURES, NotificationConfiguration={"TopicConfigurations": told}
    )


@pytest.mark.parametrize("way", [_from_bridge, _from_topic])
def test_other_ways_from_the_bucket_to_the_queue(
    station: Station, cloud: Cloud, way: Callable[[Cloud, str], None]
) -> None:
    cloud.receive(station.queue)
    way(cloud, station.queue)
    version = cloud.put(PICTURES, KEY, encoded(draw(3)[0]))
    assert station.work() == []
    (found,) = station.results()
    assert found["picture"] == f"s3://{PICTURES}/{KEY}"
    # moto's own notices of buckets leave the version out; EventBridge has it, as all do at Amazon.
    assert found["picture_version"] == (version if way is _from_bridge else "")


def test_a_function_that_runs_out_of_time_leaves_the_rest(station: Station, cloud: Cloud) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 3000

    cloud.put(PICTURES, KEY, encoded(draw(3)[0]))
    waiting = cloud.receive(station.queue)
    answer = detect.judge_all(station.parts, cloud.event(station.queue, waiting), Context())
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [each["MessageId"] for each in waiting]
    assert cloud.items("detections") == []
