"""Writing a report from any workspace: one job at a time, its end told on the UI thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.domain.periods import Period
from app.jobs import Job
from ui.bridge import Bridge, JobWatcher, attempt, error_words


class Exporter(QObject):
    """`ended` after each export; then `file` is the report, or None and `words` say why not."""

    changed = Signal()
    ended = Signal()

    def __init__(self, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._watcher: JobWatcher | None = None
        self.file: Path | None = None
        self.files: list[Path] = []
        self.words = ""

    def start(self, first: date, last: date, out: Path | None = None) -> None:
        """Begins; does nothing while one is under way."""
        if self._watcher is not None:
            return
        self._begin(lambda: self._bridge.station.export_report(first, last, out))

    def start_period(self, period: Period, endings: Sequence[str]) -> None:
        """The same for any period, in each format; `file` is the first one then."""
        if self._watcher is None:
            self._begin(lambda: self._bridge.station.reporting.export(period, endings))

    def cancel(self) -> None:
        """Asks the work to stop; `ended` follows."""
        if self._watcher is not None:
            self._watcher.job.cancel()

    def _begin(self, begin: Callable[[], Job[Any]]) -> None:
        job = attempt(begin, self._refused)
        if job is None:
            return
        self._watcher = JobWatcher(job, self)
        self._watcher.changed.connect(self.changed)
        self._watcher.ended.connect(self._end)

    def _refused(self, words: str) -> None:
        self.file, self.words = None, words
        self.ended.emit()

    @property
    def busy(self) -> bool:
        return self._watcher is not None

    @property
    def fraction(self) -> float | None:
        return self._watcher.job.progress.fraction if self._watcher is not None else None

    def _end(self) -> None:
        assert self._watcher is not None
        job = self._watcher.job
        self._watcher.deleteLater()
        self._watcher = None
        error = job.error
        found = job.result() if error is None else None
        self.files = [found] if isinstance(found, Path) else list(found or [])
        self.file = self.files[0] if self.files else None
        self.words = "" if error is None else error_words(error)
        self.ended.emit()

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
