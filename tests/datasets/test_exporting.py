"""Out and in again: labels, types, splits, dates and masks are as they were, or what is not is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.datasets import Labelled, read_dataset
from app.datasets.exporting import KINDS, Kind, export
from app.datasets.exporting.staging import MARKER
from app.datasets.masks import labelled
from app.domain.errors import Cancelled, DatasetError
from tests.conftest import ROOT
from tests.datasets.sets import WHEN, area, by_content, everything, masks_of, same_masks
from tests.handmade import encoded, texture


@pytest.fixture
def records(tmp_path: Path) -> list[Labelled]:
    return everything(tmp_path / "in")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("kind", ["coco", "csv"])
def test_layouts_that_carry_everything(records: list[Labelled], tmp_path: Path, kind: Kind) -> None:
    done = export(records, kind, tmp_path / "out", colours={"crack": "#FF0000"})
    assert done.problems == () and done.pictures == {"normal": 3, "anomaly": 7, "unlabelled": 1}
    back = read_dataset(tmp_path / "out")
    assert back.problems == ()
    found = by_content(back)
    for content, record in by_content(records).items():
        item = found.pop(content)
        assert (item.label, item.types, item.split) == (record.label, record.types, record.split), record.name
        assert item.labelled_at == record.added_at
        same_masks(masks_of(item), masks_of(record))
    assert not found


def test_lookout_carries_everything_but_overlaps(records: list[Labelled], tmp_path: Path) -> None:
    done = export(records, "lookout", tmp_path / "out")
    assert done.problems == () and done.pictures == {"normal": 3, "anomaly": 7, "unlabelled": 1}
    assert [path.name for path in done.lists] == ["test.manifest", "train.manifest", "unassigned.manifest"]
    assert done.notes == ("Types overlap, which one mask can't show: the smaller area was kept: a/2.png.",)
    back = read_dataset(tmp_path / "out")
    found = by_content(back)
    assert back.problems == () and len(found) == len(records)
    for content, record in by_content(records).items():
        item, expected = found[content], masks_of(record)
        assert (item.label, item.types, item.split) == (record.label, record.types, record.split), record.name
        if record.added_at:
            assert item.labelled_at == WHEN
        if {"stain", "crack"} <= set(expected):
            expected["stain"] &= ~expected["crack"]
        same_masks(masks_of(item), expected)
    # Each manifest alone is a dataset too.
    assert len(read_dataset(tmp_path / "out" / "datasets" / "test.manifest").items) == 6


def test_a_lookout_manifest_is_what_ground_truth_writes(records: list[Labelled], tmp_path: Path) -> None:
    export(records, "lookout", tmp_path / "out", colours={"crack": "#23A436", "stain": "#ffffff", "dent": "#23a436"})
    datasets = tmp_path / "out" / "datasets"
    colours: dict[str, tuple[str, str]] = {}
    for path in sorted(datasets.iterdir()):
        for line in lines(path):
            metadata = line.get("anomaly-label-metadata")
            if metadata:
                assert line["anomaly-label"] == (metadata["class-name"] == "anomaly")
                assert set(metadata) == {
                    "confidence", "job-name", "class-name", "human-annotated", "creation-date", "type",
                }  # fmt: skip
                assert metadata["creation-date"][10] == "T" and len(metadata["creation-date"]) == 23
            if "anomaly-mask-ref" not in line:
                continue
            described = line["anomaly-mask-ref-metadata"]["internal-color-map"]
            assert described["0"] == {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0}
            pixels = cv2.imread(str(datasets / line["anomaly-mask-ref"]), cv2.IMREAD_UNCHANGED)
            assert pixels.shape == (40, 60, 3)
            there = {"#" + bytes(colour[::-1].tolist()).hex() for colour in np.unique(pixels.reshape(-1, 3), axis=0)}
            assert there == {entry["hex-color"] for entry in described.values()}
            for number, entry in described.items():
                assert (
                    colours.setdefault(
                        number,
                        entry["class-name"],
                    )
                    == entry["class-name"]
                )
                assert colours.setdefault(entry["class-name"], entry["hex-color"]) == entry["hex-color"]
    assert colours["crack"] == "#23a436" and colours["stain"] != "#ffffff"
    dates = [line["anomaly-label-metadata"]["creation-date"] for line in lines(datasets / "train.manifest")]
    assert "2026-11-02T08:30:15.250" in dates


def test_references_to_s3(records: list[Labelled], tmp_path: Path) -> None:
    export(records, "lookout", tmp_path / "out", s3_prefix="s3://bucket/sets/a/")
    (line,) = [line for line in lines(tmp_path / "out/datasets/train.manifest") if "anomaly-mask-ref" in line][:1]
    assert line["source-ref"] == "s3://bucket/sets/a/train/images/2.png"
    assert line["anomaly-mask-ref"] == "s3://bucket/sets/a/train/masks/2.png"
    assert (tmp_path / "out/train/images/2.png").is_file() and (tmp_path / "out/train/masks/2.png").is_file()
    for wrong in ("bucket/a", "s3://", "s3://s3://bucket/a", "s3://bucket//a"):
        with pytest.raises(DatasetError, match="no S3 prefix"):
            export(records, "lookout", tmp_path / "other", s3_prefix=wrong)
    with pytest.raises(DatasetError, match="Only manifests"):
        export(records, "csv", tmp_path / "other", s3_prefix="s3://bucket/a")


def test_sagemaker(records: list[Labelled], tmp_path: Path) -> None:
    done = export(records, "sagemaker", tmp_path / "out")
    assert done.pictures == {"normal": 3, "anomaly": 5}
    assert [note.partition(" ")[0] for note in done.notes] == ["Types", "Anomalies", "Pictures"]
    order = [
        "source-ref", "anomaly-label-metadata", "anomaly-label", "anomaly-mask-ref-metadata", "anomaly-mask-ref",
    ]  # fmt: skip
    for path in done.lists:
        for line in lines(path):
            assert list(line)[:5] == order
            if line["anomaly-label"] == 0:
                described = line["anomaly-mask-ref-metadata"]["internal-color-map"]
                assert [entry["class-name"] for entry in described.values()] == ["BACKGROUND"]
                assert (cv2.imread(str(path.parent / line["anomaly-mask-ref"])) == 255).all()
    back = by_content(read_dataset(tmp_path / "out"))
    for content, item in back.items():
        record = by_content(records)[content]
        assert (item.label, item.types, item.split) == (record.label, record.types, record.split)
        expected = masks_of(record)
        if len(expected) > 1:
            expected["stain"] &= ~expected["crack"]
        same_masks(masks_of(item), expected)


def test_sagemaker_without_masks_trains_a_classification(records: list[Labelled], tmp_path: Path) -> None:
    plain = [replace(record, masks=None, split=None) for record in records if record.label]
    done = export(plain, "sagemaker", tmp_path / "out")
    assert done.pictures == {"normal": 3, "anomaly": 7} and [path.name for path in done.lists] == ["dataset.manifest"]
    for line in lines(done.lists[0]):
        assert list(line)[:3] == ["source-ref", "anomaly-label-metadata", "anomaly-label"]
        assert "anomaly-mask-ref" not in line
    back = read_dataset(tmp_path / "out")
    assert {item.split for item in back.items} == {None} and back.counts() == {"normal": 3, "anomaly": 7}


@pytest.mark.parametrize("kind", ["lookout", "coco", "csv"])
def test_a_mask_without_a_label(records: list[Labelled], tmp_path: Path, kind: Kind) -> None:
    """Ground Truth's own segmentation jobs give just that."""
    record = replace(records[4], label=None)
    export([record], kind, tmp_path / "out")
    (item,) = read_dataset(tmp_path / "out").items
    assert (item.label, item.types) == (None, ("crack",))
    same_masks(masks_of(item), masks_of(record))


def test_a_drawing_on_a_good_part_is_told(records: list[Labelled], tmp_path: Path) -> None:
    done = export([replace(records[4], label="normal", types=())], "coco", tmp_path / "out")
    assert done.notes == ("Defects drawn on a part that is called normal were left out: a/3.jpg.",)
    assert [(item.label, item.mask) for item in read_dataset(tmp_path / "out").items] == [("normal", None)]


def test_pictures_that_the_service_would_refuse_are_told(records: list[Labelled], tmp_path: Path) -> None:
    bitmap, huge = tmp_path / "a.bmp", tmp_path / "b.png"
    bitmap.write_bytes(encoded(".bmp", texture()))
    huge.write_bytes(records[0].path.read_bytes() + bytes(8_000_000))
    both = [replace(records[0], path=path, name=path.name) for path in (bitmap, huge, records[0].path)]
    done = export(both, "lookout", tmp_path / "out")
    assert done.notes == (
        "The service takes PNG and JPEG of at most 8 MB: it would refuse: 2 pictures, the first a.bmp.",
    )
    assert len(read_dataset(tmp_path / "out").items) == 3


@pytest.mark.parametrize("kind", ["folders", "mvtec"])
def test_folders_keep_labels_a_type_and_the_joint_mask(records: list[Labelled], tmp_path: Path, kind: Kind) -> None:
    done = export(records, kind, tmp_path / "out")
    assert done.pictures == {"normal": 3, "anomaly": 7} and done.lists == ()
    back = read_dataset(tmp_path / "out")
    assert back.problems == ()
    found = by_content(back)
    for content, record in by_content(records).items():
        if record.label is None:
            assert content not in found
            continue
        item = found[content]
        kinds = tuple("Riß; a_b_c" if "Riß" in each else each for each in record.types[:1])
        assert (item.label, item.types) == (record.label, kinds), record.name
        if kind == "mvtec":
            assert item.split == ("test" if record.label == "anomaly" else record.split or "train")
        areas = list(masks_of(record).values())
        expected = {(kinds or ("anomaly",))[0]: np.logical_or.reduce(areas)} if areas else {}
        same_masks(masks_of(item), expected)
    told = " ".join(done.notes)
    for words in ("nobody labelled", "one type of a picture", "when a picture was labelled", "got another: Riß"):
        assert words in told
    assert ("no train and test split" in told) == (kind == "folders")
    assert ("defects in its test part only" in told) == ("good parts without one" in told) == (kind == "mvtec")


def test_a_type_called_good_is_no_good_part(records: list[Labelled], tmp_path: Path) -> None:
    odd = [records[0], replace(records[3], types=("good",), masks=None), replace(records[4], types=("CON",))]
    export(odd, "mvtec", tmp_path / "out")
    assert set(read_dataset(tmp_path / "out").types()) == {"good-2", "_CON"}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_the_second_time(records: list[Labelled], tmp_path: Path, kind: Kind) -> None:
    """What a layout could carry once it carries again, whole."""
    export(records, kind, tmp_path / "one")
    first = read_dataset(tmp_path / "one")
    again = export([labelled(item) for item in first.items], kind, tmp_path / "two")
    assert again.problems == ()
    second = by_content(read_dataset(tmp_path / "two"))
    assert set(second) == set(by_content(first))
    for content, item in by_content(first).items():
        assert (item.label, item.types, item.split) == (
            second[content].label, second[content].types, second[content].split,
        )  # fmt: skip
        same_masks(masks_of(item), masks_of(second[content]))


def test_many_types_keep_colours_of_their_own(tmp_path: Path) -> None:
    (record,) = everything(tmp_path / "in")[3:4]
    masks = {f"type {index}": area(index % 60, index // 60, index % 60 + 1, index // 60 + 1) for index in range(60)}
    export([replace(record, types=tuple(masks), masks=lambda size: masks)], "lookout", tmp_path / "out")
    (item,) = read_dataset(tmp_path / "out").items
    assert item.types == tuple(masks)
    same_masks(masks_of(item), masks)


@pytest.mark.parametrize("kind", ["lookout", "sagemaker", "coco", "csv", "folders", "mvtec"])
def test_masks_come_back_pixel_for_pixel(tmp_path: Path, kind: Kind) -> None:
    (record,) = everything(tmp_path / "in")[3:4]
    generator = np.random.default_rng(8)
    masks = {name: generator.random((40, 60)) < share for name, share in (("a", 0.5), ("b", 0.2), ("c", 0.02))}
    export([replace(record, types=tuple(masks), masks=lambda size: masks)], kind, tmp_path / "out")
    (item,) = read_dataset(tmp_path / "out").items
    expected = dict(masks)
    if kind in ("lookout", "sagemaker"):  # the smaller area lies on top
        expected["b"] = masks["b"] & ~masks["c"]
        expected["a"] = masks["a"] & ~masks["b"] & ~masks["c"]
    elif kind in ("folders", "mvtec"):
        expected = {"a": masks["a"] | masks["b"] | masks["c"]}
    same_masks(masks_of(item), expected)


def test_a_hidden_type_is_told_and_kept_by_name(tmp_path: Path) -> None:
    (record,) = everything(tmp_path / "in")[3:4]
    both = {"under": area(3, 3, 9, 9), "over": area(3, 3, 9, 9)}
    done = export([replace(record, types=tuple(both), masks=lambda size: both)], "lookout", tmp_path / "out")
    assert any("type under is hidden" in note for note in done.notes)
    (item,) = read_dataset(tmp_path / "out").items
    assert item.types == ("under", "over") and set(masks_of(item)) == {"over"}


def test_a_speckled_mask_is_one_annotation(tmp_path: Path) -> None:
    (record,) = everything(tmp_path / "in")[3:4]
    speckles = np.zeros((40, 60), bool)
    speckles[::2, ::2] = True
    export([replace(record, types=("dust",), masks=lambda size: {"dust": speckles})], "coco", tmp_path / "out")
    content = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    assert [(each["area"], each["bbox"]) for each in content["annotations"]] == [(600, [0, 0, 59, 39])]
    same_masks(masks_of(read_dataset(tmp_path / "out").items[0]), {"dust": speckles})


def test_pictures_are_copied_as_they_are_and_names_do_not_meet(records: list[Labelled], tmp_path: Path) -> None:
    odd = [
        replace(records[0], name="../../etc/Part.png"),
        replace(records[1], name="C:\\pictures\\part.PNG"),
        replace(records[2], name="con.jpg"),
        replace(records[4], name=".hidden"),
        replace(records[5], name="x" * 400 + ".png"),
    ]
    export(odd, "csv", tmp_path / "out")
    written = {path.name: path.read_bytes() for path in (tmp_path / "out/images").iterdir()}
    assert sorted(written) == ["Part.png", "_con.jpg", "hidden.jpg", "part-2.PNG", "x" * 100 + ".png"]
    assert set(written.values()) == {record.path.read_bytes() for record in odd}


@pytest.mark.skipif(os.name != "posix", reason="names that are no text")
@pytest.mark.parametrize("kind", KINDS)
def test_names_that_are_no_text(tmp_path: Path, kind: Kind) -> None:
    for name, folder in ((b"t\xe9il.png", b"anomaly/caf\xe9"), (b"t\xe9il.png", b"normal")):
        path = tmp_path / "in" / os.fsdecode(folder) / os.fsdecode(name)
        path.parent.mkdir(parents=True)
        path.write_bytes(encoded(".png", texture(seed=len(folder))))
    first = read_dataset(tmp_path / "in")
    done = export([labelled(item) for item in first.items], kind, tmp_path / "out")
    assert done.problems == () and done.pictures == {"normal": 1, "anomaly": 1}
    back = read_dataset(tmp_path / "out")
    assert back.problems == () and list(back.types()) in (["caf?"], ["caf_"])


def test_a_picture_that_is_gone_is_named_and_the_others_are_written(records: list[Labelled], tmp_path: Path) -> None:
    records[0].path.unlink()
    records[3].path.write_bytes(records[3].path.read_bytes()[:200])
    done = export(records, "lookout", tmp_path / "out")
    assert [problem.partition(":")[0] for problem in done.problems] == ["a/1.png is left out", "a/2.png is left out"]
    assert "does not exist any more" in done.problems[0] and "truncated" in done.problems[1]
    assert len(read_dataset(tmp_path / "out").items) == len(records) - 2


def test_a_mask_that_does_not_fit_costs_the_mask_only(records: list[Labelled], tmp_path: Path) -> None:
    export(records, "csv", tmp_path / "one")
    (tmp_path / "one/masks/crack/3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "one/masks/stain/2.png").unlink()
    first = read_dataset(tmp_path / "one")
    assert len(first.problems) == 1 and "line 5: the mask" in first.problems[0]
    done = export([labelled(item) for item in first.items], "coco", tmp_path / "two")
    (problem,) = done.problems
    assert "3.jpg is exported without its mask" in problem and "not a whole picture" in problem and "line 6" in problem
    assert sum(item.mask is not None for item in read_dataset(tmp_path / "two").items) == 3


def test_what_may_not_be_replaced(records: list[Labelled], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(DatasetError, match="not empty and no export"):
        export(records, "csv", tmp_path / "mine")
    with pytest.raises(DatasetError, match="is a file"):
        export(records, "csv", tmp_path / "mine/letter.txt")
    with pytest.raises(DatasetError, match="holds pictures that are to be exported"):
        export(records, "csv", tmp_path / "in")
    with pytest.raises(DatasetError, match="can't be a folder"):
        export(records, "csv", tmp_path / ("x" * 300))
    with pytest.raises(DatasetError, match="nothing to export"):
        export([], "csv", tmp_path / "new")
    assert (tmp_path / "mine/letter.txt").read_text() == "dear"


def test_an_earlier_export_is_replaced_whole(records: list[Labelled], tmp_path: Path) -> None:
    export(records, "csv", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    export(records[:1], "folders", tmp_path / "out")
    export(records[:1], "folders", tmp_path / "empty")
    for name in ("out", "empty"):
        assert sorted(path.name for path in (tmp_path / name).rglob("*.*")) == ["1.png", MARKER]
    assert json.loads((tmp_path / "out" / MARKER).read_text())["kind"] == "folders"


def test_stopping_leaves_the_old_export(records: list[Labelled], tmp_path: Path) -> None:
    export(records[:2], "folders", tmp_path / "out")

    def stop(fraction: float, words: str) -> None:
        if fraction > 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        export(records, "coco", tmp_path / "out", stop)
    assert len(read_dataset(tmp_path / "out").items) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_none_fits(records: list[Labelled], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"None of the pictures .* nobody labelled"):
        export([records[9]], "folders", tmp_path / "out")
    assert not (tmp_path / "out").exists()


_LIMITED = """
import resource, sys
from pathlib import Path
from app.datasets import Labelled
from app.datasets.exporting import export
from app.domain.errors import DatasetError

root = Path(sys.argv[1])
export([Labelled(root / "small.png", "small.png", "normal")], "folders", root / "out")
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
both = [Labelled(root / name, name, "normal") for name in ("small.png", "large.png")]
try:
    export(both, "folders", root / "out")
except DatasetError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="file-size limits of POSIX")
def test_a_disk_that_fills_up_leaves_the_old_export(tmp_path: Path, records: list[Labelled]) -> None:
    (tmp_path / "small.png").write_bytes(records[0].path.read_bytes())
    (tmp_path / "large.png").write_bytes(bytes(50_000))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _LIMITED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert f"The export to {tmp_path / 'out'} can't be written" in done.stdout and "unchanged" in done.stdout
    assert [item.path.name for item in read_dataset(tmp_path / "out").items] == ["small.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "large.png", "out", "small.png"]


def test_the_cookies_set_in_edited_out_and_in_again(shared_data: Path, tmp_path: Path) -> None:
    """The done-when of the labelling studio: the service's own sample set, as it stands."""
    source = read_dataset(shared_data / "cookies" / "template.manifest")
    edited = [labelled(item) for item in source.items]
    grown = {"cracked": np.zeros((768, 576), bool), "burnt": np.zeros((768, 576), bool)}
    grown["cracked"][100:120, 50:300], grown["burnt"][400:500, 200:260] = True, True
    edited[0] = replace(edited[0], types=("cracked", "burnt"), masks=lambda size: grown)
    edited[40] = replace(edited[40], label="anomaly", types=("burnt",))
    done = export(edited, "lookout", tmp_path / "out", colours={"cracked": "#23A436"})
    assert done.notes == () and done.problems == ()
    back = read_dataset(tmp_path / "out")
    assert back.problems == ()
    found = by_content(back)
    for content, record in by_content(edited).items():
        item = found[content]
        assert (item.label, item.types, item.labelled_at) == (record.label, record.types, record.added_at)
        same_masks(masks_of(item), masks_of(record))
    for line in lines(tmp_path / "out/datasets/dataset.manifest"):
        if "anomaly-mask-ref" in line:
            metadata = line["anomaly-mask-ref-metadata"]
            assert metadata["internal-color-map"]["0"]["class-name"] == "BACKGROUND"
            assert metadata["creation-date"].startswith("2022-08-2")
