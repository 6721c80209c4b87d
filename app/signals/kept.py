"""Outputs that are started, ended and started again as the settings say."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from app.domain.errors import LinesightError
from app.signals.handshake import Signals

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Seconds until an output that could not be started is tried again."""


class Output(Protocol):
    """A way to the line. `start` may take a moment and raise LinesightError; `show` returns at once."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def show(self, signals: Signals) -> None: ...
    def connected(self) -> bool: ...
    def words(self) -> str: ...
    @property
    def alive(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class OutputState:
    """How one output goes.

    Attributes:
        connected: somebody is at the other end.
        words: the same, or why it does not work and the way out.
    """

    name: str
    connected: bool
    words: str


W = TypeVar("W")


class Kept(Generic[W]):
    """One output. `follow` and `end` are called on one thread, the rest on any.

    Args:
        name: what people call it.
        make: from what the settings want.
        waits: a server, which is not lost before somebody came to it.
    """

    def __init__(self, name: str, make: Callable[[W], Output], *, waits: bool) -> None:
        self.name, self.waits = name, waits
        self._make = make
        self._wanted: W | None = None
        self.output: Output | None = None
        self.fault = ""
        self._next = 0.0

    def follow(self, wanted: W | None, now: Callable[[], Signals]) -> None:
        """Slow where something changes: None for switched off; `now` gives what the line sees."""
        if self.output is not None and not self.output.alive:
            self.end()
        if wanted != self._wanted:
            self.end()
            self._wanted, self.fault, self._next = wanted, "", 0.0
        if wanted is None or self.output is not None or time.monotonic() < self._next:
            return
        try:
            output = self._make(wanted)
            output.show(now())
            output.start()
        except LinesightError as error:
            if str(error) != self.fault:
                log.error("%s", error)
            self.fault, self._next = str(error), time.monotonic() + AGAIN
            return
        self.fault, self.output = "", output
        output.show(now())  # what has changed meanwhile

    def again(self) -> None:
        """It is to be started anew, with what has changed beside the settings."""
        self._wanted = None

    def end(self) -> None:
        """Slow."""
        output, self.output = self.output, None
        if output is not None:
            output.stop()

    def show(self, signals: Signals) -> None:
        """Returns at once."""
        output = self.output
        if output is not None:
            output.show(signals)

    def state(self) -> OutputState:
        """How it goes, or goes on being started."""
        output = self.output
        if output is not None:
            return OutputState(self.name, output.connected(), output.words())
        return OutputState(self.name, False, self.fault or "Starting.")
