"""Proposed masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.domain.inspection import Detection, Inspection
from app.domain.verdict import Verdict
from app.lifecycle.feedback import library_folder, mask_plane, outlines_from, outlines_text, proposed_outlines
from tests.store.samples import SCRATCH, inspection


def detection(heat: np.ndarray) -> Detection:
    return Detection(0.5, 0.6, 0.55, Verdict.PASS, None, (), "", heat, (0.0, 0.0, 640.0, 480.0), 1.0)


def part() -> Inspection:
    return inspection(0, Verdict.FAIL)


def test_the_regions_that_were_shown_are_proposed() -> None:
    assert proposed_outlines(part(), None) == (SCRATCH.outline,)


def test_where_none_was_shown_the_heat_map_proposes_its_likeliest_place() -> None:
    heat = np.full((24, 32), 0.1, np.float32)
    heat[10:13, 20:24] = 0.5  # below the threshold: the part passed
    passed = replace(part(), verdict=Verdict.PASS, regions=())
    outlines = proposed_outlines(passed, detection(heat))
    plane = mask_plane(outlines, (640, 480), 3)
    rows, columns = np.nonzero(plane)
    assert set(np.unique(plane)) == {0, 3}
    assert rows.min() >= 190 and rows.max() <= 270 and columns.min() >= 390 and columns.max() <= 490
    assert plane[230, 440] == 3
    assert proposed_outlines(passed, None) == ()


@pytest.mark.parametrize("text", ["", "no json", "[[[1,2],[3,4]]]", '{"a":1}', "[1]", '[[["x",1],[2,3],[4,5]]]'])
def test_a_mask_that_is_none_is_none(text: str) -> None:
    assert outlines_from(text) == ()


def test_a_mask_comes_back_as_it_was_kept() -> None:
    outlines = (SCRATCH.outline, ((0, 0), (5, 0), (5, 5)))
    assert outlines_from(outlines_text(outlines)) == outlines
    assert outlines_text(()) == ""


@pytest.mark.parametrize(
    ("product", "name"), [("Plate", "Plate"), ("a/b:c", "a b c"), ("..", "product"), ("", "product")]
)
def test_the_library_of_a_product(product: str, name: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert library_folder(tmp_path, product) == tmp_path / name
