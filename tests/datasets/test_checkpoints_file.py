"""checkpoints.json: what is read from it, and what is said of one that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.datasets.checkpoints import FILE, read_checkpoints
from app.domain.errors import DatasetError
from app.pictures import encode_png
from tests.handmade import exif, oriented, png_with_exif


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("normal/001.png", "anomaly/missing/004.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(np.full((60, 80, 3), 90, np.uint8)))
    return tmp_path


def usual() -> dict[str, Any]:
    return {
        "picture": "normal/001.png",
        "checkpoints": [
            {"name": "bolt 1", "x": 10, "y": 12, "width": 20, "height": 20},
            {"name": " bolt 2 ", "x": 50, "y": 40.5, "width": 30, "height": 19.5},
        ],
        "labels": {"anomaly/missing/004.png": {"bolt 1": "Missing", "bolt 2": "Rost"}},
    }


def test_places_and_labels(root: Path) -> None:
    (root / FILE).write_text(json.dumps(usual()), "utf-8-sig")
    one, two = read_checkpoints(root / FILE, root)
    assert (one.name, one.box, one.picture) == ("bolt 1", (10, 12, 20, 20), root / "normal" / "001.png")
    assert one.labels == ((root / "anomaly" / "missing" / "004.png", "missing"),)
    assert (two.name, two.box) == ("bolt 2", (50, 40.5, 30, 19.5)) and two.labels[0][1] == "Rost"


def test_the_picture_counts_as_it_stands_upright(root: Path) -> None:
    picture = np.full((60, 80, 3), 90, np.uint8)
    (root / "normal" / "001.png").write_bytes(png_with_exif(encode_png(oriented(picture, 6)), exif(6)))
    (root / FILE).write_text(json.dumps(usual()))
    assert read_checkpoints(root / FILE, root)[1].box[2] == 30
    (root / "normal" / "001.png").write_bytes(encode_png(oriented(picture, 6)))  # 60 wide, 80 high
    with pytest.raises(DatasetError, match=r"'bolt 2' .* lies outside .* of 60 x 80 pixels"):
        read_checkpoints(root / FILE, root)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw.update(picture="normal/9.png"), "'normal/9.png', which is not in"),
        (lambda raw: raw.update(picture="normal"), "'normal', which is not in"),
        (lambda raw: raw.update(picture="a\0b"), "which is not in"),
        (lambda raw: raw.pop("picture"), "wrong at picture"),
        (lambda raw: raw.update(checkpoints=[]), "wrong at checkpoints"),
        (lambda raw: raw["checkpoints"][0].update(x=70), "'bolt 1' .* lies outside"),
        (lambda raw: raw["checkpoints"][0].update(y=-1), r"wrong at checkpoints\.0\.y"),
        (lambda raw: raw["checkpoints"][0].update(width=0), r"wrong at checkpoints\.0\.width"),
        (lambda raw: raw["checkpoints"][0].update(width="wide"), r"wrong at checkpoints\.0\.width"),
        (lambda raw: raw["checkpoints"][0].update(name=""), r"wrong at checkpoints\.0\.name"),
        (lambda raw: raw["checkpoints"][0].update(with_=3), r"wrong at checkpoints\.0\.with_"),
        (lambda raw: raw["checkpoints"][1].update(name="bolt 1"), "two checkpoints called 'bolt 1'"),
        (lambda raw: raw["labels"].update({"normal/001.png": {"bolt 3": "ok"}}), "'bolt 3' .* It has bolt 1, bolt 2"),
        (lambda raw: raw["labels"].update({"gone.png": {"bolt 1": "ok"}}), "'gone.png', which is not in"),
        (lambda raw: raw["labels"].update({"normal/001.png": {"bolt 1": "unsure"}}), "teaches nothing"),
        (lambda raw: raw["labels"].update({"normal/001.png": {"bolt 1": " "}}), "wrong at labels"),
    ],
)
def test_what_is_wrong_is_named(root: Path, change: Change, words: str) -> None:
    raw = usual()
    change(raw)
    (root / FILE).write_text(json.dumps(raw))
    with pytest.raises(DatasetError, match=words) as caught:
        read_checkpoints(root / FILE, root)
    assert str(root / FILE) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[1]", "wrong at"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_list_of_checkpoints_is_refused(root: Path, content: bytes, words: str) -> None:
    (root / FILE).write_bytes(content)
    with pytest.raises(DatasetError, match=words):
        read_checkpoints(root / FILE, root)
    with pytest.raises(DatasetError, match="does not exist"):
        read_checkpoints(root / "none.json", root)
    with pytest.raises(DatasetError, match="can't be read"):
        read_checkpoints(root, root)


def test_a_damaged_picture_is_named(root: Path) -> None:
    (root / FILE).write_text(json.dumps(usual()))
    (root / "normal" / "001.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"001\.png is empty"):
        read_checkpoints(root / FILE, root)
