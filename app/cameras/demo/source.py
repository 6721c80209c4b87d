"""The demo line as a frame source."""

from __future__ import annotations

import secrets
import threading
import time

from app.cameras.base import SourceTraits
from app.cameras.demo import scene
from app.cameras.demo.plan import PartTruth, truth_of
from app.domain.errors import SourceError
from app.domain.frame import Frame, Image

PART_INTERVAL = 1.2
DEFECT_RATE = 0.15


class DemoLine:
    """Drawn parts that arrive one by one as from a conveyor.

    Args:
        seed: decides every part; None takes a new one, so that serials do not come twice.
        part_interval: seconds from part to part.
        defect_rate: share of defective parts, 0..1; above 0, one of parts 4 to 7 is defective for sure.
    """

    address = "demo"
    traits = SourceTraits(live=True, parts=True, endless=True)

    def __init__(
        self, seed: int | None = None, part_interval: float = PART_INTERVAL, defect_rate: float = DEFECT_RATE
    ) -> None:
        self._seed = secrets.randbelow(800_000) if seed is None else seed
        self._interval = part_interval
        self._rate = defect_rate
        self._index = 0
        self._due = 0.0
        self._drawn: Image | None = None
        self._open = False
        self._stopped = threading.Event()

    def truth(self, index: int) -> PartTruth:
        """What is right or wrong with part `index` (from 0); for tests and evaluation only."""
        return truth_of(self._seed, index, self._rate)

    def open(self) -> None:
        """Draws what all parts share (about a second, once a process). The first part comes at once."""
        scene.prepare()
        self._due = time.monotonic()
        self._open = True

    def read(self) -> Frame | None:
        """The next part, at its time; it is drawn while the caller waits."""
        if self._stopped.is_set():
            return None
        if not self._open:
            raise SourceError("demo is not open.")
        truth = self.truth(self._index)
        if self._drawn is None:
            self._drawn = scene.draw_part(self._seed, self._index, truth.defect)
        if self._stopped.wait(max(self._due - time.monotonic(), 0)):
            return None
        # A line that was held up goes on at its pace; it does not catch up.
        self._due = max(self._due, time.monotonic() - self._interval) + self._interval
        image, self._drawn = self._drawn, None
        self._index += 1
        return Frame(image, self.address, part_id=truth.serial)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        """The line goes on with its next part when opened again."""
        self._open = False
        self._stopped.clear()
