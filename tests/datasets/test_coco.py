"""COCO's instances files: outlines become exactly their pixels, and what can't be used is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.datasets import Dataset, read_dataset
from app.datasets.masks import read_mask
from app.datasets.runs import lengths_of, packed
from app.domain.errors import DatasetError
from tests.handmade import encoded, texture

BOX = [[10, 5, 20, 5, 20, 15, 10, 15]]


def boxed(left: int = 10, top: int = 5, right: int = 20, bottom: int = 15) -> np.ndarray:
    area = np.zeros((40, 60), bool)
    area[top:bottom, left:right] = True
    return area


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images" / "sub").mkdir(parents=True)
    for name in ("1.png", "2.png", "3.png", "sub/4.png"):
        (tmp_path / "images" / name).write_bytes(encoded(".png", texture()))
    (tmp_path / "annotations").mkdir()
    return tmp_path


def usual(*annotations: dict[str, Any]) -> dict[str, Any]:
    names = ("1.png", "2.png", "3.png", "sub/4.png")
    return {
        "images": [
            {"id": number, "file_name": name, "width": 60, "height": 40} for number, name in enumerate(names, 1)
        ],
        "categories": [{"id": 7, "name": "dent"}, {"id": 9, "name": "crack"}],
        "annotations": [
            {"id": 100 + index, "image_id": 1, "category_id": 7, "iscrowd": 0} | each
            for index, each in enumerate(annotations)
        ],
    }


def read(folder: Path, content: object, name: str = "annotations/instances.json") -> Dataset:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return read_dataset(folder / name)


def test_polygons_run_lengths_and_crowds(folder: Path) -> None:
    runs = lengths_of(boxed())
    dataset = read(
        folder,
        usual(
            {"segmentation": [*BOX, [40, 20, 50, 20, 50, 30, 40, 30]]},
            {"segmentation": BOX, "category_id": 9},
            {"segmentation": {"size": [40, 60], "counts": runs}, "image_id": 2, "iscrowd": 1},
            {"segmentation": {"size": [40, 60], "counts": packed(runs)}, "image_id": 4, "category_id": 9},
        ),
    )
    assert dataset.problems == () and dataset.layout == "COCO"
    assert [(item.name, item.label, item.types) for item in dataset.items] == [
        ("1.png", "anomaly", ("dent", "crack")),
        ("2.png", "anomaly", ("dent",)),
        ("3.png", "normal", ()),
        ("sub/4.png", "anomaly", ("crack",)),
    ]
    one, two, three, four = dataset.items
    found = read_mask(one, (60, 40))
    np.testing.assert_array_equal(found["dent"], boxed() | boxed(40, 20, 50, 30))
    np.testing.assert_array_equal(found["crack"], boxed())
    np.testing.assert_array_equal(read_mask(two, (60, 40))["dent"], boxed())
    np.testing.assert_array_equal(read_mask(four, (60, 40))["crack"], boxed())
    assert three.mask is None and four.path == folder / "images/sub/4.png"


def test_names_that_begin_at_the_annotations(folder: Path) -> None:
    content = usual()
    content["images"] = [{"id": 1, "file_name": "../images/1.png"}, {"id": 2, "file_name": "images\\2.png"}]
    found = [item.path.relative_to(folder).as_posix() for item in read(folder, content).items]
    assert found == ["images/1.png", "images/2.png"]


@pytest.mark.parametrize(
    ("name", "split"), [("instances_train2017.json", "train"), ("instances_val.json", "test"), ("all.json", None)]
)
def test_the_file_names_the_split(folder: Path, name: str, split: str | None) -> None:
    assert {item.split for item in read(folder, usual(), f"annotations/{name}").items} == {split}


def test_pictures_in_the_folder_of_their_split(folder: Path) -> None:
    (folder / "images").rename(folder / "train2017")
    assert len(read(folder, usual(), "annotations/instances_train2017.json").items) == 4
    assert len(read_dataset(folder).items) == 4


def test_a_folder_of_several_files_is_one_set(folder: Path) -> None:
    both = usual({"segmentation": BOX})
    for name, images in (("train", both["images"][:1]), ("test", both["images"][1:])):
        used = [each for each in both["annotations"] if name == "train"]
        path = folder / "annotations" / f"instances_{name}.json"
        path.write_text(json.dumps(both | {"images": images, "annotations": used}))
    dataset = read_dataset(folder)
    assert dataset.problems == () and {item.name: item.split for item in dataset.items} == {
        "1.png": "train", "2.png": "test", "3.png": "test", "sub/4.png": "test",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ({}, "annotation 100 of image 1 has only a box: its picture is used without a mask"),
        ({"segmentation": []}, "only a box"),
        ({"segmentation": [[1, 2, 3, 4]]}, "annotation 100 of image 1 has a polygon that is no list of three or more"),
        ({"segmentation": [[1, 2, 3, 4, 5, "x"]]}, "a polygon that is no list"),
        ({"segmentation": [[1, 2, 3, 4, 5, float("nan")]]}, "a polygon that is no list"),
        ({"segmentation": {"counts": [2400]}}, "without the size"),
        ({"segmentation": {"size": [40, 60], "counts": None}}, "neither numbers nor text"),
        ({"segmentation": "all of it"}, "neither polygons nor run lengths"),
        ({"segmentation": BOX, "category_id": 8}, "has category 8, which the file lacks"),
    ],
)
def test_an_outline_that_is_none_costs_the_mask_not_the_picture(
    folder: Path, annotation: dict[str, Any], words: str
) -> None:
    """A mask that lacks one of two defects would teach that it is good surface."""
    dataset = read(folder, usual({"segmentation": BOX}, annotation | {"id": 100}))
    assert len(dataset.items) == 4 and dataset.items[0].label == "anomaly" and dataset.items[0].mask is None
    (problem,) = dataset.problems
    assert problem.startswith(f"{folder / 'annotations/instances.json'}: ") and words in problem


def test_thousands_of_boxes_are_told_once(folder: Path) -> None:
    dataset = read(folder, usual(*[{"bbox": [1, 2, 3, 4]}] * 2000))
    assert len(dataset.problems) == 1 and "2000 annotations, the first annotation 100 of image 1" in dataset.problems[0]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"id": 5, "file_name": "none.png"}, "image 5: the picture none.png is in none of the folders"),
        ({"id": 5, "file_name": "../../5.png"}, "../../5.png leads out of"),
        ({"id": 5, "file_name": "s3://b/1.png"}, "lies in S3"),
        ({"id": 5}, "an image has no file_name"),
        ({"id": 1, "file_name": "2.png"}, "image 1 (2.png) has the id of another"),
        ({"id": 5, "file_name": "1.png"}, "image 5: 1.png occurs again; the later entry counts"),
        ("1.png", "an image has no file_name"),
    ],
)
def test_a_picture_that_can_t_be_used_is_named(folder: Path, entry: object, words: str) -> None:
    content = usual()
    content["images"].append(entry)
    dataset = read(folder, content)
    assert len(dataset.items) == 4
    assert len(dataset.problems) == 1 and words in dataset.problems[0]


def test_strangers_are_named(folder: Path) -> None:
    content = usual({"segmentation": BOX, "image_id": 50}) | {"categories": [{"id": 7, "name": "dent"}, {"id": 9}, 3]}
    content["annotations"].append("x")
    problems = " ".join(read(folder, content).problems)
    for words in ("annotation 100 belongs to image 50", "a category has no id or no name", "annotation is no object"):
        assert words in problems


def test_another_size_and_broken_lengths_are_told_when_the_mask_is_read(folder: Path) -> None:
    runs = {"size": [40, 60], "counts": [2399]}
    content = usual({"segmentation": runs}, {"segmentation": BOX, "image_id": 2})
    content["images"][1]["width"] = 61
    one, two, *_ = read(folder, content).items
    with pytest.raises(DatasetError, match=r"instances.json, image 1: .*1.png, type dent, .* do not fill 60 x 40"):
        read_mask(one, (60, 40))
    with pytest.raises(DatasetError, match=r"image 2: .*drawn on 61 x 40 .*2.png is 60 x 40"):
        read_mask(two, (60, 40))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON .* at line 1"),
        ('{"images": 5}', "no other list of pictures"),
        ('{"images": [], "annotations": {}}', "annotations is no list"),
        ('{"images": []}', "no usable picture"),
        ('{"a": ' * 100_000, "too deep"),
    ],
)
def test_what_is_no_instances_file(folder: Path, text: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        read(folder, text)
