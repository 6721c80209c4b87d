"""Tools that find an area: polygon, wand, box, heat map, edges, islands."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.masking import (
    Area,
    HeatMap,
    Rect,
    area_of,
    blank,
    box_area,
    fill,
    heat_area,
    hole_area,
    list_regions,
    polygon_area,
    region_at,
    snap_area,
    snap_outline,
    speck_area,
    wand_area,
)

Plane = NDArray[np.uint8]


def full(area: Area | None, size: tuple[int, int]) -> NDArray[np.bool_]:
    plane = blank(size)
    fill(plane, area, 1)
    return plane.astype(bool)


def overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((first & second).sum() / max((first | second).sum(), 1))


def scene(size: tuple[int, int] = (320, 240)) -> tuple[Plane, NDArray[np.bool_]]:
    """A dark blot on a grained bright surface, and where it lies."""
    rng = np.random.default_rng(5)
    blot = np.zeros((size[1], size[0]), np.uint8)
    cv2.ellipse(blot, (size[0] // 2, size[1] // 2), (size[0] // 7, size[1] // 9), 25, 0, 360, (1,), -1)
    base = np.where(blot[..., None] > 0, (50, 60, 90), (170, 175, 180)).astype(np.float64)
    picture = cv2.GaussianBlur(base, (0, 0), 1.0) + rng.normal(0, 5, base.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), blot.astype(bool)


def test_a_polygon_has_its_inside_and_its_border() -> None:
    square = polygon_area([(10, 5), (20, 5), (20, 12), (10, 12)], (40, 30))
    assert square is not None
    inside = full(square, (40, 30))
    assert inside[5:12, 10:20].all() and inside[3:14, 8:22].sum() == inside.sum() <= 8 * 11
    assert polygon_area([(1, 1), (5, 5)], (40, 30)) is None
    assert polygon_area([(-9, -9), (-3, -9), (-3, -2)], (40, 30)) is None


@given(st.lists(st.tuples(st.floats(-50, 90), st.floats(-50, 80)), min_size=3, max_size=8))
def test_any_corners_stay_within_the_picture(corners: list[tuple[float, float]]) -> None:
    area = polygon_area(corners, (40, 30))
    if area is not None:
        assert area.rect.x >= 0 and area.rect.right <= 40 and area.rect.y >= 0 and area.rect.bottom <= 30
        assert area.pixels.shape == (area.rect.height, area.rect.width) and area.count > 0


def test_the_wand_takes_what_is_joined_and_alike() -> None:
    picture = np.full((60, 80, 3), 200, np.uint8)
    picture[10:20, 10:30] = (40, 50, 60)
    picture[10:20, 50:60] = (40, 50, 60)
    picture[15, 30:50] = (60, 60, 60)
    near = full(wand_area(picture, (20, 15), 5), (80, 60))
    assert near[10:20, 10:30].all() and near.sum() == 200
    joined = full(wand_area(picture, (20, 15), 25), (80, 60))
    assert joined.sum() == 200 + 100 + 20
    assert wand_area(picture, (80, 10), 5) is None


def test_the_wand_does_not_take_the_colour_of_one_odd_pixel() -> None:
    picture = np.full((30, 30, 3), 100, np.uint8)
    picture[15, 15] = 255
    area = wand_area(picture, (15, 15), 10)
    assert area is not None and area.count == 900


def test_a_box_becomes_the_thing_within() -> None:
    picture, blot = scene()
    found = box_area(picture, Rect(90, 70, 140, 100))
    assert overlap(full(found, (320, 240)), blot) > 0.9
    again = box_area(picture, Rect(90, 70, 140, 100))
    assert found is not None and again is not None and (found.pixels == again.pixels).all()


def test_a_box_on_a_large_picture_is_as_sharp_as_its_pixels() -> None:
    picture, blot = scene((1600, 1200))
    found = box_area(picture, Rect(450, 350, 700, 500))
    assert overlap(full(found, (1600, 1200)), blot) > 0.97


@pytest.mark.parametrize(
    "box", [Rect(0, 0, 320, 240), Rect(-50, -50, 120, 110), Rect(5, 5, 3, 3), Rect(400, 0, 50, 50)]
)
def test_any_box_gives_an_area_within_it_or_none(box: Rect) -> None:
    picture, _ = scene()
    found = box_area(picture, box)
    if found is not None:
        assert found.rect.x >= max(box.x, 0) and found.rect.right <= min(box.right, 320)


def test_on_bare_surface_nothing_stands_out_of_a_box() -> None:
    assert box_area(np.full((100, 100, 3), 90, np.uint8), Rect(20, 20, 40, 40)) is None


def test_a_rough_outline_snaps_to_the_edge() -> None:
    picture, blot = scene()
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    rough = np.stack([160 + (45.7 + 6) * np.cos(turns), 120 + (26.7 + 6) * np.sin(turns)], axis=1)
    turn = np.deg2rad(25)
    centred = rough - (160, 120)
    rough = centred @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + (160, 120)
    before = full(polygon_area(rough.tolist(), (320, 240)), (320, 240))
    snapped = full(polygon_area(snap_outline(picture, rough, 12).tolist(), (320, 240)), (320, 240))
    assert overlap(before, blot) < 0.8 < 0.95 < overlap(snapped, blot)


def test_without_an_edge_an_outline_stays() -> None:
    bare = np.full((100, 100, 3), 120, np.uint8)
    square = np.array([[30.0, 30], [70, 30], [70, 70], [30, 70]])
    moved = snap_outline(bare, square, 10)
    assert np.abs(np.abs(moved - 50).max(axis=1) - 20).max() < 1.5


def test_snapping_an_area_keeps_its_holes() -> None:
    picture, blot = scene()
    rough = cv2.dilate(blot.astype(np.uint8), np.ones((9, 9), np.uint8))
    rough[115:125, 155:165] = 0
    area = area_of(rough)
    assert area is not None
    snapped = full(snap_area(picture, area, 8), (320, 240))
    assert not snapped[117:123, 157:163].any()
    blot[115:125, 155:165] = False
    assert overlap(snapped, blot) > 0.93


def test_heat_lies_where_the_map_says() -> None:
    values = np.zeros((6, 8), np.float32)
    values[2, 3] = 1.0
    area = heat_area(HeatMap(values, 0.5), (80, 60), 0.5)
    assert area is not None
    middle = area.rect.x + area.rect.width / 2, area.rect.y + area.rect.height / 2
    assert middle == pytest.approx((35, 25), abs=1) and 8 <= area.rect.width <= 12
    boxed = heat_area(HeatMap(values, 0.5, (100, 50, 80, 60)), (400, 300), 0.5)
    assert boxed is not None and boxed.rect.x - area.rect.x == 100 and boxed.rect.y - area.rect.y == 50
    assert heat_area(HeatMap(values, 0.5), (80, 60), 1.5) is None


def test_a_lower_threshold_never_takes_less() -> None:
    values = cv2.GaussianBlur(np.random.default_rng(1).random((20, 30), np.float32), (0, 0), 2)
    heat = HeatMap(values, 0.5)
    areas = [heat_area(heat, (300, 200), threshold) for threshold in (0.45, 0.5, 0.55)]
    masks = [full(area, (300, 200)) for area in areas]
    assert masks[0].sum() > masks[1].sum() > masks[2].sum()
    assert (masks[1] <= masks[0]).all() and (masks[2] <= masks[1]).all()


def test_heat_leaves_out_islands_that_are_too_small_and_what_lies_beyond_the_map() -> None:
    values = np.ones((4, 4), np.float32)
    area = heat_area(HeatMap(values, 0.5, (10, 10, 40, 40)), (100, 100), 0.5)
    assert area is not None and (area.rect, area.count) == (Rect(10, 10, 40, 40), 1600)
    assert heat_area(HeatMap(values, 0.5, (10, 10, 40, 40)), (100, 100), 0.5, min_area=1601) is None


@given(arrays(np.uint8, (17, 22), elements=st.integers(0, 2)))
def test_regions_have_every_pixel_once(plane: Plane) -> None:
    regions = list_regions(plane)
    assert sum(region.area for region in regions) == np.count_nonzero(plane)
    assert [region.area for region in regions] == sorted((region.area for region in regions), reverse=True)
    seen = np.zeros(plane.shape, int)
    for region in regions:
        assert plane[region.at[1], region.at[0]] == region.type_id
        area = region_at(plane, region.at, region.box)
        assert area is not None and area.count == region.area and area.rect == region.box
        seen[area.rect.slices] += area.pixels
    np.testing.assert_array_equal(seen, plane > 0)


def test_no_region_on_good_surface() -> None:
    assert list_regions(blank((9, 9))) == ()
    assert region_at(blank((9, 9)), (3, 3)) is None and region_at(blank((9, 9)), (30, 3)) is None


def test_holes_are_filled_and_other_types_kept() -> None:
    plane = blank((30, 30))
    plane[5:25, 5:25] = 1
    plane[10:15, 10:15] = 0
    plane[18:20, 18:20] = 2
    patch = fill(plane, hole_area(plane, 1), 1)
    assert patch is not None and (plane[10:15, 10:15] == 1).all() and (plane[18:20, 18:20] == 2).all()
    assert patch.pixels == 25 and hole_area(plane, 1) is None and hole_area(plane, 4) is None


def test_specks_go_and_regions_stay() -> None:
    plane = blank((30, 30))
    plane[5:15, 5:15] = 1
    plane[20, 20] = plane[25, 2] = 1
    plane[28, 28] = 2
    patch = fill(plane, speck_area(plane, 1, 5), 0)
    assert patch is not None and patch.pixels == 2 and plane[28, 28] == 2 and (plane == 1).sum() == 100
    assert speck_area(plane, 1, 5) is None
