"""Everything is looked at before anything is learned from it: each trap with its line and the reason."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.datasets import read_dataset
from app.datasets.check import check
from app.domain.errors import Cancelled
from tests.handmade import encoded, texture

GREEN = (0x36, 0xA4, 0x23)  # B, G, R


def canvas(width: int = 60, height: int = 40) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


def line(number: int, label: str = "anomaly", *, mask: bool = True) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "source-ref": f"{number}.png", "l": 1,
        "l-metadata": {"class-name": label, "creation-date": "2020-11-10T03:37:09.600"},
    }  # fmt: skip
    if mask:
        described = {
            "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"},
            "1": {"class-name": "scratch", "hex-color": "#23a436"},
            "2": {"class-name": "dent", "hex-color": "#101010"},
        }
        entry |= {"m-ref": f"{number}-mask.png", "m-ref-metadata": {"internal-color-map": described}}
    return entry


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Line 1 is good, 2 to 8 are not, 9 is good again."""
    masks = [canvas() for _ in range(10)]
    for number in (1, 4, 5, 6):
        cv2.rectangle(masks[number], (10, 10), (20, 20), GREEN, -1)
    masks[2] = canvas(61)
    cv2.rectangle(masks[3], (10, 10), (20, 20), (9, 9, 200), -1)
    for number in range(1, 10):
        (tmp_path / f"{number}.png").write_bytes(encoded(".png", texture(seed=number)))
        (tmp_path / f"{number}-mask.png").write_bytes(encoded(".png", masks[number]))
    (tmp_path / "5.png").write_bytes((tmp_path / "5.png").read_bytes()[:-100])
    (tmp_path / "6-mask.png").write_bytes((tmp_path / "6-mask.png").read_bytes()[:-20])
    lines = [line(1), line(2), line(3), line(4, "normal"), line(5), line(6), line(7), {}, line(9, "normal", mask=False)]
    path = tmp_path / "set.manifest"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_each_line_is_named_with_its_reason(manifest: Path) -> None:
    found = check(read_dataset(manifest))
    expected = {
        2: "2-mask.png is 61 x 40 pixels, but its picture",
        3: "has the colour #C80909, which is not in its colour map",
        4: "4.png is called normal, but its mask shows a defect",
        5: "5.png is truncated",
        6: "6-mask.png of .*6.png is not a whole picture",
        7: "7.png is called an anomaly, but its mask shows no defect",
        8: "it has no source-ref",
    }
    assert len(found.problems) == len(expected)
    for number, words in expected.items():
        with_line = [problem for problem in found.problems if problem.startswith(f"{manifest}, line {number}: ")]
        assert len(with_line) == 1, number
        assert re.search(words, with_line[0]), with_line
    # Of the map's two classes, one is drawn.
    assert found.types == {"scratch": 1, "anomaly": 5} and found.masks == 3 and found.sizes == {(60, 40): 7}


def test_a_picture_that_goes_while_it_is_checked(manifest: Path) -> None:
    dataset = read_dataset(manifest)

    def step(fraction: float, words: str) -> None:
        if words == "Checking 1 of 8":
            (manifest.parent / "9.png").unlink()
            (manifest.parent / "1-mask.png").unlink()

    problems = check(dataset, step).problems
    assert sum("line 9: " in problem and "9.png does not exist" in problem for problem in problems) == 1
    assert sum("line 1: " in problem and "1-mask.png can't be read" in problem for problem in problems) == 1


def test_checking_can_be_stopped(manifest: Path) -> None:
    def step(fraction: float, words: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        check(read_dataset(manifest), step)


def test_the_services_own_sample_set_is_whole(shared_data: Path) -> None:
    whole = read_dataset(shared_data / "cookies" / "template.manifest")
    found = check(replace(whole, items=whole.items[26:38]))
    assert found.problems == () and found.masks == 6 and found.types == {"cracked": 6}
    assert found.sizes == {(576, 768): 12}
