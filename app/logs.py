"""Where the program's own notes go: standard error for a person at the terminal, files for later.

Handlers run on a thread of their own, so that a slow disk never holds up a frame.
"""

from __future__ import annotations

import atexit
import logging
import queue
import sys
from collections.abc import Callable
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from typing import TextIO

from app.domain.addresses import without_credentials

_BYTES, _FILES = 2 << 20, 5


_end_last: Callable[[], None] = lambda: None  # noqa: E731


class _Entry(QueueHandler):
    """Hands records on as finished text. The last line of defence: an address that got into a message, or
    into the text of an error, loses its user and password."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record = super().prepare(record)  # message and traceback are one text now
        record.msg = record.message = without_credentials(record.getMessage())
        return record


class _Screen(logging.StreamHandler[TextIO]):
    """Whatever standard error is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _LogFile(RotatingFileHandler):
    """A log that can't be written, as on a full disk, must not fill the terminal with tracebacks."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Leaves the line out."""


def configure(folder: Path | None = None, *, level: int = logging.INFO) -> None:
    """Sends warnings to standard error and, with a folder, everything from `level` on to linesight.log there.

    Again: what the last call set up is ended first.
    """
    global _end_last
    _end_last()
    screen = _Screen()
    screen.setLevel(logging.WARNING)
    screen.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handlers: list[logging.Handler] = [screen]
    if folder is not None:
        try:
            file = _LogFile(folder / "linesight.log", maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8")
            file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
            handlers.append(file)
        except OSError as error:
            screen.handle(logging.makeLogRecord({"levelname": "WARNING", "msg": f"No log is written: {error}"}))
    passing: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    entry = _Entry(passing)
    root = logging.getLogger()
    before, level_before = list(root.handlers), root.level
    root.handlers[:] = [entry]
    root.setLevel(level)
    listener = QueueListener(passing, *handlers, respect_handler_level=True)
    listener.start()

    def stop() -> None:
        listener.stop()
        if entry in root.handlers:
            root.handlers[:] = before
            root.setLevel(level_before)
        for handler in handlers:
            handler.close()

    _end_last = stop


def end() -> None:
    """Writes what is on its way and takes back what `configure` set up; without it, nothing happens."""
    global _end_last
    last, _end_last = _end_last, lambda: None
    last()


atexit.register(end)
