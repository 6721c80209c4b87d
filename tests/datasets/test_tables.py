"""CSV lists: with and without a header, in the separators of the world; every bad line is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.datasets import Dataset, Mask, read_dataset
from app.datasets.masks import read_mask
from app.datasets.tables import joined, parted
from app.domain.errors import DatasetError
from tests.handmade import encoded, texture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("1.png", "2.png", "3.jpg", "deep/in/4.png", "Teil ü.png", "a, b.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(path.suffix, texture()))
    left, right = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    left[:, :20], right[:, 10:] = 255, 255
    (tmp_path / "left.png").write_bytes(encoded(".png", left))
    (tmp_path / "right.png").write_bytes(encoded(".png", right))
    return tmp_path


def read(folder: Path, text: str | bytes, name: str = "list.csv") -> Dataset:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_dataset(folder / name)


def brief(dataset: Dataset) -> list[tuple[str, str | None, tuple[str, ...]]]:
    return [(item.name, item.label, item.types) for item in dataset.items]


def test_without_a_header(folder: Path) -> None:
    dataset = read(folder, "1.png,normal\n2.png,Anomaly\r\n3.jpg, anomaly ,dent\n\n,,\n")
    assert brief(dataset) == [("1.png", "normal", ()), ("2.png", "anomaly", ()), ("3.jpg", "anomaly", ("dent",))]
    assert dataset.layout == "CSV list" and dataset.problems == ()
    assert dataset.items[2].place == f"{folder / 'list.csv'}, line 3" and dataset.items[2].type == "dent"


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["list.csv", "list.tsv", "list.txt", "list"])
def test_any_separator_and_ending(folder: Path, sign: str, name: str) -> None:
    rows = [["Class", "Image", "Split"], ["normal", "1.png", "train"], ["anomaly", "2.png", ""], ["", "3.jpg", "test"]]
    dataset = read(folder, "\n".join(sign.join(row) for row in rows), name)
    assert brief(dataset) == [("1.png", "normal", ()), ("2.png", "anomaly", ()), ("3.jpg", None, ())]
    assert [item.split for item in dataset.items] == ["train", None, "test"]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "cp1252"])
def test_codings_quotes_and_old_line_ends(folder: Path, coding: str) -> None:
    text = 'picture;label\rTeil ü.png;normal\r"a, b.png";"anomaly"\r'
    assert brief(read(folder, text.encode(coding))) == [("Teil ü.png", "normal", ()), ("a, b.png", "anomaly", ())]


def test_paths_of_windows(folder: Path) -> None:
    assert read(folder, "deep\\in\\4.png,normal").items[0].path == folder / "deep/in/4.png"


def test_one_mask_for_all_types_and_one_for_each(folder: Path) -> None:
    text = "picture,label,types,masks\n1.png,anomaly,dent,left.png\n2.png,anomaly,,right.png\n"
    text += "3.jpg,anomaly,dent|crack,left.png|right.png\ndeep/in/4.png,anomaly,dent|crack,|right.png\n"
    dent, nameless, both, second = read(folder, text).items
    assert isinstance(dent.mask, Mask) and dent.mask.path == folder / "left.png"
    left, right = (np.tile(columns, (40, 1)) for columns in (np.arange(60) < 20, np.arange(60) >= 10))
    for item, expected in (
        (dent, {"dent": left}),
        (nameless, {"anomaly": right}),
        (both, {"dent": left, "crack": right}),  # they overlap
        (second, {"crack": right}),
    ):
        found = read_mask(item, (60, 40))
        assert set(found) == set(expected)
        for kind, area in expected.items():
            np.testing.assert_array_equal(found[kind], area)


WRONG = [
    ("none.png,normal", "none.png does not exist"),
    (",normal", "names no picture"),
    ("2.png,defect", "the class 'defect' of 2.png is neither normal nor anomaly"),
    ("../2.png,normal", "leads out of the manifest's folder"),
    ("s3://b/2.png,normal", "lies in S3"),
    ("2.png,normal,dent", "has the type dent, but is called normal"),
    ("2.png,anomaly,dent,none.png", "none.png does not exist"),
    ("2.png,anomaly,dent,3.jpg", "3.jpg is not a PNG"),
    ("2.png,anomaly,dent,left.png|right.png", "2 masks for 1 types"),
    ("2.png,anomaly,,,val", "the split 'val' of 2.png"),
]


@pytest.mark.parametrize(("line", "words"), WRONG)
def test_a_bad_line_is_named_and_the_others_are_used(folder: Path, line: str, words: str) -> None:
    dataset = read(folder, f"1.png,normal\n{line}\n3.jpg,anomaly\n")
    assert [item.name for item in dataset.items] == ["1.png", "3.jpg"]
    (problem,) = dataset.problems
    assert problem.startswith(f"{folder / 'list.csv'}, line 2: ") and words in problem


def test_duplicates_are_named_with_both_lines(folder: Path) -> None:
    dataset = read(folder, "1.png,normal\n2.png,normal\n./1.png,anomaly\n")
    assert [item.label for item in dataset.items] == ["anomaly", "normal"]
    (problem,) = dataset.problems
    assert "line 3: ./1.png occurs again (line 1 has it too)" in problem


def test_a_field_beyond_all_bounds_costs_its_line(folder: Path) -> None:
    dataset = read(folder, "1.png,normal\n" + "x" * 140_000 + ",normal\n2.png,normal\n")
    assert [item.name for item in dataset.items] == ["1.png", "2.png"]
    assert "line 2: field larger than field limit" in dataset.problems[0]


def test_a_folder_with_one_list(folder: Path) -> None:
    read(folder, "1.png,normal\n")
    (folder / "notes.csv").write_text("when,who\nmonday,me\n")
    assert len(read_dataset(folder).items) == 1
    (folder / "more.csv").write_text("2.png,normal\n")
    with pytest.raises(DatasetError, match=r"several lists \(list.csv, more.csv\)"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no usable picture"),
        (b"hello", "no usable picture"),
        ("1.png,normal".encode("utf-16"), "UTF-16"),
        (b"a,b\n1,2\n", "no usable picture.*line 1"),
    ],
)
def test_what_is_no_list(folder: Path, text: bytes, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        read(folder, text)


def test_a_text_without_a_list_is_not_taken_for_one(folder: Path) -> None:
    with pytest.raises(DatasetError, match="no other list of pictures"):
        read(folder, "dear all, the normal parts are here", "letter.txt")


@given(st.lists(st.text("ab|\\;, ü", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=4))
def test_names_with_any_sign_come_back(names: list[str]) -> None:
    assert parted(joined(names)) == names
