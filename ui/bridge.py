"""Between the station's worker threads and the UI thread.

Signals carry no payload: a stalled screen would otherwise queue hundreds of frames. Whoever hears one
asks the station for the newest state.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from shiboken6 import isValid

from app.domain.errors import LinesightError
from app.jobs import Job
from app.people import NotAllowed
from ui.ports import Change, StationPort

log = logging.getLogger(__name__)

T = TypeVar("T")
SLOW_CALL_WORKERS = 3
_PICTURES = (Change.OUTCOME.name, Change.CAMERAS.name)


class Poke(QObject):
    """A signal from any thread to the UI thread that never queues more than once."""

    poked = Signal()
    _arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting = False
        self._closed = False
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def poke(self) -> None:
        """Any thread: `poked` is emitted once on the UI thread, however often this is called before."""
        with self._lock:
            if self._waiting or self._closed:
                return
            self._waiting = True
            self._arrived.emit()

    def _deliver(self) -> None:
        with self._lock:
            self._waiting = False
        if not self._closed:
            self.poked.emit()

    def close(self) -> None:
        with self._lock:
            self._closed = True


class JobWatcher(QObject):
    """Follows one job: `changed` at its steps, `ended` once when it is done, both on the UI thread."""

    changed = Signal()
    ended = Signal()

    def __init__(self, job: Job[Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job = job
        self._over = False
        self._poke = Poke(self)
        self._poke.poked.connect(self._look)
        poke = self._poke
        job.listen(lambda _job: poke.poke())
        poke.poke()

    def _look(self) -> None:
        if self._over:
            return
        self.changed.emit()
        if self.job.done:
            self._over = True
            self._poke.close()  # the worker may still be about to tell, and nobody will be here
            self.ended.emit()

    def close(self) -> None:
        """Hears nothing more."""
        self._over = True
        self._poke.close()


class Bridge(QObject):
    """The station's changes as signals, and slow calls made off the UI thread."""

    outcome = Signal()
    health = Signal()
    alarms = Signal()
    state = Signal()
    labels = Signal()
    reviews = Signal()
    lots = Signal()
    rounds = Signal()
    versions = Signal()
    cameras = Signal()
    check = Signal()

    def __init__(self, station: StationPort, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.station = station
        self._lock = threading.Lock()
        self._changes: set[str] = set()
        self._ended: list[tuple[Callable[[Any], None], Callable[[str], None], Any, BaseException | None]] = []
        self._closed = False
        self._at_once: list[Callable[[], None]] = []
        self._poke = Poke(self)
        self._poke.poked.connect(self._deliver)
        self._pool = ThreadPoolExecutor(SLOW_CALL_WORKERS, thread_name_prefix="screen")
        self._unsubscribe = station.subscribe(self._hear)

    def _hear(self, change: Change) -> None:
        with self._lock:
            self._changes.add(change.name)
        self._poke.poke()
        if change.name in _PICTURES:
            for call in self._at_once:
                call()

    def at_once(self, call: Callable[[], None]) -> None:
        """`call` is told of each new picture by the thread that has it, which it must not keep: what prepares pictures
        need not wait until the UI thread has heard of them."""
        self._at_once.append(call)

    def run(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[str], None] | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        """Calls `work` on a worker, then `done(result)` or `failed(words)` on the UI thread.

        `quiet`: what is not allowed is told to `failed` alone, for a sign-in that went wrong.
        """
        if self._closed:
            return

        def call() -> None:
            result: Any = None
            error: BaseException | None = None
            try:
                result = work()
            except LinesightError as known:
                error = LinesightError(str(known)) if quiet else known
            except Exception as unknown:
                log.exception("a call for the screen failed")
                error = unknown
            with self._lock:
                if self._closed:
                    return
                self._ended.append((done, failed or _log_failure, result, error))
            self._poke.poke()

        self._pool.submit(call)

    def _deliver(self) -> None:
        with self._lock:
            changes, self._changes = self._changes, set()
            ended, self._ended = self._ended, []
        for name, signal in (
            ("STATE", self.state),
            ("OUTCOME", self.outcome),
            ("ALARMS", self.alarms),
            ("HEALTH", self.health),
            ("LABELS", self.labels),
            ("REVIEWS", self.reviews),
            ("LOTS", self.lots),
            ("ROUNDS", self.rounds),
            ("VERSIONS", self.versions),
            ("CAMERAS", self.cameras),
            ("CHECK", self.check),
        ):
            if name in changes:
                signal.emit()
        for done, failed, result, error in ended:
            if self._closed:
                return
            if error is None and not _gone(done):
                done(result)
            elif error is not None and not _gone(failed):
                failed(error_words(error))

    def close(self) -> None:
        """Ends the subscription and the workers; results on their way are dropped."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._ended.clear()
        self._at_once.clear()
        self._unsubscribe()
        self._poke.close()
        self._pool.shutdown(wait=True, cancel_futures=True)


class Refusals(QObject):
    """`heard` carries the words of everything that a person was not allowed to do, wherever on the screen it was
    asked: the window shows them with a way to sign in."""

    heard = Signal(str)


@cache
def refusals() -> Refusals:
    """The one of this program."""
    return Refusals()


def attempt(call: Callable[[], T], failed: Callable[[str], None] = lambda words: None) -> T | None:
    """A call that returns at once, from the UI thread; None where it is refused, which `failed` is told."""
    try:
        return call()
    except LinesightError as error:
        failed(error_words(error))
        return None


def error_words(error: BaseException) -> str:
    """What to show for an error: its own words where they were written for people. UI thread."""
    if isinstance(error, NotAllowed):
        refusals().heard.emit(str(error))
    if isinstance(error, LinesightError):
        return str(error)
    return (
        f"Something unexpected went wrong ({type(error).__name__}: {error}). "
        "The log in the data folder has the details."
    )


def _gone(call: Callable[..., None]) -> bool:
    """Whether the widget that asked has been taken away meanwhile: nobody is there to be told."""
    asked = getattr(call, "__self__", None)
    return isinstance(asked, QObject) and not isValid(asked)


def _log_failure(words: str) -> None:
    log.warning("%s", words)
