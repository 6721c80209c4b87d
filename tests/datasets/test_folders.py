from __future__ import annotations

from pathlib import Path

import pytest

from app.datasets import Dataset, Item, read_dataset
from app.domain.errors import DatasetError


def made(root: Path, *names: str) -> Path:
    """Empty files: reading a dataset decodes no picture."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def named(dataset: Dataset) -> dict[str, Item]:
    return {item.name: item for item in dataset.items}


def test_normal_anomaly_and_masks(tmp_path: Path) -> None:
    made(tmp_path, "normal/2.png", "normal/10.png", "normal/sub/1.JPG", "anomaly/loose.jpg", "anomaly/dent/a.b.jpg")
    made(tmp_path, "masks/loose.png", "masks/dent/a.b.PNG", "normal/.hidden.png", "normal/notes.txt", "readme.png")
    dataset = read_dataset(tmp_path)
    items = named(dataset)
    assert list(items) == [
        "normal/2.png", "normal/10.png", "normal/sub/1.JPG", "anomaly/dent/a.b.jpg", "anomaly/loose.jpg",
    ]  # fmt: skip
    dent, loose = items["anomaly/dent/a.b.jpg"], items["anomaly/loose.jpg"]
    assert (dent.label, dent.type) == ("anomaly", "dent")
    assert (loose.label, loose.type) == ("anomaly", "")
    assert dent.mask is not None and dent.mask.path == tmp_path / "masks/dent/a.b.PNG"
    assert loose.mask is not None and loose.mask.colours is None
    assert items["normal/2.png"].mask is None
    assert dataset.counts() == {"normal": 3, "anomaly": 2}
    assert dataset.types() == {"dent": 1, "anomaly": 1}
    assert len(dataset.training_normals()) == 3 and len(dataset.test_items()) == 5
    assert dataset.problems == ()


def test_a_mask_belongs_to_the_defect_not_to_the_good_part_of_the_same_name(tmp_path: Path) -> None:
    items = named(read_dataset(made(tmp_path, "normal/1.png", "normal/2.png", "anomaly/1.png", "masks/1.png")))
    assert items["anomaly/1.png"].mask is not None
    assert items["normal/1.png"].mask is None


def test_a_good_part_may_have_an_empty_mask(tmp_path: Path) -> None:
    items = named(read_dataset(made(tmp_path, "normal/1.png", "anomaly/2.png", "masks/1.png", "masks/2.png")))
    assert items["normal/1.png"].mask is not None


def test_defects_alone_are_a_dataset_too(tmp_path: Path) -> None:
    dataset = read_dataset(made(tmp_path, "anomaly/dent/1.png"))
    assert dataset.counts() == {"anomaly": 1} and dataset.training_normals() == []


def test_a_mask_without_a_picture_is_named(tmp_path: Path) -> None:
    made(tmp_path, "normal/1.png", "anomaly/dent/1.png", "masks/dent/1.png", "masks/dent/2.png", "masks/dent/3.png")
    with pytest.raises(DatasetError, match=r"masks/dent/2\.png has no picture: none called dent/2 .*1 more") as caught:
        read_dataset(tmp_path)
    assert str(tmp_path / "masks/dent/2.png") in str(caught.value)


def test_a_mask_that_is_no_png_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"masks/1\.jpg is not a PNG"):
        read_dataset(made(tmp_path, "normal/2.png", "anomaly/1.jpg", "masks/1.jpg"))


def test_mvtec(tmp_path: Path) -> None:
    made(tmp_path, "train/good/000.png", "train/good/001.png", "test/good/000.png", "test/hole/000.png")
    made(tmp_path, "test/cut/000.png", "ground_truth/hole/000_mask.png", "ground_truth/cut/000.png", "test/stray.png")
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "MVTec AD"
    items = named(dataset)
    assert [item.name for item in dataset.training_normals()] == ["train/good/000.png", "train/good/001.png"]
    assert {item.name for item in dataset.test_items()} == {
        "test/cut/000.png",
        "test/good/000.png",
        "test/hole/000.png",
    }
    hole, cut = items["test/hole/000.png"], items["test/cut/000.png"]
    assert (hole.label, hole.type, hole.split) == ("anomaly", "hole", "test")
    assert hole.mask is not None and hole.mask.path.name == "000_mask.png"
    assert cut.mask is not None and cut.mask.path.name == "000.png"
    assert items["test/good/000.png"].label == "normal"


def test_mvtec_mask_without_a_picture(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"ground_truth/hole/7_mask\.png has no picture"):
        read_dataset(made(tmp_path, "train/good/1.png", "test/hole/1.png", "ground_truth/hole/7_mask.png"))


def test_a_folder_with_one_manifest(tmp_path: Path) -> None:
    made(tmp_path, "1.png")
    (tmp_path / "train.manifest").write_text('{"source-ref": "1.png"}\n')
    assert read_dataset(tmp_path).root == tmp_path / "train.manifest"
    (tmp_path / "test.manifest").write_text("{}")
    with pytest.raises(DatasetError, match=r"several manifests \(test.manifest, train.manifest\)"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["normal/readme.txt"], "holds no usable picture"),
        (["a.png"], "move them into"),
        (["x/y.txt"], "no folder normal"),
    ],
)
def test_folders_that_are_no_dataset(tmp_path: Path, names: list[str], words: str) -> None:
    with pytest.raises(DatasetError, match=words) as caught:
        read_dataset(made(tmp_path, *names))
    assert str(tmp_path) in str(caught.value)


def test_a_plain_folder_where_a_person_was_asked_for_good_parts(tmp_path: Path) -> None:
    assert read_dataset(made(tmp_path, "a.png", "b/c.png"), plain_is_normal=True).counts() == {"normal": 2}


def test_places_that_are_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        read_dataset(tmp_path / "none")
    with pytest.raises(DatasetError, match="is a file that is no manifest"):
        read_dataset(made(tmp_path, "a.zip") / "a.zip")
    with pytest.raises(DatasetError, match="can't be read"):
        read_dataset(tmp_path / ("long" * 90))


def test_the_sample_folders_read_as_they_are(shared_data: Path) -> None:
    aliens = read_dataset(shared_data / "aliens")
    assert aliens.counts() == {"normal": 40, "anomaly": 40} and not aliens.problems
    tiles = read_dataset(shared_data / "magnetic-tile")
    assert tiles.counts() == {"normal": 300, "anomaly": 155} and not tiles.problems
    assert all((item.mask is not None) == (item.label == "anomaly") for item in tiles.items)
    assert set(tiles.types()) == {"blowhole", "break", "crack", "fray", "uneven"}
