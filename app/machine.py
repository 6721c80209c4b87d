"""What a program that runs for weeks asks of the system it runs on: memory that comes back, and a screen that comes
first. Where a system has no such thing, nothing is done."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import sys
import threading
from typing import Any

log = logging.getLogger(__name__)

_M_ARENA_MAX = -8  # of malloc.h
_ARENAS = 2
_EVERY = 60.0  # seconds
_BEHIND = 5  # steps of niceness


def _libc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError):
        libc = ctypes.CDLL("libc.so.6", use_errno=True)
        if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
            return libc
    return None  # another C library, which has no arenas


class Memory:
    """Keeps what pictures leave behind from piling up.

    glibc gives each thread an arena of its own, and a freed picture stays with the arena of the thread that took it: a
    dozen threads that hand pictures on hold a dozen pools. Two are enough here, since allocating is rare beside what
    is done with a picture; and once a minute what is free goes back to the system, on a thread of its own.
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Before there are many threads."""
        libc = _libc()
        if libc is None or self._thread is not None:
            return
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
        self._thread = threading.Thread(target=self._give_back, args=(libc,), name="memory", daemon=True)
        self._thread.start()

    def _give_back(self, libc: Any) -> None:
        while not self._over.wait(_EVERY):
            libc.malloc_trim(0)

    def close(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(5)


def step_back() -> None:
    """This thread lets the screen's go first where both want the processor; threads that it makes do so, too."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):  # a number of a thread stands for it alone here
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BEHIND)
