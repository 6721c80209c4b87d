from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def installer_of_the_stack() -> Iterator[None]:
    """What deploy.py and scale.py import lies beside them."""
    place = str(Path(__file__).resolve().parents[3] / "installer" / "aws")
    sys.path.insert(0, place)
    yield
    sys.path.remove(place)
