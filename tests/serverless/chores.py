"""Work for another process, in a module that is quick to import there."""

from __future__ import annotations

import os
import time
from pathlib import Path

from app.domain.errors import DatasetError


def add(numbers: tuple[int, int]) -> int:
    return sum(numbers)


def refuse(words: str) -> None:
    raise DatasetError(words)


def stumble(number: int) -> float:
    return 1 / number


def vanish(code: int) -> None:
    os._exit(code)


def linger(path: Path) -> None:
    path.touch()
    time.sleep(600)
