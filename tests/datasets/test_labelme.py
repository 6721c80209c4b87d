"""labelme's files beside their pictures."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.datasets import opened_dataset, read_dataset
from app.datasets.masks import read_mask
from app.domain.errors import DatasetError
from app.pictures import read_picture
from tests.handmade import encoded, texture

SQUARE: dict[str, Any] = {"label": "dent", "shape_type": "rectangle", "points": [[10, 5], [20, 15]]}


def boxed(left: int = 10, top: int = 5, right: int = 20, bottom: int = 15) -> np.ndarray:
    area = np.zeros((40, 60), bool)
    area[top:bottom, left:right] = True
    return area


def made(folder: Path, name: str, *shapes: object, **more: object) -> Path:
    """A picture and its file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(path.suffix, texture()))
    content = {
        "version": "5.4.1", "flags": {}, "shapes": list(shapes), "imagePath": path.name, "imageData": None,
        "imageHeight": 40, "imageWidth": 60,
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(content | more))
    return path


def test_every_form(tmp_path: Path) -> None:
    piece = np.zeros((8, 12), np.uint8)
    piece[2:, 3:] = 1
    made(
        tmp_path,
        "1.png",
        SQUARE,
        {"label": "dent", "shape_type": "polygon", "points": [[40, 20], [50, 20], [50, 30], [40, 30]]},
        {"label": "hole", "shape_type": "circle", "points": [[30, 20], [30, 26]]},
        {
            "label": "crack",
            "shape_type": "mask",
            "points": [[4, 30], [15, 37]],
            "mask": base64.b64encode(encoded(".png", piece)).decode(),
        },
    )
    (item,) = read_dataset(tmp_path).items
    assert (item.label, item.types, item.place) == ("anomaly", ("dent", "hole", "crack"), str(tmp_path / "1.json"))
    found = read_mask(item, (60, 40))
    np.testing.assert_array_equal(found["dent"], boxed() | boxed(40, 20, 50, 30))
    ys, xs = np.mgrid[0:40, 0:60] + 0.5
    np.testing.assert_array_equal(found["hole"], np.hypot(xs - 30, ys - 20) <= 6)
    np.testing.assert_array_equal(found["crack"], boxed(7, 32, 16, 38))


@pytest.mark.parametrize(
    ("shapes", "flags", "label", "types"),
    [
        ([], {}, "normal", ()),
        ([], {"normal": True}, "normal", ()),
        ([], {"normal": False, "scratch": False}, None, ()),
        ([], {"scratch": False}, "normal", ()),
        ([], {"scratch": True, "normal": False}, "anomaly", ("scratch",)),
        ([], {"defect": True}, "anomaly", ()),
        ([SQUARE], {"scratch": True}, "anomaly", ("dent", "scratch")),
        ([{**SQUARE, "label": "defect"}], {}, "anomaly", ()),
    ],
)
def test_shapes_and_flags_are_the_label(
    tmp_path: Path, shapes: list[object], flags: dict[str, bool], label: str | None, types: tuple[str, ...]
) -> None:
    made(tmp_path, "1.png", *shapes, flags=flags)
    (item,) = read_dataset(tmp_path).items
    assert (item.label, item.types) == (label, types)
    if shapes:
        np.testing.assert_array_equal(read_mask(item, (60, 40))[types[0] if types else "anomaly"], boxed())


def test_a_folder_with_pictures_nobody_looked_at(tmp_path: Path) -> None:
    made(tmp_path, "deep/1.png", SQUARE)
    made(tmp_path, "2.jpg")
    (tmp_path / "3.png").write_bytes(encoded(".png", texture()))
    (tmp_path / "settings.json").write_text('{"colour": "red"}')
    dataset = read_dataset(tmp_path)
    assert {item.name: item.label for item in dataset.items} == {
        "2.jpg": "normal",
        "deep/1.png": "anomaly",
        "3.png": None,
    }
    assert dataset.layout == "labelme" and dataset.problems == ()
    assert [item.name for item in read_dataset(tmp_path / "2.json").items] == ["2.jpg"]


def test_links_lead_to_pictures_and_never_round_in_circles(tmp_path: Path) -> None:
    made(tmp_path / "elsewhere", "1.png", SQUARE)
    made(tmp_path / "set", "2.png")
    (tmp_path / "set" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "set")
    dataset = read_dataset(tmp_path / "set")
    assert {item.name: item.label for item in dataset.items} == {"2.png": "normal", "more/1.png": "anomaly"}
    assert dataset.problems == ()


def test_a_picture_kept_inside_its_file(tmp_path: Path) -> None:
    path = made(tmp_path / "in", "1.png", SQUARE)
    content = json.loads(path.with_suffix(".json").read_text())
    content |= {"imageData": base64.b64encode(path.read_bytes()).decode(), "imagePath": "..\\gone\\1.png"}
    path.with_suffix(".json").write_text(json.dumps(content | {"imagePath": "gone\\1.png"}))
    made(tmp_path / "in", "2.png")
    expected = read_picture(path)
    path.unlink()
    with opened_dataset(tmp_path / "in") as dataset:
        one, _ = dataset.items
        assert (one.name, one.types) == ("1.png", ("dent",)) and dataset.problems == ()
        np.testing.assert_array_equal(read_picture(one.path), expected)
        assert not one.path.is_relative_to(tmp_path / "in")
    assert not one.path.exists()
    without = read_dataset(tmp_path / "in")
    assert len(without.items) == 1 and "is only inside the file" in without.problems[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"imagePath": "../../1.png"}, "leads out of"),
        ({"imagePath": "none.png"}, "none.png does not exist, and is not inside"),
        ({"imagePath": "none.png", "imageData": "ü"}, "the one inside the file is damaged"),
        ({"shapes": [SQUARE | {"label": " "}]}, "shape 1 has no label"),
        ({"shapes": [SQUARE, 5]}, "shape 2 has no label"),
        ({"shapes": [SQUARE | {"points": [[1, 2]]}]}, "shape 1 is a rectangle of 1 points"),
        ({"shapes": [SQUARE | {"points": [[1, 2], [3, None]]}]}, "shape 1 has a point that is not two numbers"),
        ({"shapes": [SQUARE | {"points": [[1, 2], [3, 1e300]]}]}, "shape 1 has a point that is not two numbers"),
        ({"shapes": [SQUARE | {"shape_type": "cuboid"}]}, "shape 1 is a cuboid"),
        ({"shapes": [SQUARE | {"shape_type": "mask", "mask": "ü"}]}, "shape 1 has a damaged mask"),
        ({"shapes": [SQUARE], "flags": {"good": True}}, "its flag good says that the part is good, but it has dent"),
    ],
)
def test_a_bad_file_is_named_and_the_others_are_used(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    made(tmp_path, "1.png", **change)
    made(tmp_path, "2.png", SQUARE)
    with opened_dataset(tmp_path) as dataset:
        # The picture is still offered, as one that nobody labelled.
        assert {item.name: item.label for item in dataset.items} == {"2.png": "anomaly", "1.png": None}
        (problem,) = dataset.problems
    assert problem.startswith(f"{tmp_path / '1.json'}: ") and words in problem


def test_a_line_has_no_area(tmp_path: Path) -> None:
    made(tmp_path, "1.png", SQUARE, {"label": "crack", "shape_type": "linestrip", "points": [[1, 1], [9, 9]]})
    dataset = read_dataset(tmp_path)
    assert dataset.items[0].types == ("dent", "crack") and dataset.items[0].mask is None
    assert "shape 2 (linestrip) has no area" in dataset.problems[0]


def test_no_json_and_another_size(tmp_path: Path) -> None:
    made(tmp_path, "1.png", SQUARE, imageWidth=61)
    made(tmp_path, "2.png")
    (tmp_path / "2.json").write_text("{")
    dataset = read_dataset(tmp_path)
    assert len(dataset.problems) == 1 and "2.json is not valid JSON" in dataset.problems[0]
    with pytest.raises(DatasetError, match=r"1.json: .*drawn on 61 x 40 .*1.png is 60 x 40"):
        read_mask(dataset.items[0], (60, 40))
