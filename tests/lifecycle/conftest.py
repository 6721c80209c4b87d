from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import cv2
import pytest

from app.cameras.demo import DefectKind
from app.cameras.demo.scene import draw
from app.domain.versions import TrainingPlan
from app.lifecycle.making import make_version
from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Registry
from app.paths import DataFolder
from app.pictures import encode_png
from app.station import Station

WHEN = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn parts, 320 x 180: 20 good ones, 10 misprints, without a split."""
    root = tmp_path_factory.mktemp("set") / "plates"
    for index in range(20):
        _write(root / "normal" / f"{index}.png", draw(31, index, None).image)
    for index in range(10):
        _write(root / "anomaly" / "misprint" / f"{index}.png", draw(31, index, DefectKind.MISPRINT).image)
    return root


def _write(path: Path, image: cv2.typing.MatLike) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(cv2.resize(image, (320, 180), interpolation=cv2.INTER_AREA)))


@pytest.fixture(scope="session")
def trained(small_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: plate@1 from good parts and defects, plate@2 from good parts alone."""
    models = tmp_path_factory.mktemp("models")
    for learn in ("good parts and defects", "good parts"):
        plan = TrainingPlan("plate", small_set, learn, 128)
        make_version(
            Registry(ModelShelf(models)), plan, job="", by="Mike", now=lambda: WHEN, step=lambda fraction, words: None
        )
    return models


@pytest.fixture
def registry(trained: Path, tmp_path: Path) -> Registry:
    shutil.copytree(trained, tmp_path / "models")
    return Registry(ModelShelf(tmp_path / "models"))


@pytest.fixture
def station(trained: Path, tmp_path: Path) -> Iterator[Station]:
    """One with plate@1 and plate@2, none of which is released."""
    data = DataFolder(tmp_path / "station")
    shutil.copytree(trained, data.models)
    with closing(Station(data)) as station:
        yield station
