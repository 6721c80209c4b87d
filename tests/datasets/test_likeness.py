"""Whether pictures show the same, by hash and thumbnail."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from app.cameras.demo import DefectKind
from app.cameras.demo.scene import draw
from app.datasets.likeness import Look, alike, look_of
from app.pictures import decode_picture, encode_jpeg, find_pictures, read_picture
from tests.handmade import texture


def test_the_same_picture_again() -> None:
    picture = cv2.resize(texture(200, 300), (900, 600), interpolation=cv2.INTER_CUBIC)
    look = look_of(picture)
    assert 0 <= look.hash < 1 << 64 and look.thumbnail.shape == (32, 32)
    noisy = np.clip(picture + np.random.default_rng(0).normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
    for same in (
        decode_picture(encode_jpeg(picture, 80)),
        cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        noisy,
    ):
        assert alike(look, look_of(np.asarray(same, np.uint8)))
    for other in (picture[::-1], picture[:, ::-1], 255 - picture, look_like_another()):
        assert not alike(look, look_of(np.ascontiguousarray(other)))


def look_like_another() -> np.ndarray:
    return np.asarray(cv2.resize(texture(200, 300, seed=1), (900, 600), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_a_stain_on_a_part_in_a_fixture_is_another_picture() -> None:
    """The hashes of drawn parts hardly differ; the second look tells them apart."""
    good = [draw(31, index, None).image for index in range(3)]
    bad = [draw(31, index, DefectKind.STAIN).image for index in range(3)]
    looks = [look_of(image) for image in (*good, *bad)]
    both = [(one, other) for number, one in enumerate(looks) for other in looks[:number]]
    near = [(one, other) for one, other in both if (one.hash ^ other.hash).bit_count() <= 4]
    assert len(near) > 5 and not any(alike(one, other) for one, other in near)


def test_on_the_sample_sets(shared_data: Path) -> None:
    """What `DISTANCE` and `TOLERANCE` were chosen by, on a part of the pictures."""
    files = [*find_pictures(shared_data / "aliens"), *find_pictures(shared_data / "cookies/training-images")]
    originals: list[Look] = []
    for path in files[::3]:
        picture = read_picture(path)
        originals.append(look_of(picture))
        halved = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for again in (decode_picture(encode_jpeg(picture, 80)), np.asarray(halved, np.uint8)):
            assert alike(originals[-1], look_of(again)), path.name
    assert not any(alike(one, other) for number, one in enumerate(originals) for other in originals[:number])
