"""The training stands still while a part is judged.

The lowest priority alone does not keep it out of the way: between two steps of the detector, and on the other half of a
shared core, it takes caches and memory that the detector then waits for. So the station halts the process for the few
hundredths of a second that a verdict takes, and lets it go on in between (SIGSTOP and SIGCONT; where a system has
none, the priority has to do).
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

SHARE = 0.03
"""Of the time that a training was halted, it is given this much for certain: a line that judges without a pause would
let it come to no end."""

_PATIENCE = 0.05  # seconds it may be owed before it is paid
_PR_SET_PDEATHSIG = 1

POSSIBLE = sys.platform != "win32"


class GivingWay:
    """Halts processes while anybody holds. Any thread; several may hold at the same time.

    Args:
        processes: those that are to be halted.
        clock: seconds, rising.
    """

    def __init__(
        self, processes: Callable[[], Sequence[subprocess.Popen[bytes]]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._processes, self._clock = processes, clock
        self._lock = threading.Lock()
        self._holders = 0
        self._halted: list[subprocess.Popen[bytes]] = []
        self._since = clock()
        self._owed = 0.0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Until this is left the processes stand still, but for what they are owed."""
        if not POSSIBLE or not (self._halted or self._processes()):
            yield
            return
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            self._count()
            self._holders += 1
            if self._owed >= _PATIENCE:
                self._let_go()  # also while others hold: several cameras may leave no moment without anybody
            elif not self._halted:
                self._halted = list(self._processes())
                _tell(self._halted, "SIGSTOP")

    def _leave(self) -> None:
        with self._lock:
            self._count()
            self._holders -= 1
            if not self._holders or self._owed >= _PATIENCE:
                self._let_go()

    def _count(self) -> None:
        """Time since the last look: halted, it is owed a share; running, it gets what it was owed."""
        now = self._clock()
        passed, self._since = now - self._since, now
        self._owed = self._owed + SHARE * passed if self._halted else max(0.0, self._owed - passed)

    def _let_go(self) -> None:
        halted, self._halted = self._halted, []
        _tell(halted, "SIGCONT")


def _tell(processes: Sequence[subprocess.Popen[bytes]], name: str) -> None:
    for each in processes:
        with contextlib.suppress(OSError):
            each.send_signal(getattr(signal, name))


def go_on_when_orphaned() -> None:
    """Called by a process that may be halted: the end of the one that started it, however sudden, lets it go on."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)
