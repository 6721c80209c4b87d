"""Pictures out of recordings: by time, by change, and out of damaged ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from app.datasets.video import CHANGE, changed, extract, signature
from app.domain.errors import Cancelled, SourceError
from app.pictures import read_picture
from tests.handmade import texture

SCENES = [np.roll(texture(90, 160), 40 * shift, axis=1) for shift in range(4)]


def film(path: Path, pictures: Sequence[NDArray[np.uint8]], rate: int = 10, codec: str = "ffv1") -> Path:
    """A clip; FFV1 keeps every bit."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        for picture in pictures:
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=stream.pix_fmt))
            )
        container.mux(stream.encode())
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Four scenes of a second each, ten pictures a second."""
    return film(tmp_path / "line 1.mkv", [scene for scene in SCENES for _ in range(10)])


def test_by_time_lossless_and_named_by_time(clip: Path, tmp_path: Path) -> None:
    told: list[float] = []
    done = extract(clip, tmp_path / "out", every=0.5, step=lambda fraction, words: told.append(fraction))
    assert done.error == "" and done.seen == 40 and told[-1] == pytest.approx(1, abs=0.05)
    assert [path.name for path in done.files] == [
        f"line 1-00-00-0{second}.{part}.png" for second in range(4) for part in ("000", "500")
    ]
    for index, path in enumerate(done.files):
        np.testing.assert_array_equal(read_picture(path), SCENES[index // 2])
    assert sorted((tmp_path / "out").iterdir()) == sorted(done.files)


def test_the_interval_does_not_drift(clip: Path, tmp_path: Path) -> None:
    done = extract(clip, tmp_path, every=0.25)
    times = [path.name[-10:-4] for path in done.files]
    assert times == [
        f"0{tenth // 10}.{tenth % 10}00" for tenth in (0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25, 28, 30, 33, 35, 38)
    ]


def test_by_change(clip: Path, tmp_path: Path) -> None:
    done = extract(clip, tmp_path / "a", change=CHANGE)
    assert [path.name[-10:-4] for path in done.files] == ["00.000", "01.000", "02.000", "03.000"]
    # At least so many seconds apart as well.
    apart = extract(clip, tmp_path / "b", change=CHANGE, every=1.5)
    assert [path.name[-10:-4] for path in apart.files] == ["00.000", "01.500", "03.000"]


def test_noise_and_light_are_no_change_and_a_part_is(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    still = SCENES[0].astype(np.float32) * 0.8
    empty = [np.clip(still * light + generator.normal(0, 5, still.shape), 0, 255) for light in (1, 1.08, 0.93, 1.02)]
    part = [picture.copy() for picture in empty]
    for picture in part:
        picture[20:50, 40:70] = 10
    pictures = [picture.astype(np.uint8) for picture in (*empty, *part, *empty)]
    done = extract(film(tmp_path / "a.mp4", pictures, codec="libx264"), tmp_path / "out", change=CHANGE)
    assert [path.name[-10:-4] for path in done.files] == ["00.000", "00.400", "00.800"]


def test_the_measure() -> None:
    black, half = np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64, 3), np.uint8)
    half[:12] = 200
    assert changed(signature(black), signature(half)) == 0.25
    assert changed(signature(black), signature(black + np.uint8(90))) == 0


def test_nothing_is_overwritten_and_there_is_an_end(clip: Path, tmp_path: Path) -> None:
    first = extract(clip, tmp_path, every=1)
    second = extract(clip, tmp_path, every=0.01, most=2)
    assert [path.name[-12:] for path in second.files] == ["00.000-2.png", "0-00.100.png"]
    assert "was left at 00:00:00.100: 2 pictures are taken at most" in second.error
    assert all(path.exists() for path in first.files)


def test_stopping_keeps_what_is_there(clip: Path, tmp_path: Path) -> None:
    def step(fraction: float, words: str) -> None:
        if words.endswith(": 2"):
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        extract(clip, tmp_path / "out", every=1, step=step)
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize("share", [0.4, 0.7])
def test_a_recording_whose_end_is_missing(clip: Path, tmp_path: Path, share: float) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: int(len(data) * share)])
    done = extract(clip, tmp_path / "out", every=0.5)
    assert 2 <= len(done.files) < 8 and str(clip) in done.error
    np.testing.assert_array_equal(read_picture(done.files[0]), SCENES[0])


@pytest.mark.parametrize(("codec", "ending"), [("libx264", "mp4"), ("libx264", "mkv"), ("mpeg4", "avi")])
def test_a_recording_damaged_in_the_middle(tmp_path: Path, codec: str, ending: str) -> None:
    generator = np.random.default_rng(1)
    noise = [generator.normal(0, 6, SCENES[0].shape) for _ in range(40)]
    pictures = [np.clip(SCENES[index // 10] + noise[index], 0, 255).astype(np.uint8) for index in range(40)]
    clip = film(tmp_path / f"a.{ending}", pictures, codec=codec)
    data = bytearray(clip.read_bytes())
    middle, length = len(data) // 2, len(data) // 8
    data[middle : middle + length] = generator.bytes(length)
    clip.write_bytes(data)
    done = extract(clip, tmp_path / "out", every=0.1)
    # Matroska may lose everything behind the damage, and then ends too early.
    assert 10 < len(done.files) < 40 and done.error.startswith(str(clip)) and done.error.endswith("Copy it again.")
    difference = read_picture(done.files[0]).astype(int) - pictures[0]
    assert np.abs(difference).mean() < 12


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "is empty"), (b"no video at all" * 100, "can't be read as a video"), (None, "does not exist")],
)
def test_no_video(tmp_path: Path, data: bytes | None, words: str) -> None:
    if data is not None:
        (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(SourceError, match=words):
        extract(tmp_path / "a.mp4", tmp_path / "out", every=1)
    with pytest.raises(SourceError, match="is a folder"):
        extract(tmp_path, tmp_path / "out", every=1)


def test_no_place_for_the_pictures(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(SourceError, match="can't be written to"):
        extract(clip, tmp_path / "out", every=1)
    with pytest.raises(ValueError, match="interval or a change"):
        extract(clip, tmp_path / "other")
