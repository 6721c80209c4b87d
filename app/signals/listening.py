"""What the station's servers for the line have in common: a thread with an event loop, and why one can't listen."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress

from app.domain.errors import LinesightError

log = logging.getLogger(__name__)

_WORDS = {
    "EADDRINUSE": "the port is taken",
    "EACCES": "the port is not allowed",
    "EADDRNOTAVAIL": "this computer does not have the address",
}


class Listening(ABC):
    """A server on a thread of its own.

    Args:
        what: what people call it.
        name: of the thread.
        host, port: to listen on; host "" for every network of this computer.
        start, stop: seconds that it may take to be up, and to end.
        leaving: whether a start that is under way is to be given up.
    """

    def __init__(
        self,
        what: str,
        name: str,
        host: str,
        port: int,
        *,
        start: float,
        stop: float,
        leaving: Callable[[], bool] = lambda: False,
    ) -> None:
        self._what, self._host, self._port, self._leaving = what, host, port, leaving
        self._start_within, self._stop_within = start, stop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._failed = ""
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    @abstractmethod
    async def _run(self, end: asyncio.Event) -> None:
        """Listens, sets `_up`, and serves until `end` is set; raises what keeps it from that."""

    def start(self) -> None:
        """Slow: begins to listen.

        Raises:
            LinesightError: the address is wrong, the port taken or not allowed; names it and the way out.
        """
        self._thread.start()
        until = time.monotonic() + self._start_within
        while not self._up.wait(0.1) and time.monotonic() < until and not self._leaving():
            pass
        if not self._up.is_set() or self._failed:
            where = f"{self._host or 'every address'}, port {self._port}"
            failed = self._failed or "it takes too long"
            self.stop()
            raise LinesightError(
                f"{self._what} can't listen on {where} ({failed}). Choose another port, or an address of this "
                "computer; ports below 1024 may need an administrator."
            )

    def stop(self) -> None:
        """Slow: ends every connection."""
        loop, end = self._loop, self._end
        if loop is not None and end is not None:
            with suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(end.set)
        if self._thread.ident is not None:
            self._thread.join(self._stop_within)

    @property
    def alive(self) -> bool:
        """Whether the server runs."""
        return self._thread.is_alive()

    def _serve(self) -> None:
        try:
            asyncio.run(self._serve_until_end())
        except OSError as error:
            self._failed = why(error)
        except LinesightError as error:
            self._failed = str(error)
        except Exception as error:  # a server's library raises what it likes, and the thread's end must be told
            log.exception("the server of %s ended", self._what)
            self._failed = self._failed or str(error) or type(error).__name__
        finally:
            self._up.set()

    async def _serve_until_end(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        await self._run(self._end)


def why(error: OSError) -> str:
    """The cause, to stand in brackets."""
    if isinstance(error, socket.gaierror):
        return "this computer does not know the address"
    for name, words in _WORDS.items():
        if error.errno in (getattr(errno, name), getattr(errno, f"WSA{name}", None)):
            return words
    return error.strerror or str(error)
