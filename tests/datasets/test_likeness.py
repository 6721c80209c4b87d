"""Pictures that are the same, and pictures that only look alike."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cameras.demo import DefectKind
from app.cameras.demo.scene import draw
from app.datasets import twins as module
from app.datasets.likeness import Look, alike, digest, look_of
from app.datasets.twins import Twin, pairs, twins
from app.domain.errors import Cancelled, PictureError
from app.pictures import decode_picture, encode_jpeg, find_pictures, read_picture
from tests.handmade import texture


def test_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert digest(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()
    with pytest.raises(PictureError, match="b can't be read"):
        digest(tmp_path / "b")


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


def brute(hashes: list[int], distance: int) -> list[tuple[int, int]]:
    return [
        (one, other)
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if (hashes[one] ^ hashes[other]).bit_count() <= distance
    ]


# Few bits set, so that near ones are common.
_HASHES = st.lists(st.sets(st.integers(0, 63), max_size=5).map(lambda bits: sum(1 << bit for bit in bits)), max_size=25)


@settings(max_examples=60)
@given(_HASHES, st.integers(0, 9))
def test_pairs_are_all_pairs(hashes: list[int], distance: int) -> None:
    assert [tuple(pair) for pair in pairs(hashes, distance).tolist()] == brute(hashes, distance)


@settings(max_examples=60)
@given(_HASHES, st.integers(0, 9), st.booleans())
def test_a_twin_is_of_one_that_is_kept(hashes: list[int], distance: int, crowded: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CROWDED", -1 if crowded else 10**9)
        patch.setattr(module, "_ROWS", 4)
        found = twins(hashes, distance=distance)
    lost = {twin.index: twin for twin in found}
    near = brute(hashes, distance)
    for one, other in near:
        assert one in lost or other in lost  # those kept are all different
    for twin in found:
        assert twin.of < twin.index and twin.of not in lost and (twin.of, twin.index) in near
        assert twin.distance == (hashes[twin.index] ^ hashes[twin.of]).bit_count()
        assert crowded or twin.distance == min(
            (hashes[twin.index] ^ hashes[one]).bit_count()
            for one in range(twin.index)
            if one not in lost and (one, twin.index) in near
        )


@pytest.mark.parametrize("crowded", [False, True])
def test_thumbnails_have_to_agree_too(crowded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CROWDED", -1 if crowded else 10**9)
    thumbnails = np.full((5, 32, 32), 100, np.uint8)
    thumbnails[1, 3, 3] = 112  # within
    thumbnails[2, 3, 3] = 113  # one pixel of 1024 is another
    thumbnails[3] = 120
    thumbnails[4] = 121
    expected = [Twin(1, 0, 0), Twin(4, 3, 0)]
    assert twins([7, 7, 7, 7, 7], thumbnails) == expected
    assert [twin.of for twin in twins([7] * 5)] == [0, 0, 0, 0]


def test_none_and_one() -> None:
    assert twins([]) == [] and twins([5]) == [] and pairs([], 4).shape == (0, 2)


def test_a_hundred_thousand() -> None:
    """Each against each would be five thousand million comparisons; ends in about a second."""
    generator = np.random.default_rng(5)
    hashes = generator.integers(0, 2**64, 100_000, dtype=np.uint64)
    hashes[60_000:60_300] = hashes[:300] ^ np.uint64(0b10_0000_0001_0001)
    told: list[float] = []
    found = twins(hashes, step=lambda fraction, words: told.append(fraction))
    assert found == [Twin(60_000 + index, index, 3) for index in range(300)]
    assert told == sorted(told) and 0 <= told[0] <= told[-1] <= 1
    # A camera that looked at one part all night.
    assert [twin.of for twin in twins(np.full(100_000, 9, np.uint64))] == [0] * 99_999


def test_can_be_stopped() -> None:
    def step(fraction: float, words: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        twins([1, 2, 3], step=step)


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
    assert twins([look.hash for look in originals], np.stack([look.thumbnail for look in originals])) == []
