"""A Kinesis stream beside a film: each with its own picture and overlay, the stream with its lag."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.cloud.session import CloudSession
from app.cloud.video.feed import Encoder, Feed
from app.cloud.video.sender import VideoSender
from app.cloud.video.watcher import StreamFrame, WatchState
from app.domain.frame import Frame, Image
from app.domain.inspection import Detection
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.station import Station
from app.status import Phase
from tests.cloud.conftest import REGION, STREAM, control_plane, moto_address, plane, session, until
from tests.cloud.media_plane import MediaPlane
from tests.cloud.signature import KEY, SECRET
from tests.inspection.fakes import LIMITS, FakeDetector
from tests.inspection.stations import MODEL, Stations, reaches
from tests.ui.fake_station import draw_plate
from ui.live.cameras import CameraTile
from ui.live.lag import lag_words
from ui.window import Window

__all__ = ["control_plane", "moto_address", "plane", "session"]

LAG = timedelta(seconds=2.1)
SPOT = (40, 40, 220)  # BGR
SIDE = 44


def plate(good: Image, number: int) -> Image:
    """A (720, 1280, 3) BGR plate whose red spot lies elsewhere for each number."""
    image = good.copy()
    x, y = spot(number)
    cv2.rectangle(image, (x, y), (x + SIDE, y + SIDE), SPOT, -1)
    return image


def spot(number: int) -> tuple[int, int]:
    return 260 + 60 * (number % 12), 160 + 90 * (number // 12 % 4)


class SpotDetector(FakeDetector):
    """Finds the red spot where it really is in the picture it is given."""

    def detect(self, image: Image) -> Detection:
        blue, green, red = (image[..., each].astype(int) for each in range(3))
        rows, columns = np.nonzero((red > 150) & (blue < 110) & (green < 110))
        height, width = image.shape[:2]
        heat = np.full((36, 64), 0.1, np.float32)
        score, regions = 0.1, ()
        if rows.size > 200:
            score = 0.9
            left, top = int(columns.min()), int(rows.min())
            box = left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1
            regions = (Region(*box, box[2] * box[3], "spot", score),)
            heat[top // 20 : (top + box[3]) // 20 + 1, left // 20 : (left + box[2]) // 20 + 1] = score
        verdict, where = (Verdict.FAIL if regions else Verdict.PASS), (0, 0, width, height)
        reason = f"{score:.2f}"
        return Detection(
            score, LIMITS.threshold, LIMITS.retest_from, verdict, None, regions, reason, heat, where, 1.0
        )  # fmt: skip


def film(path: Path, seconds: int = 30) -> Path:
    """Two pictures a second of one good plate after the other."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=2, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        good = [cv2.resize(draw_plate(number, False), (1280, 720)) for number in range(2)]
        for number in range(2 * seconds):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(good[number % 2], format="bgr24")))
        container.mux(stream.encode(None))
    return path


def stamp_of(frame: Frame) -> int:
    return round(frame.captured_at.timestamp() * 1000)


class Producer:
    """Sends plates whose camera took them LAG ago, until it is ended.

    Attributes:
        taken: number of the plate by the producer's time in milliseconds.
    """

    def __init__(self, session: CloudSession) -> None:
        self.taken: dict[int, int] = {}
        self._over = threading.Event()
        self._sender = VideoSender(session, STREAM, Feed("usb:0"))
        good = np.asarray(cv2.resize(draw_plate(1, False), (1280, 720)), np.uint8)
        self._plates = [plate(good, number) for number in range(48)]
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._sender.start()
        self._thread.start()

    def _run(self) -> None:
        encoder, number = Encoder(), 0
        while not self._over.wait(0.1):
            at = datetime.now(UTC) - LAG
            self.taken[round(at.timestamp() * 1000)] = number % 48
            self._sender.buffer.add(encoder.encode(Frame(self._plates[number % 48], "usb:0", captured_at=at)))
            number += 1

    def end(self) -> None:
        self._over.set()
        self._thread.join(10)
        self._sender.stop(2)


@pytest.fixture
def producer(session: CloudSession, plane: MediaPlane) -> Iterator[Producer]:
    made = Producer(session)
    yield made
    made.end()


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, control_plane: str) -> Iterator[Station]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    stations = Stations(tmp_path, monkeypatch)
    stations.detector = SpotDetector()
    made = stations.open()
    made.save_settings(aws_region=REGION, aws_endpoint=control_plane)
    made.inspect_source(f"video:{film(tmp_path / 'plates.mp4')}", MODEL)
    reaches(made, Phase.INSPECTING)
    yield made
    stations.close()


def test_a_streams_tile_shows_the_sent_picture_its_overlay_and_its_lag(
    qtbot: QtBot, window: Window, station: Station, plane: MediaPlane, producer: Producer, tmp_path: Path
) -> None:
    window.resize(1920, 1080)
    station.beside.add("Hall 2", f"kvs:{STREAM}", MODEL)
    until(lambda: plane._getting)
    producer.start()
    live = window.live
    qtbot.waitUntil(live.all_button.isVisible)
    live.show_all(True)

    def tile(name: str) -> CameraTile:
        return next(one for one in live.grid.tiles if one.name == name)

    qtbot.waitUntil(lambda: "frames/s" in tile("Hall 2").words.text(), timeout=15_000)
    qtbot.waitUntil(lambda: (tile("Hall 2").picture.painted_heat or 0) > 0, timeout=15_000)
    hall, first = tile("Hall 2"), tile("Camera 1")
    qtbot.waitUntil(lambda: len(producer.taken) > 30, timeout=15_000)  # some fragments
    qtbot.waitUntil(lambda: " s behind" in hall.words.text())
    producer.end()
    view = station.beside.views()[0]
    last = max(producer.taken)
    qtbot.waitUntil(lambda: stamp_of(view.line.latest().frame) == last, timeout=15_000)
    outcome = view.line.latest()
    qtbot.waitUntil(lambda: hall.picture.painted_picture == outcome.frame.id)

    # The picture carries the producer's time of the fragment it came in.
    assert outcome is not None and isinstance(outcome.frame, StreamFrame)
    stamp = stamp_of(outcome.frame)
    (fragment,) = [each for each in plane.stored if each.number == outcome.frame.fragment]
    assert stamp in fragment.stamps and stamp in producer.taken
    # What is drawn over it was found in it.
    (region,) = outcome.detection.regions  # type: ignore[union-attr]
    assert (region.x, region.y) == pytest.approx(spot(producer.taken[stamp]), abs=4)
    assert hall.picture.painted_heat == hall.picture.painted_picture == outcome.frame.id
    # Its lag is in words, and only the stream's is.
    watched = station.linking.watching()[f"kvs:{STREAM}"]
    assert watched.lag_ms is not None and LAG.total_seconds() - 0.1 < watched.lag_ms / 1000 < 8
    hall.refresh()
    assert f"{watched.lag_ms / 1000:.1f} s behind" in hall.words.text()
    assert hall.verdict.text() == "FAIL" and first.verdict.text() == "PASS"
    assert first.picture.painted_picture is not None

    live.watch("Hall 2")
    live.refresh_health()
    qtbot.waitUntil(lambda: live.shown.verdict == outcome.frame.id)
    assert live.print_drops.text().startswith(f"{watched.lag_ms / 1000:.1f} s behind, ")
    picture = tmp_path / "beside.png"
    assert window.grab().save(str(picture)) and picture.stat().st_size > 50_000
    window.go("setup")
    window.spaces.setup.open("cloud")
    told = window.spaces.setup.cloud.streams.watching
    assert told.text().startswith(f"Watching {STREAM}: {watched.lag_ms / 1000:.1f} s behind its camera, ")
    assert told.isVisible()


def test_a_lag_is_told_of_streams_alone_and_a_clock_ahead_as_such() -> None:
    at = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)

    def told(source: str, lag: float | None, since: float = 0.0) -> str:
        arrived = at + timedelta(milliseconds=lag or 0, seconds=since)
        return lag_words(source, lambda: {"kvs:a": WatchState(producer_at=at, lag_ms=lag)}, lambda: arrived)

    assert told("kvs:a", 2149.0) == "2.1 s behind"
    assert told("kvs:a", 2149.0, since=2.5) == "2.1 s behind"
    assert told("kvs:a", 2149.0, since=8.2) == "2.1 s behind, nothing new for 8 s"
    assert told("kvs:a", -20.0) == "0.0 s behind"
    assert told("kvs:a", -3000.0) == "its clock is 3.0 s ahead"
    assert told("kvs:a", None) == told("kvs:b", 5.0) == told("usb:0", 5.0) == ""
