from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import onnx

from tests.cli.conftest import Ended

Command = Callable[..., Ended]


def test_a_model_of_good_parts_becomes_onnx(command: Command, parts: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    shutil.copytree(parts / "normal", few / "normal")
    model, out = tmp_path / "part.model", tmp_path / "part.onnx"
    assert command("train", "--dataset", few, "--out", model, "--size", "128").code == 0
    ended = command("export", "--model", model, "--out", out, "--picture-size", "320x180", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["bytes"] == out.stat().st_size
    onnx.checker.check_model(str(out))


def test_what_cant_be_exported_is_said(command: Command, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.onnx"
    ended = command("export", "--model", model, "--out", out, "--picture-size", "320x180")
    assert ended.code == 1 and "kinds of defects" in ended.err and not out.exists()
    assert command("export", "--model", model, "--out", out, "--picture-size", "320").code == 2
