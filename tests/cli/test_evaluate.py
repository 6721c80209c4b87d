from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.conftest import Ended

Command = Callable[..., Ended]
KEYS = {
    "image_auroc", "average_precision", "precision", "recall", "f1", "threshold", "confusion", "retest",
    "pixel_auroc", "aupro", "iou",
}  # fmt: skip


@pytest.fixture
def own(parts: Path, tmp_path: Path) -> Path:
    """A copy of the dataset that a test may spoil."""
    return Path(shutil.copytree(parts, tmp_path / "own"))


def test_figures_agree_with_inspect(command: Command, model: Path, parts: Path) -> None:
    ended = command("evaluate", "--model", model, "--dataset", parts, "--json")
    assert ended.code == 0, ended.err
    figures = ended.json
    assert set(figures) >= KEYS and figures["failed"] == [] and figures["problems"] == []
    normal = command("inspect", "--model", model, parts / "normal").lines
    anomaly = command("inspect", "--model", model, parts / "anomaly").lines
    limit = figures["threshold"]
    assert all(line["threshold"] == limit for line in (*normal, *anomaly))
    rejected = [sum(line["score"] >= limit for line in group) for group in (normal, anomaly)]
    assert figures["confusion"] == {
        "tp": rejected[1], "fn": len(anomaly) - rejected[1], "fp": rejected[0], "tn": len(normal) - rejected[0],
    }  # fmt: skip
    assert figures["retest"] == sum(line["verdict"] == "RETEST" for line in (*normal, *anomaly))
    pairs = [
        (bad["score"] > good["score"]) + 0.5 * (bad["score"] == good["score"]) for bad in anomaly for good in normal
    ]
    assert figures["image_auroc"] == pytest.approx(np.mean(pairs))
    assert (
        set(figures["iou"]) == {"misprint", "anomaly"} and 0 < figures["pixel_auroc"] <= 1 and 0 < figures["aupro"] <= 1
    )


def test_words_without_json(command: Command, model: Path, parts: Path) -> None:
    ended = command("evaluate", "--model", model, "--dataset", parts)
    assert ended.code == 0 and "image AUROC" in ended.out and "{" not in ended.out and "%" in ended.err


@pytest.mark.parametrize(("gone", "nulls"), [
    ("anomaly", {"image_auroc", "average_precision", "recall", "f1", "pixel_auroc", "aupro"}),
    ("normal", {"image_auroc", "average_precision"}),
])  # fmt: skip
def test_one_class_alone(command: Command, model: Path, own: Path, gone: str, nulls: set[str]) -> None:
    shutil.rmtree(own / gone)
    if gone == "anomaly":
        shutil.rmtree(own / "masks")
    ended = command("evaluate", "--model", model, "--dataset", own, "--json")
    assert ended.code == 0, ended.err
    assert {key for key in KEYS if ended.json[key] is None} - {"precision"} == nulls


def test_without_masks(command: Command, model: Path, own: Path) -> None:
    shutil.rmtree(own / "masks")
    figures = command("evaluate", "--model", model, "--dataset", own, "--json").json
    assert figures["pixel_auroc"] is None and figures["aupro"] is None and figures["iou"] == {}
    assert figures["image_auroc"] is not None


def test_an_unreadable_picture_is_named_and_the_rest_counts(command: Command, model: Path, own: Path) -> None:
    bad = own / "normal" / "part-3.png"
    bad.write_bytes(b"")
    ended = command("evaluate", "--model", model, "--dataset", own, "--json")
    assert ended.code == 1
    (failed,) = ended.json["failed"]
    assert set(failed) == {"path", "error"} and failed["path"] == str(bad) and str(bad) in failed["error"]
    assert ended.json["normals"] == 7 and str(bad) in ended.err


def test_a_mask_of_another_size_names_both(command: Command, model: Path, own: Path) -> None:
    mask = own / "masks" / "misprint" / "1.png"
    assert cv2.imwrite(str(mask), np.zeros((9, 11), np.uint8))
    ended = command("evaluate", "--model", model, "--dataset", own, "--json")
    assert ended.code == 1
    for text in (ended.json["error"], ended.err):
        assert str(mask) in text and str(own / "anomaly" / "misprint" / "1.png") in text and "11 x 9" in text


def test_a_mask_without_a_picture_is_named(command: Command, model: Path, own: Path) -> None:
    (own / "anomaly" / "misprint" / "2.png").unlink()
    ended = command("evaluate", "--model", model, "--dataset", own, "--json")
    assert ended.code == 1
    assert str(own / "masks" / "misprint" / "2.png") in ended.json["error"] and "misprint/2" in ended.err


def test_a_manifests_wrong_mask_names_line_and_reason_and_the_rest_counts(
    command: Command, model: Path, own: Path
) -> None:
    colours = {"internal-color-map": {"0": {"class-name": "misprint", "hex-color": "#ffffff"}}}
    lines = [{"source-ref": f"normal/part-{index}.png", "x-metadata": {"class-name": "normal"}} for index in (1, 2)]
    for index in range(3):
        lines.append({
            "source-ref": f"anomaly/misprint/{index}.png",
            "x-metadata": {"class-name": "anomaly"},
            "m-ref": f"masks/misprint/{index}.png",
            "m-ref-metadata": colours,
        })  # fmt: skip
    manifest = own / "set.manifest"
    manifest.write_text("\n".join(map(json.dumps, lines)))
    whole = command("evaluate", "--model", model, "--dataset", manifest, "--json")
    assert whole.code == 0 and set(whole.json["iou"]) == {"misprint", "anomaly"}
    assert cv2.imwrite(str(own / "masks/misprint/1.png"), np.zeros((9, 11), np.uint8))
    ended = command("evaluate", "--model", model, "--dataset", manifest, "--json")
    assert ended.code == 1 and ended.json["anomalies"] == 2
    (failed,) = ended.json["failed"]
    assert failed["path"] == str(own / "anomaly/misprint/1.png")
    assert f"{manifest}, line 4: the mask {own / 'masks/misprint/1.png'} is 11 x 9" in failed["error"]


def test_nothing_labelled(command: Command, model: Path, own: Path) -> None:
    manifest = own / "set.manifest"
    manifest.write_text('{"source-ref": "normal/part-1.png"}')
    ended = command("evaluate", "--model", model, "--dataset", manifest, "--json")
    assert ended.code == 1 and "no labelled picture" in ended.json["error"]
