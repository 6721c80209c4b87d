"""Checkpoints on the command line: learned with `train`, answered by `inspect`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from app.cli.checkpoints import wanted
from app.cli.parser import parse
from app.datasets import read_dataset
from app.pictures import encode_png, read_picture
from tests.cli.conftest import Ended
from tests.vision.bolted_parts import PLACES, draw_bolted

Command = Callable[..., Ended]
KEYS = {"name", "state", "score", "threshold", "x", "y", "width", "height", "words"}


@pytest.fixture
def bolted(tmp_path: Path) -> Path:
    """Seven good parts, and two without bolt 2."""
    root = tmp_path / "bolted"
    for folder, seeds, changes in (("normal", range(7), {}), ("anomaly", (20, 21), {"heads": {"bolt 2": "missing"}})):
        (root / folder).mkdir(parents=True)
        for seed in seeds:
            (root / folder / f"{seed}.png").write_bytes(encode_png(draw_bolted(seed, **changes)))
    return root


def listed(**changes: Any) -> str:
    keys = ("name", "x", "y", "width", "height")
    rects = [dict(zip(keys, (name, *PLACES[name]), strict=True)) for name in ("bolt 2", "label")]
    return json.dumps({"picture": "normal/0.png", "checkpoints": rects, **changes})


@pytest.mark.slow
def test_a_dataset_with_checkpoints(command: Command, bolted: Path, tmp_path: Path) -> None:
    labels = {"labels": {f"anomaly/{seed}.png": {"bolt 2": "missing", "label": "ok"} for seed in (20, 21)}}
    (bolted / "checkpoints.json").write_text(listed(**labels))
    model, shown = tmp_path / "a.model", tmp_path / "shown"
    ended = command("train", "--dataset", bolted, "--out", model, "--size", "128", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["checkpoints"] == [
        {"name": "bolt 2", "good": 7, "labelled": 2, "states": ["missing"]},
        {"name": "label", "good": 9, "labelled": 0, "states": []},
    ]
    bad = tmp_path / "bad.png"
    bad.write_bytes(encode_png(draw_bolted(30, heads={"bolt 2": "missing"}, label="turned")))
    good = tmp_path / "good.png"
    good.write_bytes(encode_png(draw_bolted(31)))
    first, second = command("inspect", "--model", model, bad, good, "--overlay", shown).lines
    assert [set(each) for each in first["checkpoints"]] == [KEYS] * 2
    assert [each["state"] for each in first["checkpoints"]] == ["missing", "turned"]
    assert first["verdict"] == "FAIL"
    assert first["reason"].startswith("bolt 2: missing, label: turned by 180 degrees")
    assert [each["state"] for each in second["checkpoints"]] == ["ok", "ok"]
    assert cv2.absdiff(read_picture(shown / "good.png"), read_picture(good)).max() > 100


def test_one_drawn_on_the_command_line(bolted: Path, tmp_path: Path) -> None:
    (bolted / "checkpoints.json").write_text("spoiled, and not asked for")
    other = tmp_path / "other.json"
    other.write_text(listed(labels={"anomaly/20.png": {"label": "ok"}}))
    train = ["train", "--dataset", str(bolted), "--out", "m", "--checkpoints", str(other)]
    dataset = read_dataset(bolted)
    first = bolted / "normal" / "1.png"
    found = wanted(parse([*train, "--checkpoint", " slot=left =1,2,30,40"]), dataset, first)
    assert [each.name for each in found] == ["bolt 2", "label", "slot=left"]
    assert [each.picture.name for each in found] == ["normal/0.png", "normal/0.png", "normal/1.png"]
    assert found[2].box == (1, 2, 30, 40) and (found[2].picture.load() == read_picture(first)).all()
    assert [(sample.name, state) for sample, state in found[1].labels] == [("anomaly/20.png", "ok")]


@pytest.mark.parametrize("text", ["bolt", "=1,2,3,4", "bolt=1,2,3", "bolt=a,b,c,d"])
def test_wrong_usage(command: Command, bolted: Path, text: str) -> None:
    ended = command("train", "--dataset", bolted, "--out", bolted / "m", "--checkpoint", text)
    assert ended.code == 2 and "--checkpoint" in ended.err


def test_what_can_not_be_learned_is_told_before_the_training(command: Command, bolted: Path, tmp_path: Path) -> None:
    (bolted / "checkpoints.json").write_text(listed(picture="normal/99.png"))
    ended = command("train", "--dataset", bolted, "--out", tmp_path / "m", "--json")
    assert ended.code == 1 and "'normal/99.png', which is not in" in ended.json["error"] and "%" not in ended.err
    (bolted / "checkpoints.json").unlink()
    ended = command("train", "--dataset", bolted, "--out", tmp_path / "m", "--json", "--checkpoint", "a=470,0,20,20")
    assert ended.code == 1 and "'a' lies outside normal/0.png" in ended.json["error"] and "%" not in ended.err
    assert not (tmp_path / "m").exists()
