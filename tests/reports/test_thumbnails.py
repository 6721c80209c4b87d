"""Thumbnails come from the small picture beside the stored one, and from that one where there is none."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cameras.demo import draw_part
from app.domain.errors import PictureError
from app.domain.frame import Image
from app.domain.inspection import Inspection
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.pictures import SMALL, encode_jpeg, encode_png, read_picture, shrink, size_within
from app.reports.thumbnails import Thumbnail, part_thumbnail
from app.station import Station
from app.store import Store
from tests.store.samples import inspection, open_store

SIZE = 1280, 720
REGION = Region(640, 360, 160, 120, 19200, "scratch", 0.9, ((640, 360), (800, 360), (800, 480), (640, 480)))
WHOLE, LITTLE = 90, 200  # grey of the stored picture and of the small one: which one it was is seen


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data") as store:
        yield store


def _grey(value: int, size: tuple[int, int] = SIZE) -> Image:
    return np.full((size[1], size[0], 3), value, np.uint8)


def _part(store: Store, small: bytes | None) -> Inspection:
    known = inspection(0, Verdict.FAIL, width=SIZE[0], height=SIZE[1], regions=(REGION,))
    path, digest = store.save_image(known.id, known.captured_at, encode_png(_grey(WHOLE)), ".png")
    if small is not None:
        store.save_small(path, small)
    part = inspection(
        0,
        Verdict.FAIL,
        id=known.id,
        width=SIZE[0],
        height=SIZE[1],
        regions=(REGION,),
        image_path=path,
        image_sha256=digest,
    )
    store.add_inspection(part)
    return part


def _small(size: tuple[int, int] = SIZE) -> bytes:
    return encode_jpeg(shrink(_grey(LITTLE, size)), 90)


def _seen(made: Thumbnail) -> Image:
    image = cv2.imdecode(np.frombuffer(made.data, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[:2] == (made.height, made.width)
    return np.asarray(image, np.uint8)


def test_the_small_picture_is_used_and_outlined_where_the_defect_is(store: Store) -> None:
    image = _seen(part_thumbnail(store, _part(store, _small())))
    assert image.shape == (90, 160, 3)
    assert abs(int(image[10, 10, 0]) - LITTLE) < 4
    red = (image[..., 2].astype(int) - image[..., 0]) > 60
    rows, columns = np.nonzero(red)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == pytest.approx((45, 60, 80, 100), abs=1)


@pytest.mark.parametrize(
    "small",
    [
        None,
        b"",
        bytes(4000),
        _small()[:-200],
        _small((720, 1280)),
        encode_jpeg(_grey(LITTLE, (159, 90))),
    ],
    ids=["none", "empty", "zeros", "truncated", "of another picture", "of another size"],
)
def test_without_a_good_one_the_stored_picture_is_taken(store: Store, small: bytes | None) -> None:
    part = _part(store, small)
    image = _seen(part_thumbnail(store, part))
    assert image.shape == (90, 160, 3)
    assert abs(int(image[10, 10, 0]) - WHOLE) < 4
    kept = read_picture(store.small_file(part.image_path))
    assert kept.shape == image.shape and np.ptp(kept) < 4, "the next time there is one, without outlines"


def test_where_none_can_be_kept_the_report_has_its_picture(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: str, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "save_small", full)
    part = _part(store, None)
    assert _seen(part_thumbnail(store, part)).shape == (90, 160, 3)
    assert not store.small_file(part.image_path).exists()


def test_none_is_left_of_a_picture_that_was_deleted_meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    part = _part(store, None)
    save = store.save_small

    def late(path: str, data: bytes) -> None:
        store.remove_image(path)
        save(path, data)

    monkeypatch.setattr(store, "save_small", late)
    part_thumbnail(store, part)
    assert not store.small_file(part.image_path).exists()


def test_for_a_large_view_it_is_not_enough(store: Store) -> None:
    image = _seen(part_thumbnail(store, _part(store, _small()), (640, 480)))
    assert image.shape == (360, 640, 3) and abs(int(image[10, 10, 0]) - WHOLE) < 4


def test_where_both_are_gone_the_file_is_named(store: Store) -> None:
    part = _part(store, _small())
    store.remove_image(part.image_path)
    with pytest.raises(PictureError, match="does not exist"):
        part_thumbnail(store, part)


def test_both_ways_look_alike(store: Store) -> None:
    picture = draw_part(21, 3)
    assert (picture.shape[1], picture.shape[0]) == SIZE and picture.std() > 20
    part = _part(store, None)
    store.image_file(part.image_path).write_bytes(encode_png(picture))
    whole = _seen(part_thumbnail(store, part))
    assert store.small_file(part.image_path).is_file()
    assert np.abs(_seen(part_thumbnail(store, part)).astype(int) - whole).mean() < 4


@pytest.mark.parametrize("size", [(640, 480), (641, 479), (4096, 3072), (3072, 4096), (160, 120), (90, 33), (5000, 20)])
def test_shrinking_keeps_place_and_brightness(size: tuple[int, int]) -> None:
    ramp = np.linspace(0, 255, size[0]).astype(np.uint8)
    picture = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (size[1], size[0], 3)))
    small = shrink(picture)
    assert (small.shape[1], small.shape[0]) == size_within(size, SMALL)
    assert small.shape[1] <= SMALL[0] and small.shape[0] <= SMALL[1]
    expected = np.linspace(0, 255, small.shape[1] * 2 + 1)[1::2]  # the middle of each cell
    assert np.abs(small[0, :, 0] - expected).max() < 4


def test_the_screen_asks_for_the_small_one(tmp_path: Path) -> None:
    station = Station(DataFolder(tmp_path / "station"))
    try:
        part = _part(station.store, _small())
        found = station.small_picture(part.image_path)
        assert found is not None and found.shape == (90, 160, 3)
        station.store.small_file(part.image_path).write_bytes(b"damaged")
        found = station.small_picture(part.image_path)
        assert found is not None and found.shape == (720, 1280, 3)
        station.store.remove_image(part.image_path)
        assert station.small_picture(part.image_path) is None
    finally:
        station.close()
