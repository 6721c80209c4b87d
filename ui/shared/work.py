"""Work that the desk does for the workspace: what it said, its progress, and stopping it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from app.domain.errors import Cancelled
from app.jobs import Job
from ui.bridge import JobWatcher, attempt, error_words
from ui.shared.elided import Elided
from ui.shared.widgets import Button, column

T = TypeVar("T")


class Follower(QObject):
    """Follows jobs until they end, then calls back on the UI thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watchers: set[JobWatcher] = set()

    def follow(
        self,
        begin: Callable[[], Job[T]],
        done: Callable[[T], None],
        failed: Callable[[str], None],
        changed: Callable[[Job[T]], None] | None = None,
    ) -> Job[T] | None:
        """Begins a job; None where it could not even begin, which `failed` is told."""
        job = attempt(begin, failed)
        if job is None:
            return None
        watcher = JobWatcher(job, self)
        self._watchers.add(watcher)

        def end() -> None:
            self._watchers.discard(watcher)
            watcher.deleteLater()
            error = job.error
            if error is None:
                done(job.result())
            elif isinstance(error, Cancelled):
                failed("Stopped. What was done until then stays.")
            else:
                failed(error_words(error))

        if changed is not None:
            watcher.changed.connect(lambda: changed(job))
        watcher.ended.connect(end)
        return job

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.close()
        self._watchers.clear()


class JobBar(QWidget):
    """One long job with its progress and a way to stop it; hidden while there is none."""

    def __init__(self, follower: Follower) -> None:
        super().__init__()
        self._follower = follower
        self._job: Job[Any] | None = None
        self.words = Elided("", "note")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.stop = Button("Stop", on=self._stop)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(column(1, self.words, self.progress, 1, spacing=4), 1)
        layout.addWidget(self.stop)
        self.hide()

    @property
    def busy(self) -> bool:
        return self._job is not None

    def run(self, begin: Callable[[], Job[T]], done: Callable[[T], None], failed: Callable[[str], None]) -> None:
        """One at a time: while it runs, another is refused in words."""
        if self._job is not None:
            failed("Something else is still being done. Wait for it, or stop it.")
            return

        def ended(result: T) -> None:
            self._end()
            done(result)

        def broken(words: str) -> None:
            self._end()
            failed(words)

        self.words.setText("Beginning")
        self.progress.setRange(0, 0)
        self.stop.setEnabled(True)
        job = self._follower.follow(begin, ended, broken, self._show)
        if job is not None and not job.done:
            self._job = job
            self.show()

    def _show(self, job: Job[Any]) -> None:
        self.words.setText("Stopping" if job.cancelled else job.progress.words)
        fraction = job.progress.fraction
        self.progress.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self.progress.setValue(round(1000 * fraction))

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self.stop.setEnabled(False)
            self.words.setText("Stopping")

    def _end(self) -> None:
        self._job = None
        self.hide()
