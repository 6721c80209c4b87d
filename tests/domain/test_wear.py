"""Wear is graded against the limit of its kind."""

from __future__ import annotations

import pytest

from app.domain.region import Region
from app.domain.wear import ANY, KINDS, WearLimit, grade, read_limit


def region(label: str, area: int, mm2: float | None = None) -> Region:
    return Region(0, 0, 10, 10, area, label, 1.0, area_mm2=mm2)


def test_all_places_of_a_kind_count_together_and_each_has_its_own_severity() -> None:
    regions = (region("rust", 300), region("rust", 300), region("dent", 900))
    graded, wear = grade(regions, [WearLimit("rust", 500, "px")])
    assert [each.severity for each in graded] == [0.6, 0.6, None]
    assert (wear[0].area, wear[0].severity, wear[0].grade) == (600, 1.2, "over")
    assert wear[0].words == "rust 600 px, its limit is 500 px"


def test_a_kind_without_its_own_limit_has_that_of_all_kinds() -> None:
    regions = (region("rust", 300), region("dent", 100))
    graded, wear = grade(regions, [WearLimit("rust", 600, "px"), WearLimit(ANY, 1000, "px")])
    assert [each.severity for each in graded] == [0.5, 0.1]
    assert [(each.severity, each.grade) for each in wear] == [(0.5, "marked"), (0.4, "slight")]


def test_square_millimetres_need_a_scale() -> None:
    limit = WearLimit("rust", 2.0, "mm2")
    graded, wear = grade((region("rust", 300, 3.0),), [limit])
    assert graded[0].severity == 1.5 and wear[0].grade == "over"
    with pytest.raises(ValueError, match="scale"):
        grade((region("rust", 300),), [limit])


def test_a_part_without_wear_is_graded_none() -> None:
    _, (wear,) = grade((), [WearLimit("rust", 5, "px")])
    assert (wear.area, wear.severity, wear.grade) == (0, 0, "none")


def test_many_kinds_of_small_defects_are_too_many() -> None:
    limit = read_limit(" #=2 ")
    assert limit == WearLimit(KINDS, 2, "kinds")
    graded, (wear,) = grade((region("rust", 3), region("rust", 3)), [limit])
    assert (wear.area, wear.grade) == (1, "marked") and graded[0].severity is None
    _, (wear,) = grade((region("rust", 3), region("dent", 1)), [limit])
    assert wear.grade == "over" and wear.words == "2 kinds of defects, 2 are too many"


@pytest.mark.parametrize("text", ["#=0", "#=2px", "#=1.5", "rust=", "rust=0px", "=3px", "rust=3kinds"])
def test_what_is_no_limit_is_refused_and_named(text: str) -> None:
    with pytest.raises(ValueError, match="must be a kind of defect"):
        read_limit(text)
