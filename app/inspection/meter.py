"""How often something really happens."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class RateMeter:
    """Events a second over the last `window` seconds, measured from the events themselves.

    It falls by itself when the events stop; any thread may tick and read.
    """

    def __init__(self, window: float = 4.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._window, self._clock = window, clock
        self._times: deque[float] = deque(maxlen=1024)
        self._lock = threading.Lock()

    def tick(self) -> None:
        with self._lock:
            self._times.append(self._clock())

    def rate(self) -> float:
        now = self._clock()
        with self._lock:
            while self._times and now - self._times[0] > self._window:
                self._times.popleft()
            if len(self._times) < 2:
                return 0.0
            intervals = len(self._times) - 1
            spacing = (self._times[-1] - self._times[0]) / intervals
            # An event overdue by more than its usual spacing counts as missing.
            silence = max(0.0, now - self._times[-1] - spacing)
            span = self._times[-1] - self._times[0] + silence
        return intervals / span if span > 0 else 0.0
