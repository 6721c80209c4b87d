"""The clips of alarms: a folder an alarm, written by one thread beside the line."""

from __future__ import annotations

import contextlib
import logging
import queue
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.cloud.video.clips import AFTER, BEFORE, Clip, ClipRing, write_clip
from app.domain.errors import LinesightError

log = logging.getLogger(__name__)

MOST_OF_AN_ALARM = 5
"""An alarm that repeats a thousand times keeps its first clips."""
_AT_ONCE = 50  # clips that may wait
_NAME = re.compile(r"[0-9a-f]{32}")


def moment_of_clip(path: Path) -> datetime | None:
    """The moment (UTC) that a clip of an alarm is of, by its file's name; None for a strange name."""
    try:
        return datetime.strptime(path.name[:19], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None


class AlarmClips:
    """Makes clips of moments and keeps them by alarm; the oldest go when there are too many. Any thread.

    Args:
        folder: of all clips; made when the first is written.
        most_bytes: of all clips together.
        written: called after each, on the writing thread.
    """

    def __init__(
        self, folder: Path, most_bytes: int = 2 << 30, written: Callable[[str, Clip], None] = lambda alarm, clip: None
    ) -> None:
        self._folder, self._most_bytes, self._written = folder, most_bytes, written
        self._orders: queue.Queue[tuple[str, datetime, ClipRing] | None] = queue.Queue(_AT_ONCE)
        self._asked: dict[str, list[datetime]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.trouble = ""

    def ask(self, alarm: str, moment: datetime, ring: ClipRing) -> bool:
        """A clip around the moment, once its end has passed; returns at once. False where there is one of this moment
        already, the alarm has enough, or too many wait."""
        self.place(alarm, moment)
        with self._lock:
            asked = self._asked.setdefault(alarm, [])
            if len(asked) >= MOST_OF_AN_ALARM or any(abs(moment - other) < BEFORE + AFTER for other in asked):
                return False
            try:
                self._orders.put_nowait((alarm, moment, ring))
            except queue.Full:
                self.trouble = "Too many clips wait to be written; some defects have none."
                return False
            asked.append(moment)
            while len(self._asked) > 1000:
                del self._asked[next(iter(self._asked))]
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
                self._thread.start()
        return True

    def of(self, alarm: str) -> list[Path]:
        """Slow: the clips of an alarm, oldest first."""
        if not _NAME.fullmatch(alarm):
            return []
        return sorted(path for path in (self._folder / alarm).glob("*.mp4") if not path.name.startswith("."))

    def place(self, alarm: str, moment: datetime, of: str = "") -> Path:
        """Where a clip of an alarm lies, as `of` finds it; `of` tells clips of one moment apart.

        Raises:
            ValueError: not the id of an alarm.
        """
        if not _NAME.fullmatch(alarm):
            raise ValueError(f"{alarm!r} is no id of an alarm")
        return self._folder / alarm / f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03}Z{of}.mp4"

    def close(self, timeout: float = 10.0) -> None:
        """What was asked for is still written, from what has been seen by now: close the rings before."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(queue.Full):
                self._orders.put(None, timeout=timeout)
            thread.join(timeout)

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            alarm, moment, ring = order
            path = self.place(alarm, moment)
            try:
                clip = write_clip(ring, moment, path)
                self.trouble = ""
                self._make_room()
                self._written(alarm, clip)
            except LinesightError as error:
                self.trouble = str(error)
                log.warning("%s", error)
            except Exception:  # one clip that fails must not end the thread
                self.trouble = "A clip could not be written. The log has the details."
                log.exception("a clip of alarm %s could not be written", alarm)

    def _make_room(self) -> None:
        found = []
        for path in self._folder.glob("*/*.mp4"):
            with contextlib.suppress(OSError):
                told = path.stat()
                found.append((told.st_mtime, told.st_size, path))
        size = sum(one for _, one, _ in found)
        for _, one, path in sorted(found)[:-1]:
            if size <= self._most_bytes:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                size -= one
                path.parent.rmdir()  # only when it was the last one
