"""Background work: one worker for whatever writes the record, one for orders to the line, a small pool for the rest.

A job reports progress, can be cancelled, and tells its end to whoever asked; callbacks run on the
worker's thread (the screen turns them into Qt signals).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.domain.errors import Cancelled, LinesightError

log = logging.getLogger(__name__)

T = TypeVar("T")
Step = Callable[[float, str], None]


def part_of(step: Step, begin: float, end: float) -> Step:
    """A step for one part of a work: its 0..1 is `begin`..`end` of the whole."""
    return lambda fraction, words: step(begin + (end - begin) * fraction, words)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `fraction` in 0..1 (None while unknown) and what it does, in words."""

    fraction: float | None
    words: str


class Job(Generic[T]):
    """One piece of background work, seen from both sides: the work calls `step`, the asker the rest."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.future: Future[T] = Future()
        self._progress = Progress(None, name)
        self._cancel = threading.Event()
        self._listeners: list[Callable[[Job[T]], None]] = []
        self._on_cancel: list[Callable[[], None]] = []
        self._told_end = False
        self._lock = threading.Lock()

    # -- the worker's side
    def step(self, fraction: float | None, words: str) -> None:
        """Reports progress; raises Cancelled when the user asked to stop."""
        self._progress = Progress(fraction, words)
        self._tell()
        self.check()

    def check(self) -> None:
        """Raises Cancelled when the user asked to stop."""
        if self._cancel.is_set():
            raise Cancelled(f"{self.name} was stopped.")

    def when_cancelled(self, interrupt: Callable[[], None]) -> None:
        """Calls `interrupt` (on the asker's thread) when the user asks to stop, at once if so already: what
        wakes work that waits."""
        with self._lock:
            self._on_cancel.append(interrupt)
            now = self._cancel.is_set()
        if now:
            interrupt()

    # -- the asker's side
    @property
    def progress(self) -> Progress:
        return self._progress

    def cancel(self) -> None:
        with self._lock:
            first = not self._cancel.is_set()
            self._cancel.set()
            interrupts = list(self._on_cancel) if first else []
        for interrupt in interrupts:
            try:
                interrupt()
            except Exception:
                log.exception("%s could not be interrupted", self.name)

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop (it may still be on its way out)."""
        return self._cancel.is_set()

    @property
    def done(self) -> bool:
        return self.future.done()

    def result(self, timeout: float | None = None) -> T:
        """The result; raises what the work raised."""
        return self.future.result(timeout)

    @property
    def error(self) -> BaseException | None:
        """What the work raised, once done."""
        return self.future.exception() if self.future.done() else None

    def listen(self, listener: Callable[[Job[T]], None]) -> None:
        """Calls `listener(job)` at each step and once at the end (at once if already ended)."""
        with self._lock:
            ended = self._told_end
            if not ended:
                self._listeners.append(listener)
        if ended:
            self._call(listener)

    def _tell(self, *, end: bool = False) -> None:
        with self._lock:
            listeners = list(self._listeners)
            self._told_end = end
        for listener in listeners:
            self._call(listener)

    def _call(self, listener: Callable[[Job[T]], None]) -> None:
        try:
            listener(self)
        except Exception:  # a broken view must not fail the work
            log.exception("a listener of %s failed", self.name)

    def run(self, work: Callable[[Job[T]], T]) -> None:
        """Does the work on the calling thread and keeps its result or error."""
        try:
            self.check()
            self.future.set_result(work(self))
        except LinesightError as error:
            self.future.set_exception(error)
        except BaseException as error:
            log.exception("%s failed", self.name)
            self.future.set_exception(error)
        self._tell(end=True)


class Jobs:
    """Starts jobs: `write` and `order` each in turn on a worker of their own, `start` on a pool.

    After `close` a job ends at once with Cancelled.
    """

    def __init__(self, workers: int = 2) -> None:
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._orders = ThreadPoolExecutor(1, thread_name_prefix="orders")
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._open: set[Job[object]] = set()
        self._closed = False
        self._lock = threading.Lock()

    def start(self, name: str, work: Callable[[Job[T]], T]) -> Job[T]:
        """Side by side with others."""
        return self._submit(self._pool, name, work)

    def write(self, name: str, work: Callable[[Job[T]], T]) -> Job[T]:
        """What writes the record, in turn."""
        return self._submit(self._writer, name, work)

    def order(self, name: str, work: Callable[[Job[T]], T]) -> Job[T]:
        """What starts and stops the line, in turn, so that waiting orders keep no other job waiting."""
        return self._submit(self._orders, name, work)

    def _submit(self, pool: ThreadPoolExecutor, name: str, work: Callable[[Job[T]], T]) -> Job[T]:
        job: Job[T] = Job(name)

        def run() -> None:
            try:
                job.run(work)
            finally:
                with self._lock:
                    self._open.discard(job)

        with self._lock:
            closed = self._closed
            if not closed:
                self._open.add(job)  # type: ignore[arg-type]
                pool.submit(run)
        if closed:
            job.cancel()
            job.run(work)  # sees the cancellation before it begins
        return job

    def close(self) -> None:
        """Asks every open job to stop and waits for them."""
        with self._lock:
            self._closed = True
            jobs = list(self._open)
        for job in jobs:
            job.cancel()
        for pool in (self._orders, self._pool, self._writer):
            pool.shutdown(wait=True)
