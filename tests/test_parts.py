"""The suite in parts leaves no test out and runs none twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.parts import TESTS, parts


def test_every_test_file_is_in_one_part() -> None:
    found: Counter[Path] = Counter()
    for _, paths in parts():
        for path in map(Path, paths):
            found.update(path.rglob("test_*.py") if path.is_dir() else [path])
    assert found == Counter(TESTS.rglob("test_*.py"))
