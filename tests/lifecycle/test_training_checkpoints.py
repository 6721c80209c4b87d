"""A dataset's checkpoints are learned when the window trains, too."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from app.domain.versions import TrainingPlan
from app.lifecycle.making import make_version
from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Registry
from app.pictures import encode_png
from app.vision import artefact
from tests.vision.bolted_parts import PLACES, draw_bolted


def test_a_folder_with_checkpoints_makes_a_model_with_them(tmp_path: Path) -> None:
    root = tmp_path / "bolted"
    (root / "normal").mkdir(parents=True)
    for seed in range(6):
        (root / "normal" / f"{seed}.png").write_bytes(encode_png(draw_bolted(seed)))
    box = dict(zip(("x", "y", "width", "height"), PLACES["label"], strict=True))
    listed = {"picture": "normal/0.png", "checkpoints": [{"name": "label", **box}]}
    (root / "checkpoints.json").write_text(json.dumps(listed))
    shelf = ModelShelf(tmp_path / "models")
    made = make_version(
        Registry(shelf),
        TrainingPlan("bolted", root, size=128),
        job="",
        by="",
        now=lambda: datetime.now(UTC),
        step=lambda fraction, words: None,
    )
    model, _ = artefact.load(shelf.find(made.version).path)
    assert [each.name for each in model.checkpoints] == ["label"]
