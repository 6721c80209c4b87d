from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Registry
from app.paths import DataFolder
from app.station import Station

WHEN = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


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
