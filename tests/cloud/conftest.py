"""What the tests of the cloud share: moto as the control plane, the media plane on the loopback, a made-up camera."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from moto.kinesisvideo import models as moto_models
from moto.server import ThreadedMotoServer

from app.cloud.session import CloudAddress, CloudSession
from app.cloud.video.feed import Encoder, Feed
from app.cloud.video.sender import VideoSender
from app.cloud.video.streams import Streams
from app.cloud.video.watcher import KinesisCamera
from app.domain.frame import Frame, Image
from tests.cloud.media_plane import MediaPlane
from tests.cloud.signature import KEY, REGION, SECRET

STREAM = "line-1"
START = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def moto_address() -> Iterator[str]:
    """moto's server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def control_plane(moto_address: str, session: CloudSession) -> str:
    """The address of moto's server, which knows the streams `line-1` and `passing`; other tests of moto forget them."""
    video = session.client("kinesisvideo")
    for name, hours in ((STREAM, 24), ("passing", 0)):
        with contextlib.suppress(video.exceptions.ResourceInUseException):
            video.create_stream(StreamName=name, DataRetentionInHours=hours)
    return moto_address


@pytest.fixture
def plane(control_plane: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MediaPlane]:
    with MediaPlane() as plane:
        monkeypatch.setattr(moto_models.Stream, "get_data_endpoint", lambda self, api_name: plane.url)
        yield plane


@pytest.fixture(scope="session")
def session(moto_address: str) -> Iterator[CloudSession]:
    """One for all: botocore reads its descriptions of the services anew for each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        session = CloudSession(CloudAddress(region=REGION, endpoint=moto_address))
        session.client("kinesisvideo")
        yield session


@pytest.fixture
def streams(control_plane: str, session: CloudSession) -> Streams:
    return Streams(session)


@pytest.fixture
def make_watched(plane: MediaPlane, session: CloudSession) -> Iterator[Callable[[], KinesisCamera]]:
    """Makes cameras that watch a stream into which something is sent all the time."""
    sender = VideoSender(session, STREAM, Feed("usb:0"))
    sender.start()
    over = threading.Event()

    def produce() -> None:
        camera, encoder = Camera(datetime.now(UTC), apart_ms=20), Encoder()
        while not over.wait(0.02):
            sender.buffer.add(encoder.encode(camera.take()))

    producer = threading.Thread(target=produce)
    producer.start()
    yield lambda: KinesisCamera(session, STREAM)
    over.set()
    producer.join(5)
    sender.stop(2)


def picture(number: int, size: tuple[int, int] = (96, 64)) -> Image:
    """A picture that says its number (0 to 255) by four bits a quarter: size is (width, height)."""
    image = np.full((size[1], size[0], 3), 40, np.uint8)
    for bit in range(8):
        left = bit * size[0] // 8
        image[:, left : left + size[0] // 8] = 220 if number >> bit & 1 else 30
    return image


def number_of(image: Image) -> int:
    """What `picture` was made of."""
    width = image.shape[1]
    middles = [image[:, bit * width // 8 + 3 : (bit + 1) * width // 8 - 3].mean() for bit in range(8)]
    return sum(1 << bit for bit, level in enumerate(middles) if level > 125)


class Camera:
    """Gives frames at times that the test decides; no waiting."""

    def __init__(self, start: datetime = START, apart_ms: int = 100) -> None:
        self.at, self._apart = start, timedelta(milliseconds=apart_ms)
        self.number = 0
        self.taken: dict[int, int] = {}  # producer's ms: number

    def take(self, part: str | None = None, size: tuple[int, int] = (96, 64)) -> Frame:
        frame = Frame(picture(self.number % 256, size), "usb:0", captured_at=self.at, part_id=part)
        self.taken[round(self.at.timestamp() * 1000)] = self.number % 256
        self.number += 1
        self.at += self._apart
        return frame


def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Waits for something that will be true; fails where it does not come."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        pause.wait(0.005)
    return found
