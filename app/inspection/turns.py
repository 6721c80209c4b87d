"""Cameras of one station take turns at the processor: more of them at a time than there are cores would keep the screen
waiting, and none would have its verdict sooner."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from app.domain.frame import Image
from app.domain.inspection import Detection
from app.domain.look import LookRegion
from app.domain.wear import WearLimit


class Turns:
    """First come, first served; any thread. A plain semaphore would let a camera that has just had its turn be the next
    one again, before the one that waits has woken.

    Args:
        at_once: so many have their turn at the same time.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Waits for a turn, and has it until this is left."""
        mine: threading.Lock | None = None
        with self._lock:
            if self._free > 0:
                self._free -= 1
            else:
                mine = threading.Lock()
                mine.acquire()
                self._waiting.append(mine)
        if mine is not None:
            mine.acquire()  # whoever leaves hands the turn over
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().release()
                else:
                    self._free += 1


def looks_at_once(cores: int, threads: int) -> int:
    """How many may look at a time, each on so many threads.

    Of four cameras at 15 pictures a second on two cores, all at once: 46 verdicts a second, and the screen's event loop
    late by 151 ms (p99). Two at a time: about as many, and 20 to 30 ms. One: a quarter fewer, and 17 ms.
    """
    return max(1, cores // max(1, threads))


def turns_for(threads: int) -> Turns:
    """For this machine."""
    return Turns(looks_at_once(os.cpu_count() or 1, threads))


class TakingTurns:
    """A detector that waits for its turn before each look; all else is the detector's own."""

    def __init__(self, detector: Any, turns: Turns) -> None:
        self._detector, self._turns = detector, turns

    def detect(self, image: Image) -> Detection:
        with self._turns.taken():
            found: Detection = self._detector.detect(image)
            return found

    def score(self, image: Image) -> float:
        with self._turns.taken():
            return float(self._detector.score(image))

    def with_limits(self, limits: Sequence[WearLimit]) -> TakingTurns:
        return TakingTurns(self._detector.with_limits(limits), self._turns)

    def with_regions(self, regions: Sequence[LookRegion]) -> TakingTurns:
        return TakingTurns(self._detector.with_regions(regions), self._turns)

    def with_threshold(self, threshold: float) -> TakingTurns:
        return TakingTurns(self._detector.with_threshold(threshold), self._turns)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._detector, name)
