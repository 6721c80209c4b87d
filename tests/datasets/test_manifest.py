"""Manifests as they occur in the wild: every bad line is named with its reason, the good ones are used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.datasets import Dataset, read_dataset
from app.datasets.masks import read_mask, types_of
from app.domain.errors import DatasetError
from tests.datasets.palette import palette_png
from tests.handmade import encoded, texture

GREEN = "#23A436"
MULTI = "groundtruth/image-classification-multilabel"
GOOD: dict[str, Any] = {
    "source-ref": "good.jpg",
    "anomaly-label": 0,
    "anomaly-label-metadata": {
        "confidence": 1,
        "job-name": "anomaly-label",
        "class-name": "normal",
        "human-annotated": "yes",
        "creation-date": "2020-11-10T03:37:09.600",
        "type": "groundtruth/image-classification",
    },
}
BAD: dict[str, Any] = {
    **GOOD,
    "source-ref": "bad.jpg",
    "anomaly-label": 1,
    "anomaly-label-metadata": {**GOOD["anomaly-label-metadata"], "class-name": "anomaly"},
}
MAP = {
    "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0},
    "1": {"class-name": "scratch", "hex-color": GREEN, "confidence": 0.0},
}
MASK_METADATA: dict[str, Any] = {
    "internal-color-map": MAP,
    "type": "groundtruth/semantic-segmentation",
    "human-annotated": "yes",
    "creation-date": "Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)",
    "job-name": "labeling-job/object-mask-ref",
}
SEGMENTED: dict[str, Any] = {**BAD, "anomaly-mask-ref": "mask.png", "anomaly-mask-ref-metadata": MASK_METADATA}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture = encoded(".jpg", texture())
    for name in ("good.jpg", "bad.jpg", "other.jpg", "deep/in/a.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    (tmp_path / "mask.png").write_bytes(palette_png(np.zeros((40, 60), np.uint8), [(255, 255, 255)]))
    return tmp_path


def read(folder: Path, *lines: dict[str, Any] | str | bytes, name: str = "set.manifest") -> Dataset:
    raw = [
        line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
        for line in lines
    ]
    path = folder / name
    path.write_bytes(b"\n".join(raw))
    return read_dataset(path)


def without(entry: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in keys}


def test_classification_and_segmentation(folder: Path) -> None:
    dataset = read(folder, GOOD, SEGMENTED, name="set.jsonl")
    good, bad = dataset.items
    assert (good.label, good.type, good.mask) == ("normal", "", None)
    assert (bad.label, bad.type) == ("anomaly", "scratch")
    assert bad.mask is not None
    assert bad.mask.colours == (((0x23, 0xA4, 0x36), "scratch"),) and bad.mask.background == (255, 255, 255)
    assert bad.mask.path == folder / "mask.png" and bad.path == folder / "bad.jpg"
    assert dataset.problems == ()


@pytest.mark.parametrize("number", [0, 1, "0", "1", "anomaly", None, 7.5])
def test_the_class_name_decides_not_the_number(folder: Path, number: object) -> None:
    dataset = read(folder, {**GOOD, "anomaly-label": number}, {**BAD, "anomaly-label": number})
    assert [item.label for item in dataset.items] == ["normal", "anomaly"]


def test_any_attribute_name(folder: Path) -> None:
    entry = {"source-ref": "good.jpg", "auto": 1, "auto-metadata": {"class-name": " Normal "}}
    assert read(folder, entry).items[0].label == "normal"


def test_another_class_is_unlabelled(folder: Path) -> None:
    entry = {"source-ref": "good.jpg", "x-label": 1, "x-label-metadata": {"class-name": "scratched"}}
    dataset = read(folder, entry, {"source-ref": "other.jpg"})
    assert [item.label for item in dataset.items] == [None, None]
    assert dataset.counts() == {"unlabelled": 2} and not dataset.problems


def test_what_a_model_detected_is_no_label(folder: Path) -> None:
    said = {"class-name": "anomaly", "human-annotated": "no", "model-version": "1"}
    detected = {"source-ref": "good.jpg", "anomaly-label-detected": 1, "anomaly-label-detected-metadata": said}
    assert read(folder, detected).items[0].label is None
    assert read(folder, {**detected, **GOOD}).items[0].label == "normal"


def test_ground_truths_own_output(folder: Path) -> None:
    entry = {"source-ref": "bad.jpg", "job-ref": "mask.png", "job-ref-metadata": MASK_METADATA}
    dataset = read(folder, entry)
    assert dataset.items[0].label is None and dataset.items[0].mask is not None and not dataset.problems


def test_several_classes_of_one_picture(folder: Path) -> None:
    """Ground Truth's multi-label job: the numbers count, not every class of the map."""
    kinds = {"type": MULTI, "class-map": {"1": "dent", "5": "scratch", "7": "stain"}, "human-annotated": "yes"}
    entry = {**BAD, "job": [5, 1], "job-metadata": kinds}
    dataset = read(folder, entry, {**GOOD, "job": [], "job-metadata": kinds})
    assert [(item.types, item.type) for item in dataset.items] == [(("scratch", "dent"), ""), ((), "")]
    assert dataset.types() == {"scratch": 1, "dent": 1} and not dataset.problems


def test_which_of_a_maps_classes_are_there_the_pixels_tell(folder: Path) -> None:
    (folder / "mask.png").write_bytes(palette_png(np.eye(40, 60, dtype=np.uint8), [(255, 255, 255), (9, 9, 9)]))
    described = MAP | {"2": {"class-name": "dent", "hex-color": "#090909"}}
    metadata = {**MASK_METADATA, "internal-color-map": described}
    (item,) = read(folder, {**BAD, "job-ref": "mask.png", "job-ref-metadata": metadata}).items
    assert item.types == () and types_of(item, read_mask(item, (60, 40))) == ("dent",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-11-10T03:37:09.600", "2020-11-10T03:37:09.600000+00:00"),
        ("2022-08-22T20:52:51.851Z", "2022-08-22T20:52:51.851000+00:00"),
        ("2022-08-22T13:52:51-07:00", "2022-08-22T20:52:51+00:00"),
        ("Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)", "2022-08-22T20:52:52+00:00"),
        ("Tue Feb 1 2022 00:00:01 GMT+0530", "2022-01-31T18:30:01+00:00"),
        ("Tue Xxx 1 2022 00:00:01 GMT+0530", None),
        ("Tue Feb 30 2022 00:00:01 GMT+0000", None),
        ("yesterday", None),
        (5, None),
    ],
)
def test_dates_of_labels(folder: Path, text: object, expected: str | None) -> None:
    metadata = {**GOOD["anomaly-label-metadata"], "creation-date": text}
    (item,) = read(folder, {**GOOD, "anomaly-label-metadata": metadata}).items
    assert (item.labelled_at.isoformat() if item.labelled_at else None) == expected


def test_a_manifest_of_an_export_leads_to_the_folders_beside_it(folder: Path) -> None:
    (folder / "datasets").mkdir()
    dataset = read(
        folder, {**GOOD, "source-ref": "../good.jpg"}, {"source-ref": "../../x.jpg"}, name="datasets/a.manifest"
    )
    assert [item.path for item in dataset.items] == [folder / "good.jpg"]
    assert "line 2: ../../x.jpg leads out of" in dataset.problems[0]


def test_manifests_that_share_a_picture(folder: Path) -> None:
    (folder / "datasets").mkdir()
    for name, entry in (("train", GOOD), ("test", BAD)):
        (folder / "datasets" / f"{name}.manifest").write_text(json.dumps({**entry, "source-ref": "../good.jpg"}))
    dataset = read_dataset(folder)
    assert [(item.label, item.split) for item in dataset.items] == [("normal", "train")]
    assert (
        "train.manifest, line 1: ../good.jpg stands in" in dataset.problems[0]
        and "test.manifest, line 1" in dataset.problems[0]
    )


def test_no_background_entry_and_a_normal_with_a_dummy_mask(folder: Path) -> None:
    only_scratch = {**MASK_METADATA, "internal-color-map": {"0": MAP["1"]}}
    only_ground = {**MASK_METADATA, "internal-color-map": {"0": MAP["0"]}}
    dummy = {**GOOD, "anomaly-mask-ref": "mask.png", "anomaly-mask-ref-metadata": only_ground}
    bad, good = read(folder, {**SEGMENTED, "anomaly-mask-ref-metadata": only_scratch}, dummy).items
    assert bad.mask is not None and bad.mask.background is None and bad.type == "scratch"
    assert good.mask is not None and good.mask.colours == ()


def test_byte_order_mark_line_ends_and_blank_lines(folder: Path) -> None:
    odd = {**GOOD, "source-ref": "other.jpg", "note": "one\u2028line\x85still"}
    raw = b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\r\n  \r\n"
    raw += json.dumps(odd, ensure_ascii=False).encode() + b"\r\n" + b"{oops}\r\n"
    path = folder / "set.manifest"
    path.write_bytes(raw)
    dataset = read_dataset(path)
    assert [item.name for item in dataset.items] == ["good.jpg", "other.jpg"]
    (problem,) = dataset.problems
    assert problem.startswith(f"{path}, line 5: not valid JSON")


def test_references(folder: Path) -> None:
    (folder / "elsewhere.jpg").symlink_to(folder / "good.jpg")
    entries = [
        {"source-ref": "deep//in///a.jpg"},
        {"source-ref": "./deep/../good.jpg"},
        {"source-ref": str(folder / "bad.jpg")},
        {"source-ref": "elsewhere.jpg"},
    ]
    dataset = read(folder, *entries)
    names = [item.path.relative_to(folder).as_posix() for item in dataset.items]
    assert names == ["deep/in/a.jpg", "good.jpg", "bad.jpg", "elsewhere.jpg"]
    assert not dataset.problems


def test_a_dataset_of_links_to_another_place(folder: Path) -> None:
    links = folder / "links"
    links.mkdir()
    (links / "good.jpg").symlink_to(folder / "good.jpg")
    assert read(links, GOOD).items[0].path == links / "good.jpg"


WRONG: list[tuple[object, str]] = [
    ("{", "not valid JSON"),
    ("not json", "not valid JSON"),
    ("[1, 2]", "not a JSON object"),
    ("[" * 100_000, "too deep"),
    ('{"source-ref": ' + "9" * 5000 + "}", "a number too long"),
    (b'{"source-ref": "caf\xe9.jpg"}', "not UTF-8"),
    ('{"a": "' + "x" * (1 << 20) + '"}', "longer than 1 MiB"),
    ({}, "no source-ref"),
    ({"source-ref": ""}, "no source-ref"),
    ({"source-ref": 5}, "no source-ref"),
    ({"source-ref": "none.jpg"}, "none.jpg does not exist"),
    ({"source-ref": "deep"}, "does not exist"),
    ({"source-ref": "s3://bucket/good.jpg"}, "lies in S3"),
    ({"source-ref": "s3://s3://bucket/good.jpg"}, "s3:// twice"),
    ({"source-ref": "s3://bucket//deep//good.jpg"}, "s3://bucket//deep//good.jpg lies in S3"),
    ({"source-ref": "https://example.com/good.jpg"}, "is no file"),
    ({"source-ref": "../good.jpg"}, "leads out of the manifest's folder"),
    ({"source-ref": "deep/../../x/good.jpg"}, "leads out of the manifest's folder"),
    ({"source-ref": "good.jpg\0"}, "can't be the name"),
    ({"source-ref": "x" * 400}, "can't be read"),
    (without(GOOD, "anomaly-label-metadata"), "no anomaly-label-metadata"),
    ({**GOOD, "anomaly-label-metadata": {"confidence": 1}}, "no class-name"),
    ({**GOOD, "anomaly-label-metadata": "normal"}, "no class-name"),
    (without(SEGMENTED, "anomaly-mask-ref-metadata"), "mask.png has no colour map"),
    ({**SEGMENTED, "anomaly-mask-ref-metadata": {"type": "x"}}, "mask.png has no colour map"),
    ({**SEGMENTED, "anomaly-mask-ref": "none.png"}, "none.png does not exist"),
    ({**SEGMENTED, "anomaly-mask-ref": "good.jpg"}, "good.jpg is not a PNG"),
    ({**SEGMENTED, "anomaly-mask-ref": "s3://b/m.png"}, "lies in S3"),
    ({**SEGMENTED, "anomaly-mask-ref": "../m.png"}, "leads out"),
    (
        {
            **SEGMENTED,
            "anomaly-mask-ref-metadata": {"internal-color-map": {"1": {"class-name": "a", "hex-color": "green"}}},
        },
        "colour green of a",
    ),
    ({**SEGMENTED, "anomaly-mask-ref-metadata": {"internal-color-map": {"1": {"hex-color": GREEN}}}}, "no class-name"),
    (
        {
            **SEGMENTED,
            "anomaly-mask-ref-metadata": {
                "internal-color-map": MAP | {"2": {"class-name": "dent", "hex-color": GREEN}}
            },
        },
        "stands for scratch and for dent",
    ),
    (
        {
            **SEGMENTED,
            "anomaly-mask-ref-metadata": {
                "internal-color-map": MAP | {"2": {"class-name": "dent", "hex-color": "#FFFFFF"}}
            },
        },
        "stands for BACKGROUND and for dent",
    ),
    ({**BAD, "kinds": [1], "kinds-metadata": {"type": MULTI, "class-map": {"2": "dent"}}}, "kinds has a class"),
    ({**BAD, "kinds": 1, "kinds-metadata": {"type": MULTI, "class-map": {"1": "dent"}}}, "kinds is no list"),
    ({**SEGMENTED, "anomaly-mask-ref-metadata": {"internal-color-map": {"1": 5}}}, "no class-name"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words"), WRONG, ids=[words for _, words in WRONG])
def test_a_bad_line_is_named_and_the_others_are_used(folder: Path, line: Any, words: str) -> None:
    dataset = read(folder, GOOD, line, {**GOOD, "source-ref": "other.jpg"})
    assert [item.name for item in dataset.items] == ["good.jpg", "other.jpg"]
    (problem,) = dataset.problems
    assert problem.startswith(f"{folder / 'set.manifest'}, line 2: ")
    assert words in problem


def test_the_later_line_of_a_picture_counts(folder: Path) -> None:
    dataset = read(folder, GOOD, {**BAD, "source-ref": "./good.jpg"})
    assert [item.label for item in dataset.items] == ["anomaly"]
    assert "line 2: ./good.jpg occurs again" in dataset.problems[0]


def test_nothing_usable_names_the_first_problem(folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"no usable picture.*line 1: .*S3"):
        read(folder, {"source-ref": "s3://bucket/a.jpg"})
    with pytest.raises(DatasetError, match="UTF-16"):
        read(folder, json.dumps(GOOD).encode("utf-16"))


@pytest.mark.parametrize("name", ["output.json", "manifest.txt", "manifest"])
def test_a_manifest_by_any_other_name(folder: Path, name: str) -> None:
    assert len(read(folder, GOOD, BAD, name=name).items) == 2


def test_train_and_test_manifests_are_splits(folder: Path) -> None:
    assert {item.split for item in read(folder, GOOD, name="train.manifest").items} == {"train"}
    assert {item.split for item in read(folder, GOOD, name="test.manifest").items} == {"test"}
    assert {item.split for item in read(folder, GOOD).items} == {None}


def test_the_services_own_sample_set(shared_data: Path) -> None:
    dataset = read_dataset(shared_data / "cookies" / "template.manifest")
    assert dataset.counts() == {"normal": 31, "anomaly": 32} and not dataset.problems
    assert dataset.types() == {"cracked": 32}
    for item in dataset.items:
        assert (item.mask is None) == (item.label == "normal")
        if item.mask:
            assert item.mask.colours == (((0x23, 0xA4, 0x36), "cracked"),)
