"""Where the program's own notes go: standard error for a person at the terminal, files for later.

Handlers run on a thread of their own, so that a slow disk never holds up a frame.
"""

from __future__ import annotations

import atexit
import logging
import queue
import sys
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path

from app.domain.addresses import without_credentials

_BYTES, _FILES = 2 << 20, 5


class _NoCredentials(logging.Filter):
    """The last line of defence: an address that got into a message loses its user and password."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "://" in text:
            record.msg, record.args = without_credentials(text), None
        return True


def configure(folder: Path | None = None, *, level: int = logging.INFO) -> None:
    """Sends warnings to standard error and, with a folder, everything from `level` on to linesight.log there."""
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.WARNING)
    screen.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handlers: list[logging.Handler] = [screen]
    if folder is not None:
        try:
            file = RotatingFileHandler(folder / "linesight.log", maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8")
            file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
            handlers.append(file)
        except OSError as error:
            screen.handle(logging.makeLogRecord({"levelname": "WARNING", "msg": f"No log is written: {error}"}))
    passing: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    entry = QueueHandler(passing)
    entry.addFilter(_NoCredentials())
    root = logging.getLogger()
    root.handlers[:] = [entry]
    root.setLevel(level)
    listener = QueueListener(passing, *handlers, respect_handler_level=True)
    listener.start()
    atexit.register(listener.stop)
