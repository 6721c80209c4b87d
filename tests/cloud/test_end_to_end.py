"""From the camera to the pop-up: Kinesis video, picture in S3, detect, SNS, SQS, alarm and answer at the station."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.datasets import Item
from app.domain.frame import Frame
from app.domain.review import Answer
from app.domain.verdict import Verdict
from app.serverless import detect, feedback, ingest
from app.serverless import train as training
from app.serverless.once import Ledger
from app.serverless.released import Released
from app.serverless.snapshots import is_for_testing, kept_key
from app.vision.artefact import to_bytes
from app.vision.defects import Defect
from app.vision.survey import Sample
from app.vision.training import train
from tests.cloud.conftest import REGION, STREAM, until
from tests.cloud.media_plane import MediaPlane, Stored
from tests.cloud.signature import KEY, SECRET
from tests.inspection.fakes import FAIL, PASS, FakeDetector
from tests.inspection.fakes import detection as detected
from tests.inspection.stations import CAMERA, MODEL, WAITING_PARTS, Stations, camera, inspecting
from tests.serverless.parts import draw
from tests.serverless.stack.cloud import ACCOUNT, MODELS, OUTBOX, PICTURES, RECORDS, RESULTS, Cloud
from ui.app import application
from ui.window import Window

IMAGE = "AWS_KINESISVIDEO_IMAGE_GENERATION"


class Unaware(FakeDetector):
    """A local model that sees nothing, so that what is heard comes from the cloud."""

    def detect(self, image):  # type: ignore[no-untyped-def]
        return detected(PASS)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("app.cloud.inbox.WAIT", 1)


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    made.detector = Unaware()
    yield made
    made.close()


def image_of(fragment: Stored) -> bytes:
    """The first picture of a fragment, as JPEG."""
    codec = av.CodecContext.create("h264", "r")
    codec.extradata = fragment.track.private
    frames = [frame for block in fragment.frames for frame in codec.decode(av.Packet(block.data))]  # type: ignore[attr-defined]
    frames += codec.decode(None)  # type: ignore[attr-defined]
    ok, data = cv2.imencode(".jpg", frames[0].to_ndarray(format="bgr24"), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert ok
    return data.tobytes()


def generate_images(fragments: list[Stored], cloud: Cloud) -> None:
    """What the service does with fragments that ask for it: their tags become the picture's metadata."""
    for fragment in fragments:
        if IMAGE not in fragment.tags:
            continue
        told = {name: value for name, value in fragment.tags.items() if name != IMAGE}
        told |= {
            "aws_kinesisvideo_fragment_number": fragment.number,
            "aws_kinesisvideo_producer_timestamp": str(fragment.timecode),
        }
        key = f"video/line_4_{ACCOUNT}_{STREAM}_{fragment.timecode}_{uuid.uuid4().hex}.jpg"
        cloud.put(PICTURES, key, image_of(fragment), **told)


def model_of_spots() -> bytes:
    def part(seed: int, defect: str = "") -> Sample:
        return Sample(f"{defect}{seed}", lambda: draw(seed, defect)[0])

    spots = [part(1000 + number, "spot") for number in range(3)]
    known = [Defect(each.name, each.load, "spot", None) for each in spots]
    return to_bytes(train([part(seed) for seed in range(8)], name="plate", defects=known).model)


@pytest.fixture
def cloud(moto_address: str) -> Cloud:
    """The stack's account, as it was made. To be asked for before the streams: it has none."""
    urllib.request.urlopen(urllib.request.Request(f"{moto_address}/moto-api/reset", method="POST")).close()
    return Cloud(moto_address, REGION)


def test_a_defect_before_the_camera_pops_up_after_its_way_through_the_cloud(
    qtbot: QtBot, stations: Stations, cloud: Cloud, control_plane: str, plane: MediaPlane, tmp_path: Path
) -> None:
    cloud.release("plate", model_of_spots())
    pictures = cloud.queue("pictures")
    cloud.tells(PICTURES, pictures)
    topic, _ = cloud.topic("defects")
    mine = cloud.queue("bench-4")
    cloud.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=cloud.arn(mine))
    function = detect.Parts(
        s3=cloud.s3,
        sns=cloud.sns,
        ledger=Ledger(cloud.dynamodb, "detections", lease=150, keep_days=90),
        released=Released(cloud.s3, MODELS, tmp_path / "cache"),
        results=RESULTS,
        topic=topic,
        low_confidence=0.0,
        default_product="plate",
        stack="linesight",
    )

    source = camera(WAITING_PARTS)
    station = inspecting(stations, source)
    station.save_settings(
        aws_region=REGION, aws_endpoint=control_plane, station="Bench 4", video_stream=STREAM, video_images=True,
        cloud_queue=mine,
    )  # fmt: skip
    until(lambda: station.linking.sending() and station.notifying.inbox())
    application(station)
    window = Window(station)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    try:
        began = datetime.now(UTC) - timedelta(seconds=10)
        for number, (seed, defect) in enumerate(((3, ""), (1200, "spot"))):
            at = began + timedelta(seconds=2 * number)  # a fragment of its own
            source.push(Frame(draw(seed, defect)[0], CAMERA, part_id=f"P-{number}", captured_at=at))
            until(lambda number=number: station.linking.sending().sent_frames == number + 1)
        station.save_settings(video_stream="")  # the last fragment is whole; the queue is listened to as before
        until(lambda: len(plane.stored) == 2)
        assert plane.violations == []
        generate_images(plane.stored, cloud)

        def event(told: dict[str, Any]) -> Mapping[str, Any]:
            return detect.judge_all(function, told)

        judged: list[dict[str, Any]] = []

        def results() -> list[dict[str, Any]]:
            assert cloud.deliver(pictures, event) == []
            keys = [key for key in cloud.keys(RESULTS) if key.endswith(".json")]
            judged[:] = [json.loads(cloud.read(RESULTS, key)) for key in keys]
            return judged if len(judged) == 2 else []

        until(results, 30)
        by_part = {each["part"]: each for each in judged}
        assert by_part.keys() == {"P-0", "P-1"} and by_part["P-1"]["verdict"] == "FAIL"
        assert by_part["P-0"]["verdict"] != "FAIL", "nobody is told of it"
        assert {each["station"] for each in judged} == {"Bench 4"}

        qtbot.waitUntil(lambda: bool(station.active_alarms()), timeout=15_000)
        (alarm,) = station.active_alarms()
        assert (alarm.kind, alarm.title) == ("defect", f"Defect: {by_part['P-1']['regions'][0]['label']}")
        assert "Part P-1" in alarm.detail
        qtbot.waitUntil(window.alarm_strip.button.isVisible)
        assert [row.verdict for row in station.recent()] == [Verdict.PASS] * 2, "the first verdicts are the station's"
        window.alarm_strip.button.click()
        qtbot.waitUntil(lambda: station.active_alarms() == [])
        until(lambda: (row := station.watching.row(alarm.id)) and row.alarm.acknowledged_by == station.people.name)
    finally:
        window.close_window()
        window.hide()
        window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


class Seeing(FakeDetector):
    """A local model that fails spots, so that there is something to review."""

    def detect(self, image):  # type: ignore[no-untyped-def]
        return detected(FAIL if int(image.min()) < 40 else PASS)


@dataclass
class Stack:
    """The functions that learn from reviews, with the queues between them."""

    cloud: Cloud
    folder: Path

    def __post_init__(self) -> None:
        cloud = self.cloud
        self.outbox, self.to_train, self.to_propose = (cloud.queue(name) for name in ("outbox", "train", "propose"))
        cloud.tells(OUTBOX, self.outbox, "outbox/")
        cloud.tells(MODELS, self.to_propose)
        self.topic, _ = cloud.topic("proposals")
        entries = Ledger(cloud.dynamodb, "entries", lease=150, keep_days=90)
        self.ingest = ingest.Parts(cloud.s3, cloud.dynamodb, entries, RECORDS, "stations", "reviews", "linesight")
        self.train = training.Parts(cloud.s3, None, MODELS, 1000, None, "linesight")
        self.feedback = feedback.Parts(
            s3=cloud.s3,
            sqs=cloud.sqs,
            sns=cloud.sns,
            dynamodb=cloud.dynamodb,
            released=Released(cloud.s3, MODELS, self.folder),
            models=MODELS,
            reviews="reviews",
            queue=self.to_train,
            topic=self.topic,
            minimum=10,
        )

    def reviews(self) -> int:
        """Takes in what the station has sent; how many reviews the table has now."""
        assert self.cloud.deliver(self.outbox, lambda event: ingest.take_all(self.ingest, event)) == []
        return len(self.cloud.items("reviews"))

    def learn_waiting(self) -> int:
        """Learns from what the queue of trainings names; how many that were."""
        waiting: list[int] = []

        def learn(event: dict[str, Any]) -> Mapping[str, Any]:
            waiting.append(len(event["Records"]))
            return training.train_all(self.train, event)

        assert self.cloud.deliver(self.to_train, learn) == []
        return sum(waiting)

    def learn(self) -> None:
        """What the table's stream, the queues and the bucket set going."""
        assert feedback.take_all(self.feedback, self.cloud.changes("reviews")) == {"batchItemFailures": []}
        assert self.learn_waiting() == 1
        assert self.cloud.deliver(self.to_propose, lambda event: feedback.take_all(self.feedback, event)) == []


@pytest.mark.slow
def test_reviews_at_a_station_come_back_as_a_model_that_a_person_releases(
    stations: Stations, cloud: Cloud, control_plane: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", control_plane)  # the function that learns fetches pictures by itself
    monkeypatch.setattr("app.cloud.shipping.GATHERED", timedelta())
    monkeypatch.setattr("app.cloud.shipping._LOOK", 0.05)
    stack = Stack(cloud, tmp_path / "cache")
    mine = cloud.queue("bench-4")
    cloud.sns.subscribe(TopicArn=stack.topic, Protocol="sqs", Endpoint=cloud.arn(mine))
    source = camera(WAITING_PARTS)
    stations.detector = Seeing()
    station = inspecting(stations, source)
    station.save_settings(
        aws_region=REGION, aws_endpoint=control_plane, station="Bench 4", product="plate", cloud_queue=mine,
        cloud_bucket=OUTBOX, cloud_models=MODELS,
    )  # fmt: skip
    station.inspect_source(CAMERA, MODEL, "plate")
    station.begin()

    # Parts until enough of either kind would be kept for testing, and enough would not.
    wanted = {("", True): 2, ("", False): 9, ("spot", True): 2, ("spot", False): 3}
    reviewed = 0
    for number in range(400):
        defect = "spot" if number % 3 == 2 else ""
        source.push(Frame(draw(number, defect)[0], CAMERA, part_id=f"P-{number}", captured_at=datetime.now(UTC)))
        until(lambda number=number: station.session_counts().total == number + 1)
        row = station.recent(1)[0]
        assert row.verdict is (Verdict.FAIL if defect else Verdict.PASS)
        day = row.captured_at.astimezone(station.zone).date()
        picture = f"s3://{OUTBOX}/pictures/Bench 4/{day}/{row.id}{Path(row.image_path).suffix}"
        tested = is_for_testing(Item(Path("x"), f"s3://{MODELS}/{kept_key('plate', picture)}", None))
        if wanted[defect, tested]:
            wanted[defect, tested] -= 1
            station.reviewing.ask(row.id)
            look = station.reviewing.look(row.id)
            station.reviewing.answer(look.waiting, Answer.TRUE_DEFECT if defect else Answer.FALSE_ALARM, kind=defect)
            reviewed += 1
        if not any(wanted.values()):
            break
    assert reviewed == 16

    until(lambda: stack.reviews() == 16, 30)
    stack.learn()
    until(station.active_alarms)
    (alarm,) = [each for each in station.active_alarms() if each.kind == "proposal"]
    assert alarm.title == "A better model of plate waits in the cloud" and "From the cloud" in alarm.detail

    (offer,) = station.cloud_models.offers().result(30)
    assert (offer.product, offer.snapshot, offer.pictures, offer.recommended) == ("plate", 1, 12, True)
    name = station.cloud_models.take(offer).result(60)
    assert station.cloud_models.take(offer).result(60) == name, "the same file is one version"
    version = station.improving.version(name)
    assert version.metrics is not None and (version.metrics.normals, version.metrics.anomalies) == (2, 2)
    del station.shelf.load  # type: ignore[attr-defined]  # from here on by its own models
    released = station.improving.release(name, person="Susan").result(60)
    assert released.overridden == () and released.by == "Susan", "the gate found nothing: it scores here as there"
    sent = until(lambda: cloud.keys(OUTBOX, "models/Bench 4/"))
    assert [cloud.read(OUTBOX, key) for key in sent] == [version.path.read_bytes()]
    detector = station.shelf.load(name)
    assert detector.detect(draw(2001, "spot")[0]).verdict is Verdict.FAIL
    assert detector.detect(draw(2001)[0]).verdict is Verdict.PASS
