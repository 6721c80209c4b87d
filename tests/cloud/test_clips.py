"""Clips: the moment is on them, and they are files that others read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest

from app.cloud.session import CloudError, CloudSession
from app.cloud.video.clips import ClipRing, cloud_clip, write_clip
from app.cloud.video.feed import Encoder, Feed
from app.cloud.video.streams import Streams
from app.domain.errors import LinesightError
from tests.cloud.conftest import START, STREAM, Camera, number_of, until
from tests.cloud.media_plane import MediaPlane
from tests.cloud.test_watcher import Produced

MOMENT = START + timedelta(seconds=12.3)


def filled(seconds: float = 20, ring: ClipRing | None = None, **options: Any) -> ClipRing:
    ring, camera, encoder = ring or ClipRing(30), Camera(), Encoder()
    for _ in range(int(10 * seconds)):
        ring.add(encoder.encode(camera.take(**options)))
    return ring


def read(path: Path) -> dict[int, int]:
    """Milliseconds in the file: number on the picture."""
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        return {
            round(float(frame.pts * frame.time_base) * 1000): number_of(frame.to_ndarray(format="bgr24"))
            for frame in container.decode(video=0)
        }


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_a_clip_holds_the_moment_and_what_lies_around_it(tmp_path: Path, ending: str) -> None:
    clip = write_clip(filled(), MOMENT, tmp_path / f"defect{ending}", patience=0)
    assert clip.begin <= MOMENT - timedelta(seconds=5) < clip.begin + timedelta(seconds=1)
    assert clip.end == MOMENT + timedelta(seconds=5)
    shown = read(clip.path)
    assert len(shown) == clip.frames
    at = round((MOMENT - clip.begin).total_seconds() * 1000)
    assert shown[at] == 123
    assert list(shown.values()) == list(range(70, 174))
    assert [path.name for path in tmp_path.iterdir()] == [f"defect{ending}"]


def test_a_moment_that_has_just_passed_waits_for_what_follows(tmp_path: Path) -> None:
    from threading import Thread

    ring, camera, encoder = ClipRing(30), Camera(), Encoder()
    for _ in range(50):
        ring.add(encoder.encode(camera.take()))
    done: list[Any] = []
    writer = Thread(
        target=lambda: done.append(write_clip(ring, START + timedelta(seconds=4.9), tmp_path / "a.mp4", patience=30))
    )
    writer.start()
    for _ in range(49):
        ring.add(encoder.encode(camera.take()))
        assert not done
    for _ in range(11):
        ring.add(encoder.encode(camera.take()))
    writer.join(10)
    assert done[0].end == START + timedelta(seconds=9.9)


def test_a_camera_that_ended_leaves_a_shorter_clip(tmp_path: Path) -> None:
    ring = filled(10)
    ring.close()
    clip = write_clip(ring, START + timedelta(seconds=9), tmp_path / "a.mp4", patience=60)
    assert clip.end == START + timedelta(seconds=9.9)


def test_the_ring_forgets_by_time_and_by_bytes() -> None:
    ring = filled(60, ClipRing(10))
    assert ring.frames(START, START + timedelta(seconds=47)) == []
    assert len(ring.frames(START + timedelta(seconds=50), START + timedelta(seconds=60))) >= 100
    small = filled(20, ClipRing(1000, most_bytes=3000))
    kept = small.frames(START, START + timedelta(seconds=60))
    assert (
        kept
        and sum(len(frame.data) for frame in kept) <= 3000
        and kept[-1].stamp == kept[0].stamp + len(kept) * 100 - 100
    )


def test_a_clip_keeps_to_one_timeline_and_one_size() -> None:
    ring, camera, encoder = ClipRing(30), Camera(), Encoder()
    for size in ((96, 64), (128, 64)):
        for _ in range(30):
            ring.add(encoder.encode(camera.take(size=size)))
    early = ring.frames(START, camera.at, START + timedelta(seconds=2))
    assert {frame.track.width for frame in early} == {96} and len(early) == 30
    assert {frame.track.width for frame in ring.frames(START, camera.at)} == {128}
    camera.at = START + timedelta(seconds=3)
    for _ in range(20):
        ring.add(encoder.encode(camera.take(size=(128, 64))))
    again = ring.frames(START, START + timedelta(seconds=9), START + timedelta(seconds=4))
    assert len({(frame.timeline, frame.track) for frame in again}) == 1 and again[0].timeline == 1


def test_a_time_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(LinesightError, match="no video of 2026-03-01 05:00:00"):
        write_clip(filled(5), START - timedelta(hours=1), tmp_path / "a.mp4", patience=0)
    with pytest.raises(LinesightError, match=r"\.mp4 or \.mkv"):
        write_clip(filled(1), START, tmp_path / "a.avi", patience=0)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LinesightError, match="can't be written"):
        write_clip(filled(20), MOMENT, tmp_path / "file" / "a.mp4", patience=0)


def test_a_running_feed_fills_the_ring(tmp_path: Path) -> None:
    ring, camera, feed = ClipRing(), Camera(), Feed("usb:0")
    feed.add_sink(ring)
    feed.start()
    for number in range(30):
        feed.offer(camera.take())
        until(lambda number=number: feed.encoded == number + 1)
    feed.stop()
    clip = write_clip(ring, START + timedelta(seconds=1), tmp_path / "a.mkv", patience=0)
    assert list(read(clip.path).values()) == list(range(30))


def test_a_clip_from_the_cloud_holds_the_moment(
    plane: MediaPlane, session: CloudSession, streams: Streams, tmp_path: Path
) -> None:
    Produced(plane).gops(20)
    begin, end = MOMENT - timedelta(seconds=5), MOMENT + timedelta(seconds=5)
    path = cloud_clip(session, streams, STREAM, begin, end, tmp_path / "a.mp4")
    assert 123 in read(path).values()
    with pytest.raises(CloudError, match=r"keeps no video of 2026-02-28.*How|how long"):
        cloud_clip(session, streams, STREAM, begin - timedelta(days=1), end - timedelta(days=1), tmp_path / "b.mp4")
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".mp4"] == ["a.mp4"]
