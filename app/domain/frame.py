"""A picture on its way through the station."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""An 8-bit picture, shape (height, width, 3), channels in B, G, R order, C-contiguous."""

_next_id = itertools.count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One captured picture with the identity it keeps all the way to the screen.

    Attributes:
        image: (H, W, 3) uint8, BGR. Nobody writes into it: the recorder, the screen and the
            detector share the array.
        source: the SOURCE address it came from (credentials already removed).
        captured_at: wall-clock time of capture, UTC, for records.
        monotonic: `time.monotonic()` at capture, seconds, for ages; never stored.
        id: unique and rising within this process.
        part_id: the part's number where the line knows it (a conveyor's tracking, a file name);
            None for an untracked frame.
        path: the file it was read from, for enumerated sources.
        path_in_folder: `path` relative to the watched folder, what a person calls the picture.
    """

    image: Image
    source: str
    captured_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    monotonic: float = field(default_factory=time.monotonic)
    id: int = field(default_factory=lambda: next(_next_id))
    part_id: str | None = None
    path: Path | None = None
    path_in_folder: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.shape[1], self.image.shape[0]

    def age(self) -> float:
        """Seconds since capture."""
        return time.monotonic() - self.monotonic
