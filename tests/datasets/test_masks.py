"""Which pixels a mask says are defect, by CONTRACTS.md's words."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from app.datasets import Item, Mask, read_dataset
from app.datasets.masks import read_mask
from app.datasets.types import Colour
from app.domain.errors import DatasetError
from app.pictures import read_picture
from tests.datasets.palette import palette_png
from tests.handmade import encoded

SIZE = (30, 20)  # width, height
GREEN, RED, WHITE = (0x23, 0xA4, 0x36), (200, 30, 30), (255, 255, 255)


def item(
    folder: Path,
    data: bytes,
    colours: tuple[tuple[Colour, str], ...] | None = None,
    background: Colour | None = None,
    kind: str = "",
    place: str = "",
) -> Item:
    path = folder / "mask.png"
    path.write_bytes(data)
    return Item(folder / "part.jpg", "part.jpg", "anomaly", kind, None, Mask(path, colours, background), place)


def grades(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """The values side by side in (20, 30)."""
    return np.tile(np.repeat(values, 30 // len(values)), (20, 1))


def test_grey_above_127_is_defect(tmp_path: Path) -> None:
    values = grades(np.array([0, 1, 127, 128, 254, 255], np.uint8))
    (area,) = read_mask(item(tmp_path, encoded(".png", values)), SIZE).values()
    np.testing.assert_array_equal(area, values > 127)


def test_16_bit_and_colour_masks_are_grey_too(tmp_path: Path) -> None:
    deep = grades(np.array([0, 127 * 256 + 255, 128 * 256], np.uint16))
    (area,) = read_mask(item(tmp_path, encoded(".png", deep)), SIZE).values()
    np.testing.assert_array_equal(area, deep >= 128 * 256)
    grey = grades(np.array([127, 128], np.uint8))
    (area,) = read_mask(item(tmp_path, encoded(".png", np.dstack([grey] * 3))), SIZE).values()
    np.testing.assert_array_equal(area, grey > 127)


def test_with_alpha_only_alpha_decides(tmp_path: Path) -> None:
    alpha = grades(np.array([0, 127, 128, 255, 0, 255], np.uint8))
    colour = np.dstack([grades(np.array([255, 255, 0], np.uint8))] * 3)
    (area,) = read_mask(item(tmp_path, encoded(".png", np.dstack([colour, alpha]))), SIZE).values()
    np.testing.assert_array_equal(area, alpha > 127)
    indices = grades(np.array([0, 1], np.uint8))
    (area,) = read_mask(item(tmp_path, palette_png(indices, [WHITE, (0, 0, 0)], alpha=[0])), SIZE).values()
    np.testing.assert_array_equal(area, indices == 1)


def test_the_type_names_the_area(tmp_path: Path) -> None:
    data = encoded(".png", np.zeros((20, 30), np.uint8))
    assert list(read_mask(item(tmp_path, data, kind="dent"), SIZE)) == ["dent"]
    assert list(read_mask(item(tmp_path, data), SIZE)) == ["anomaly"]


def test_a_colour_map_parts_the_types(tmp_path: Path) -> None:
    indices = grades(np.array([0, 1, 2], np.uint8))
    colours = ((GREEN, "crack"), (RED, "stain"))
    found = read_mask(item(tmp_path, palette_png(indices, [WHITE, GREEN, RED]), colours, WHITE), SIZE)
    np.testing.assert_array_equal(found["crack"], indices == 1)
    np.testing.assert_array_equal(found["stain"], indices == 2)


@pytest.mark.parametrize("ground", [WHITE, (0, 0, 0)])
def test_without_a_background_entry_white_and_black_are_good(tmp_path: Path, ground: Colour) -> None:
    indices = grades(np.array([0, 1], np.uint8))
    found = read_mask(item(tmp_path, palette_png(indices, [ground, GREEN]), ((GREEN, "crack"),)), SIZE)
    np.testing.assert_array_equal(found["crack"], indices == 1)


def test_transparent_is_background_whatever_its_colour(tmp_path: Path) -> None:
    indices = grades(np.array([0, 1, 2], np.uint8))
    data = palette_png(indices, [GREEN, GREEN, (0x20, 0xA0, 0x30)], alpha=[0])
    found = read_mask(item(tmp_path, data, ((GREEN, "crack"),)), SIZE)
    np.testing.assert_array_equal(found["crack"], indices > 0)


def test_a_map_without_defects_has_none(tmp_path: Path) -> None:
    """The dummy mask that the service's successor wants for every normal line."""
    white = np.full((20, 30), 255, np.uint8)
    assert read_mask(item(tmp_path, encoded(".png", white), (), WHITE), SIZE) == {}


def test_antialiased_edges_are_no_colour_of_their_own(tmp_path: Path) -> None:
    canvas = np.full((20, 30, 3), 255, np.uint8)
    cv2.line(canvas, (3, 4), (26, 15), GREEN[::-1], 5, cv2.LINE_AA)
    found = read_mask(item(tmp_path, encoded(".png", canvas), ((GREEN, "crack"),), WHITE), SIZE)
    exact = (canvas == GREEN[::-1]).all(axis=2)
    assert (found["crack"] & exact).sum() == exact.sum()
    assert found["crack"].sum() <= (canvas != 255).any(axis=2).sum()


@pytest.mark.parametrize("width", [1, 2, 8])
def test_a_colour_that_is_not_in_the_map_is_named(tmp_path: Path, width: int) -> None:
    canvas = np.full((20, 30, 3), 255, np.uint8)
    cv2.line(canvas, (3, 10), (26, 10), (200, 10, 10), width)
    wrong = item(tmp_path, encoded(".png", canvas), ((GREEN, "crack"),), WHITE, place="set.manifest, line 4")
    with pytest.raises(DatasetError, match=r"set.manifest, line 4: .*mask.png.*part.jpg has the colour #0A0AC8"):
        read_mask(wrong, SIZE)


def test_another_size_names_both(tmp_path: Path) -> None:
    wrong = item(tmp_path, encoded(".png", np.zeros((20, 31), np.uint8)))
    with pytest.raises(DatasetError, match=r"mask\.png is 31 x 20 .*part\.jpg is 30 x 20"):
        read_mask(wrong, SIZE)


@pytest.mark.parametrize("data", [b"", b"text", encoded(".png", np.zeros((20, 30), np.uint8))[:-5]])
def test_no_whole_picture(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DatasetError, match=r"mask\.png of .*part\.jpg is not a whole picture"):
        read_mask(item(tmp_path, data), SIZE)


def test_gone(tmp_path: Path) -> None:
    wrong = item(tmp_path, b"")
    (tmp_path / "mask.png").unlink()
    with pytest.raises(DatasetError, match=r"mask\.png can't be read .*part\.jpg"):
        read_mask(wrong, SIZE)


def test_the_sample_sets_masks_fit(shared_data: Path) -> None:
    cookies = read_dataset(shared_data / "cookies" / "template.manifest")
    for one in [one for one in cookies.items if one.mask][:5]:
        height, width = read_picture(one.path).shape[:2]
        share = read_mask(one, (width, height))["cracked"].mean()
        assert 0.0005 < share < 0.5, one.name
    tiles = [one for one in read_dataset(shared_data / "magnetic-tile").items if one.mask][::15]
    for one in tiles:
        height, width = read_picture(one.path).shape[:2]
        assert read_mask(one, (width, height))[one.type].any(), one.name
