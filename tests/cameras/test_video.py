"""Video files, made on the spot."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cameras import make_source
from app.domain.errors import SourceError
from app.domain.frame import Frame


def read_all(path: Path) -> list[Frame]:
    source = make_source(f"video:{path}")
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    return frames


def test_every_picture_comes_in_order_at_the_recordings_own_speed(kit: Any, tmp_path: Path) -> None:
    frames = read_all(kit.clip(tmp_path / "a clip.mp4", frames=13, fps=20))
    greys = [float(np.median(frame.image)) for frame in frames]
    assert greys == pytest.approx([40 + 4 * index for index in range(13)], abs=4)
    assert frames[-1].monotonic - frames[0].monotonic == pytest.approx(12 / 20, abs=0.15)
    assert frames[0].size == (160, 120)


def test_colours_arrive_as_bgr_and_the_right_way_up(kit: Any, tmp_path: Path) -> None:
    frame = read_all(kit.clip(tmp_path / "clip.mp4"))[0]
    assert frame.image[5, 5].min() > 220
    assert frame.image[100, 140].max() < 80


@pytest.mark.parametrize(("turn", "corner"), [(90, "upper right"), (180, "lower right"), (270, "lower left")])
def test_a_clip_filmed_with_the_phone_turned_is_upright(kit: Any, tmp_path: Path, turn: int, corner: str) -> None:
    path = kit.clip(tmp_path / "phone.mp4")
    turn_clip(path, turn)
    image = read_all(path)[0].image
    assert image.shape[:2] == ((120, 160) if turn == 180 else (160, 120))
    rows = slice(0, 8) if corner.startswith("upper") else slice(-8, None)
    columns = slice(0, 8) if corner.endswith("left") else slice(-8, None)
    assert image[rows, columns].mean() > 200


def turn_clip(path: Path, clockwise: int) -> None:
    """Writes the turn into the track header's matrix, as phones do (ISO 14496-12, tkhd)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    one, minus = (0x10000).to_bytes(4, "big"), (-0x10000 & 0xFFFFFFFF).to_bytes(4, "big")
    a, b, c, d = {90: (0, one, minus, 0), 180: (minus, 0, 0, minus), 270: (0, minus, one, 0)}[clockwise]
    for place, value in ((0, a), (4, b), (12, c), (16, d)):
        data[at + place : at + place + 4] = value or bytes(4)
    path.write_bytes(data)


def test_stop_reaches_a_read_that_waits_for_its_time(kit: Any, tmp_path: Path) -> None:
    source = make_source(f"video:{kit.clip(tmp_path / 'slow.mp4', frames=120, fps=1)}")
    source.open()
    assert source.read() is not None
    ended = threading.Event()

    def read_on() -> None:
        while source.read() is not None:
            pass
        ended.set()

    reader = threading.Thread(target=read_on)
    reader.start()
    source.stop()
    assert ended.wait(0.5)
    reader.join()
    source.close()


def test_a_slow_reader_skips_pictures_instead_of_slowing_the_recording(kit: Any, tmp_path: Path) -> None:
    source = make_source(f"video:{kit.clip(tmp_path / 'clip.mp4', frames=60, fps=50)}")
    source.open()
    began = time.monotonic()
    count = 0
    while source.read() is not None:
        count += 1
        time.sleep(0.12)  # the slow reader itself, not a wait for something
    took = time.monotonic() - began
    source.close()
    assert count < 20
    assert took < 2.2
    assert source.dropped == 60 - count  # type: ignore[attr-defined]


def test_as_fast_as_it_can_a_slow_reader_gets_every_picture_and_a_quick_one_waits_for_none(
    kit: Any, tmp_path: Path
) -> None:
    source = make_source(f"video-fast:{kit.clip(tmp_path / 'slow.mp4', frames=30, fps=1)}")
    source.open()
    began = time.monotonic()
    greys = []
    while (frame := source.read()) is not None:
        greys.append(float(np.median(frame.image)))
        time.sleep(0.3 if len(greys) < 3 else 0)  # slower than what counts as late, then as quick as can be
    source.close()
    assert greys == pytest.approx([40 + 4 * index for index in range(30)], abs=4)
    assert time.monotonic() - began < 15, "the film itself takes half a minute"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.mp4 does not exist"):
        make_source(f"video:{tmp_path / 'none.mp4'}").open()


def test_a_file_that_returns_is_played(kit: Any, tmp_path: Path) -> None:
    source = make_source(f"video:{tmp_path / 'later.mp4'}")
    with pytest.raises(SourceError):
        source.open()
    source.close()
    kit.clip(tmp_path / "later.mp4")
    source.open()
    assert source.read() is not None
    source.close()


def test_a_folder_is_told_from_a_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is a folder.*folder:"):
        make_source(f"video:{tmp_path}").open()


@pytest.mark.parametrize("content", [b"no video at all, just text\n" * 50, bytes(5000)])
def test_something_else_is_no_video(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.mp4").write_bytes(content)
    with pytest.raises(SourceError, match="not a video this station can read"):
        make_source(f"video:{tmp_path / 'notes.mp4'}").open()


def test_an_empty_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceError, match="empty"):
        make_source(f"video:{tmp_path / 'empty.mp4'}").open()


def test_a_recording_without_its_end_is_damaged(kit: Any, tmp_path: Path) -> None:
    whole = kit.clip(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="damaged or its end is missing"):
        make_source(f"video:{tmp_path / 'cut.mp4'}").open()


def test_a_cut_avi_gives_the_pictures_it_has(kit: Any, tmp_path: Path) -> None:
    whole = kit.clip(tmp_path / "whole.avi", frames=20, fps=50).read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) * 2 // 3])
    assert 3 < len(read_all(tmp_path / "cut.avi")) < 20


def test_a_video_without_one_whole_picture_is_damaged(kit: Any, tmp_path: Path) -> None:
    path = kit.clip(tmp_path / "noise.mp4", frames=4)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    source = make_source(f"video:{path}")
    source.open()
    with pytest.raises(SourceError, match="damaged"):
        source.read()
    source.close()
