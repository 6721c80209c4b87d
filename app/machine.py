"""What a program that runs for weeks asks of the system it runs on: memory that comes back, and an order among its
threads. Where a system has no such thing, nothing is done."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

_M_ARENA_MAX = -8  # of malloc.h
_ARENAS = 2
_EVERY = 60.0  # seconds


def _libc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError):
        libc = ctypes.CDLL("libc.so.6", use_errno=True)
        if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
            return libc
    return None  # another C library, which has no arenas


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Keeps what pictures leave behind from piling up, until this is left; to be entered before there are many threads.

    glibc gives each thread an arena of its own, and a freed picture stays with the arena of the thread that took it: a
    dozen threads that hand pictures on hold a dozen pools. Two are enough here, since allocating is rare beside what
    is done with a picture. Once a minute what is free goes back to the system, on a thread of its own.
    """
    libc = _libc()
    if libc is None:
        yield
        return
    over = threading.Event()

    def give_back() -> None:
        while not over.wait(_EVERY):
            libc.malloc_trim(0)

    libc.mallopt(_M_ARENA_MAX, _ARENAS)
    thread = threading.Thread(target=give_back, name="memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


BEHIND_THE_SCREEN = 15
"""Of the threads that look at pictures: whoever shows, takes or records one needs little, and needs it now. Four
cameras on two cores then hold the screen up for 11 to 16 ms (p99) instead of 15 to 31, and have as many verdicts."""
BEHIND_THE_LINE = 19
"""Of what only takes the time that a live line leaves."""


def lower_thread(niceness: int) -> None:
    """This thread waits for those of a lower niceness, from now on (Linux, where each thread has one; elsewhere
    nothing changes)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
