from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx

from tests.cli.conftest import Ended

Command = Callable[..., Ended]


def test_a_model_that_knows_kinds_of_defects_becomes_onnx(command: Command, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.onnx"
    ended = command("export", "--model", model, "--out", out, "--picture-size", "320x180", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["bytes"] == out.stat().st_size and ended.json["picture"] == [320, 180]
    onnx.checker.check_model(str(out))
    file = onnx.load(str(out))
    assert {output.name for output in file.graph.output} == {"heat", "score", "kinds", "kind_map"}
    (kinds,) = (entry.value for entry in file.metadata_props if entry.key == "kinds")
    assert json.loads(kinds) == ["misprint", "stain"]


def test_what_cant_be_exported_is_said(command: Command, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.onnx"
    ended = command("export", "--model", model, "--out", out, "--picture-size", "180x320")
    assert ended.code == 1 and "does not judge pictures of 180 x 320 pixels" in ended.err and not out.exists()
    assert command("export", "--model", model, "--out", out, "--picture-size", "320").code == 2
