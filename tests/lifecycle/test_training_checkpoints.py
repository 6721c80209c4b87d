"""A dataset's checkpoints are learned when the window trains, too."""

from __future__ import annotations

import json
from pathlib import Path

from app.lifecycle.shelf import ModelShelf
from app.lifecycle.training import train_on_dataset
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
    made = train_on_dataset(shelf, root, "bolted", 128, lambda fraction, words: None)
    model, _ = artefact.load(made.path)
    assert [each.name for each in model.checkpoints] == ["label"]
