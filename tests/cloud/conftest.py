"""What the tests of the cloud share: moto as the control plane, the media plane on the loopback, a made-up camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import numpy as np
import pytest
from moto.kinesisvideo import models as moto_models
from moto.server import ThreadedMotoServer

from app.cloud.session import CloudAddress, CloudSession
from app.cloud.video.streams import Streams
from app.domain.frame import Frame, Image
from tests.cloud.media_plane import KEY, REGION, SECRET, MediaPlane

STREAM = "line-1"
START = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[str]:
    """The address of moto's server, which knows the stream `line-1`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
    video = boto3.client("kinesisvideo", region_name=REGION, endpoint_url=url, **keys)
    video.create_stream(StreamName=STREAM, DataRetentionInHours=24)
    video.create_stream(StreamName="passing", DataRetentionInHours=0)
    yield url
    server.stop()


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[MediaPlane]:
    with MediaPlane() as plane:
        monkeypatch.setattr(moto_models.Stream, "get_data_endpoint", lambda self, api_name: plane.url)
        yield plane


@pytest.fixture
def session(control_plane: str, monkeypatch: pytest.MonkeyPatch) -> CloudSession:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return CloudSession(CloudAddress(region=REGION, endpoint=control_plane))


@pytest.fixture
def streams(session: CloudSession) -> Streams:
    return Streams(session)


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
