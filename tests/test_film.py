"""A clip, picture by picture."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app.cloud.video.clips import write_clip
from app.domain.errors import LinesightError
from app.film import Film
from tests.cloud.conftest import START, number_of
from tests.cloud.test_clips import filled


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten seconds, ten pictures a second, each saying its number; a key frame a second."""
    return write_clip(filled(20), START + timedelta(seconds=10), tmp_path / "clip.mp4", patience=0).path


def test_each_moment_has_its_picture_forwards_backwards_and_far(clip: Path) -> None:
    film = Film(clip)
    first = number_of(film.picture(0.0)[1])
    assert film.length == pytest.approx(10.1, abs=0.2)
    for at in (0.1, 0.2, 0.25, 0.3, 1.0, 7.5, 2.4, 2.3, 9.9, 0.0, 9.9):
        time, image = film.picture(at)
        number = int(at * 10 + 1e-6)
        assert (number_of(image) - first, time) == (number, pytest.approx(number / 10, abs=0.001)), at
    film.close()


def test_before_the_beginning_is_the_first_and_behind_the_end_the_last(clip: Path) -> None:
    film = Film(clip)
    assert film.picture(-5)[0] == 0.0
    last, _ = film.picture(500)
    assert last == pytest.approx(10.0, abs=0.11)
    assert film.picture(0.3)[0] == pytest.approx(0.3, abs=0.001)  # it goes on after its end
    film.close()


def test_what_is_gone_or_no_video_says_so(tmp_path: Path) -> None:
    with pytest.raises(LinesightError, match=r"gone\.mp4 can't be shown"):
        Film(tmp_path / "gone.mp4")
    (tmp_path / "torn.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom" + b"torn" * 99)
    with pytest.raises(LinesightError, match=r"torn\.mp4 can't be shown"):
        Film(tmp_path / "torn.mp4")
