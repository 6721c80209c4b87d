"""`dataset check` and `dataset convert`, and training from what they read and write."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.cli.dataset_words import KINDS
from app.datasets import exporting, read_dataset
from app.pictures import encode_png
from tests.cli.conftest import Ended

Command = Callable[..., Ended]


@pytest.fixture
def zipped(parts: Path, tmp_path: Path) -> Path:
    return Path(shutil.make_archive(str(tmp_path / "parts"), "zip", parts.parent, parts.name))


def test_the_words_are_those_of_the_exports() -> None:
    assert KINDS == exporting.KINDS


def test_check(command: Command, parts: Path) -> None:
    ended = command("dataset", "check", parts, "--json")
    assert ended.code == 0, ended.err
    assert ended.json == {
        "dataset": str(parts),
        "layout": "folders normal and anomaly",
        "pictures": 13,
        "normal": 8,
        "anomaly": 5,
        "unlabelled": 0,
        "masks": 3,
        "types": {"misprint": 3, "stain": 2},
        "sizes": [{"width": 320, "height": 180, "pictures": 13}],
        "problems": [],
    }
    assert "no problem" in command("dataset", "check", parts).out


def test_check_names_what_is_wrong(command: Command, parts: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(parts, tmp_path / "own"))
    (own / "normal" / "part-1.png").write_bytes(b"")
    (own / "masks" / "misprint" / "0.png").write_bytes(encode_png(np.zeros((180, 321, 3), np.uint8)))
    (own / "masks" / "misprint" / "1.png").write_bytes(encode_png(np.zeros((180, 320, 3), np.uint8)))
    (own / "masks" / "misprint" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    ended = command("dataset", "check", own, "--json")
    assert ended.code == 1 and ended.json["masks"] == 1
    empty, size, nothing, damaged = ended.json["problems"]
    assert "part-1.png is empty" in empty and "0.png is 321 x 180 pixels, but its picture" in size
    assert "1.png is called an anomaly, but its mask shows no defect" in nothing
    assert "not a whole picture" in damaged
    assert [line for line in ended.err.splitlines() if line in ended.json["problems"]] == ended.json["problems"]


@pytest.mark.parametrize("kind", KINDS)
def test_convert_a_zip_into_each_layout_and_check_that(
    command: Command, zipped: Path, tmp_path: Path, kind: str
) -> None:
    ended = command("dataset", "convert", zipped, "--to", kind, "--out", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["layout"] == "folders normal and anomaly, zipped" and ended.json["problems"] == []
    # SageMaker's segmentation takes no defect without a mask, and says so.
    lost = 2 if kind == "sagemaker" else 0
    assert ended.json["pictures"] == 13 - lost and bool(ended.json["notes"]) == (kind in ("sagemaker", "mvtec"))
    assert all(Path(path).is_file() for path in ended.json["lists"])
    found = command("dataset", "check", tmp_path / "out", "--json").json
    assert (found["normal"], found["anomaly"], found["problems"]) == (8, 5 - lost, [])
    assert found["types"] == ({"misprint": 3} if lost else {"misprint": 3, "stain": 2})
    assert found["masks"] == (11 if lost else 3)


def test_convert_with_problems_writes_the_rest_and_says_so(command: Command, parts: Path, tmp_path: Path) -> None:
    listed = [{"source-ref": str(path)} for path in sorted(parts.glob("normal/*.png"))[:2]]
    lines = [json.dumps(line) for line in (*listed, {"source-ref": "none.png"})]
    (tmp_path / "set.manifest").write_text("\n".join(lines))
    ended = command("dataset", "convert", tmp_path / "set.manifest", "--to", "csv", "--out", tmp_path / "out")
    assert ended.code == 1 and "line 3" in ended.err and "2 pictures as csv" in ended.out
    assert read_dataset(tmp_path / "out").counts() == {"unlabelled": 2}


def test_convert_with_references_to_s3(command: Command, parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("dataset", "convert", parts, "--to", "lookout", "--out", out)
    ended = command(*arguments, "--s3-prefix", "s3://bucket/a", "--json")
    assert ended.code == 0 and '"s3://bucket/a/images/part-1.png"' in (out / "datasets/dataset.manifest").read_text()
    ended = command(*arguments, "--s3-prefix", "bucket/a", "--json")
    assert ended.code == 1 and "no S3 prefix" in ended.json["error"]


@pytest.mark.slow
def test_train_and_evaluate_take_a_zip_of_coco(command: Command, parts: Path, tmp_path: Path) -> None:
    assert command("dataset", "convert", parts, "--to", "coco", "--out", tmp_path / "coco").code == 0
    zipped = shutil.make_archive(str(tmp_path / "parts"), "zip", tmp_path, "coco")
    model = tmp_path / "zip.model"
    trained = command("train", "--dataset", zipped, "--out", model, "--size", "128", "--json")
    assert trained.code == 0, trained.err
    assert (trained.json["normals"], trained.json["defects"]) == (8, 5)
    found = command("evaluate", "--model", model, "--dataset", zipped, "--json")
    assert found.code == 0 and found.json["image_auroc"] == 1.0 and set(found.json["iou"]) == {"misprint", "anomaly"}
