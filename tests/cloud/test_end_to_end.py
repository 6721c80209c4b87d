"""From the camera to the pop-up: Kinesis video, picture in S3, detect, SNS, SQS, alarm and answer at the station."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.domain.frame import Frame
from app.domain.verdict import Verdict
from app.serverless import detect
from app.serverless.once import Ledger
from app.serverless.released import Released
from app.vision.artefact import to_bytes
from app.vision.defects import Defect
from app.vision.survey import Sample
from app.vision.training import train
from tests.cloud.conftest import REGION, STREAM, until
from tests.cloud.media_plane import MediaPlane, Stored
from tests.cloud.signature import KEY, SECRET
from tests.inspection.fakes import PASS, FakeDetector
from tests.inspection.fakes import detection as detected
from tests.inspection.stations import CAMERA, WAITING_PARTS, Stations, camera, inspecting
from tests.serverless.parts import draw
from tests.serverless.stack.cloud import ACCOUNT, MODELS, PICTURES, RESULTS, Cloud
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


def test_a_defect_before_the_camera_pops_up_after_its_way_through_the_cloud(
    qtbot: QtBot, stations: Stations, moto_address: str, control_plane: str, plane: MediaPlane, tmp_path: Path
) -> None:
    cloud = Cloud(moto_address, REGION)
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
