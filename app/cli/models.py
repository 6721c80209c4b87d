"""MODEL on the command line: a file, or NAME@VERSION of the station's shelf."""

from __future__ import annotations

from app.cli.parser import Arguments
from app.lifecycle import ModelShelf
from app.paths import data_folder
from app.vision.detector import Detector


def load_model(options: Arguments) -> Detector:
    """Raises ModelError; makes no data folder."""
    assert options.model is not None  # the parser demands it
    return ModelShelf(data_folder(options.data_dir).models).load(options.model)
