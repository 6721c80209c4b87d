from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.vision import artefact
from tests.cli.conftest import Ended
from tests.vision.onnx_nets import small_net

Command = Callable[..., Ended]


@pytest.fixture
def few(parts: Path, tmp_path: Path) -> Path:
    """Five good parts in a dataset that a test may spoil."""
    root = tmp_path / "few"
    (root / "normal").mkdir(parents=True)
    for index in range(1, 6):
        (root / "normal" / f"part-{index}.png").write_bytes((parts / "normal" / f"part-{index}.png").read_bytes())
    return root


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_damaged_picture_is_listed_and_the_rest_is_learned(command: Command, few: Path, tmp_path: Path) -> None:
    cut = few / "normal" / "cut.png"
    cut.write_bytes((few / "normal" / "part-1.png").read_bytes()[:-50])
    out = tmp_path / "new" / "folder" / "part.model"
    ended = command("train", "--dataset", few, "--out", out, "--size", "128", "--json")
    assert ended.code == 1
    found = ended.json
    assert found["normals"] == 5 and found["model"] == str(out) and found["name"] == "part"
    assert found["skipped"] == [{"path": str(cut), "error": f"{cut} is truncated: its end is missing. "
                                 "Copy it again from its origin."}]  # fmt: skip
    assert found["retest_from"] <= found["threshold"] and found["bytes"] == out.stat().st_size
    assert str(cut) in ended.err and "%" in ended.err
    assert files(tmp_path / "new") == ["folder/part.model"]
    assert artefact.load(out)[0].description.training.normals == 5


def test_without_json_words_are_for_people_and_a_file_name_may_be_any(
    command: Command, few: Path, tmp_path: Path
) -> None:
    out = tmp_path / "Teil\udce9 7"  # not UTF-8, and no ending
    ended = command("train", "--dataset", few, "--out", out, "--size", "128")
    assert ended.code == 0, ended.err
    assert "learned from 5 good and 0 defective parts" in ended.out and len(ended.out.splitlines()) == 1
    assert out.is_file() and artefact.load(out)[0].description.name == "Teil? 7"


@pytest.mark.parametrize("wrong", ["folder", "under a file", "long name", "device"])
def test_a_place_that_can_not_be_written_is_told_before_the_training(
    command: Command, few: Path, tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    place = {
        "folder": few,
        "under a file": tmp_path / "file" / "a" / "part.model",
        "long name": tmp_path / ("long" * 90),
        "device": Path("/dev/null"),
    }[wrong]
    before = files(tmp_path)
    ended = command("train", "--dataset", few, "--out", place, "--json")
    assert ended.code == 1
    assert str(place) in ended.json["error"]
    assert "%" not in ended.err  # nothing was begun
    assert files(tmp_path) == before
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("wrong", ["too few", "none", "same", "no dataset", "stray mask"])
def test_a_failed_training_leaves_the_old_model_as_it_was(
    command: Command, few: Path, tmp_path: Path, wrong: str
) -> None:
    out = tmp_path / "models" / "part.model"
    out.parent.mkdir()
    out.write_bytes(b"the old model")
    pictures = sorted((few / "normal").iterdir())
    if wrong == "too few":
        pictures[0].unlink()
    elif wrong == "none":
        (few / "normal").rename(few / "anomaly")
    elif wrong == "same":
        for picture in pictures:
            picture.write_bytes(pictures[0].read_bytes())
    elif wrong == "no dataset":
        (few / "normal").rename(few / "good")
    else:
        (few / "masks").mkdir()
        (few / "masks" / "x.png").write_bytes(b"")
    words = {
        "too few": "4 usable pictures of good parts are too few",
        "none": "no picture of a good part",
        "same": "the same picture",
        "no dataset": "is no dataset",
        "stray mask": "has no picture",
    }[wrong]
    ended = command("train", "--dataset", few, "--out", out, "--size", "128", "--json")
    assert ended.code == 1
    assert words in ended.json["error"] and words in ended.err
    assert files(out.parent) == ["part.model"] and out.read_bytes() == b"the old model"


def test_a_manifests_bad_line_is_named(command: Command, few: Path, tmp_path: Path) -> None:
    lines = [
        {"source-ref": f"normal/part-{index}.png", "x-metadata": {"class-name": "normal"}} for index in range(1, 6)
    ]
    manifest = few / "train.manifest"
    manifest.write_text("\n".join(map(json.dumps, lines)) + '\n{"source-ref": "s3://b/k.png"}\n')
    ended = command("train", "--dataset", manifest, "--out", tmp_path / "m", "--size", "128", "--json")
    assert ended.code == 1
    assert ended.json["normals"] == 5
    (problem,) = ended.json["problems"]
    assert f"{manifest}, line 6: s3://b/k.png lies in S3" in problem and problem in ended.err


def test_any_onnx_feature_extractor_can_be_trained_with(command: Command, few: Path, tmp_path: Path) -> None:
    net, out = tmp_path / "My Net.onnx", tmp_path / "part.model"
    net.write_bytes(small_net().SerializeToString())
    base = ("train", "--dataset", few, "--out", out, "--size", "128", "--backbone", net, "--json")
    without = command(*base)
    assert without.code == 1 and "--layers" in without.err and not out.exists()
    wrong = command(*base, "--layers", "b,nowhere")
    assert wrong.code == 1 and "nowhere" in wrong.err and not out.exists()
    ended = command(*base, "--layers", "c,d", "--backbone-mean", "0,0,0", "--backbone-scale", "255,255,255")
    assert ended.code == 0 and ended.json["backbone"] == "my-net"
    net.unlink()  # the model file carries what it needs of it
    lines = command("inspect", "--model", out, few / "normal").lines
    assert {line["verdict"] for line in lines} <= {"PASS", "RETEST"} and len(lines) == 5


def test_limits_for_wear_come_from_the_command_line(command: Command, few: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.model"
    base = ("train", "--dataset", few, "--out", out, "--size", "128", "--json", "--limit")
    assert command(*base, "*=4mm2").code == 2  # no scale
    assert command(*base, "rust").code == 2
    unknown = command(*base, "rust=400px")
    assert unknown.code == 1 and "no kind of defect rust" in unknown.err and not out.exists()
    assert command(*base, "*=4mm2", "--mm-per-pixel", "0.1").code == 0
    (line,) = command("inspect", "--model", out, few / "normal" / "part-1.png").lines
    assert [(each["label"], each["limit"], each["unit"]) for each in line["wear"]] == [("*", 4.0, "mm2")]
    (line,) = command("inspect", "--model", out, "--limit", "*=90px", few / "normal" / "part-1.png").lines
    assert [(each["limit"], each["unit"]) for each in line["wear"]] == [(90.0, "px")]
