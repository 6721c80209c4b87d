"""The process that trains: one at a station, beside the live line and out of its way.

`python -m app.lifecycle.training_process QUEUE MODELS` trains what waits in the queue, one after the other, and ends.
It runs at the lowest priority, computes on one thread, and belongs to no window: closing that one, or its crash, does
not end it. What it was at when it was killed itself is begun again by the next one, and given up after the second
time.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from app.domain.errors import Cancelled, LinesightError
from app.domain.versions import JobState
from app.lifecycle.giving_way import GivingWay, go_on_when_orphaned
from app.lifecycle.queue import Asked, Standing, TrainingQueue, WorkerLock

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
THREADS = 1
"""Of the computation: with two on two cores the live line's slowest verdicts took twice as long."""

_EVERY = 0.2  # seconds between two lines of progress within a stage
_PATIENCE = 3.0  # seconds to wait for the lock: whoever looks whether it is free holds it for a moment
_LOG_BYTES = 1 << 20

_started: list[subprocess.Popen[bytes]] = []  # an object that goes while its process lives would complain


def start(folder: Path, models: Path) -> None:
    """Starts the process; it ends at once where one is at work already.

    Raises:
        OSError: it can't be started.
    """
    _started[:] = running()
    log_file = folder / "worker.log"
    with contextlib.suppress(OSError):
        if log_file.stat().st_size > _LOG_BYTES:
            log_file.unlink()
    with log_file.open("ab") as out:
        _started.append(
            subprocess.Popen(
                [sys.executable, "-m", "app.lifecycle.training_process", str(folder), str(models)],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": str(THREADS), "OPENBLAS_NUM_THREADS": str(THREADS)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                creationflags=_FLAGS,
            )
        )


def running() -> list[subprocess.Popen[bytes]]:
    """Those started from here that still live."""
    return [each for each in _started if each.poll() is None]


GIVING_WAY = GivingWay(running)
"""What this process does first halts the training meanwhile."""


def reap() -> None:
    """Lets the system forget processes of ours that have ended."""
    for each in _started:
        each.poll()


def alive() -> bool:
    """Whether a process that was started from here still lives."""
    return bool(running())


def stop(pid: int, *, hard: bool = False) -> None:
    """Asks the process to stop what it trains, or ends it."""
    # Windows knows only the hard way; there the file that asks to stop does it.
    if hard or sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM if not hard or sys.platform == "win32" else signal.SIGKILL)


if sys.platform == "win32":
    _FLAGS = subprocess.IDLE_PRIORITY_CLASS | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _FLAGS = 0


def lower_priority() -> None:
    """Takes only time that nobody else wants. On Windows the starter has seen to it."""
    if sys.platform == "win32":
        return
    go_on_when_orphaned()
    os.nice(19)
    if sys.platform == "linux":
        # Wakes nobody up late: a thread of the live line goes first the moment it is ready.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class Worker:
    """Works the queue off.

    Args:
        make: makes the version of a training; its step raises Cancelled to stop.
        made_before: NAME@VERSION that a training made already, "" for none: it may have been killed after the version
            was there and before that was noted.
    """

    def __init__(
        self,
        queue: TrainingQueue,
        make: Callable[[Asked, Callable[[float, str], None]], tuple[str, tuple[str, ...]]],
        made_before: Callable[[Asked], str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._queue, self._make, self._made_before, self._now = queue, make, made_before, now
        self._asked_to_stop = threading.Event()
        self._ending = False

    def signalled(self, _number: int, _frame: FrameType | None) -> None:
        """SIGTERM: the training in hand was cancelled, or the system goes down."""
        self._asked_to_stop.set()

    def run(self) -> None:
        """Until nothing waits any more."""
        while not self._ending:
            self._queue.settle(self._made_before)
            waiting = self._queue.waiting()
            if not waiting:
                return
            self._train(waiting[0])

    def _train(self, asked: Asked) -> None:
        queue = self._queue
        before = queue.standing(asked.id)
        self._asked_to_stop.clear()
        queue.progress_file(asked.id).unlink(missing_ok=True)  # of a try that was cut short
        now = Standing(JobState.RUNNING, before.attempts + 1, os.getpid(), self._now())
        queue.set_standing(asked.id, now)
        try:
            version, notes = self._make(asked, _Report(self, asked.id))
        except Cancelled:
            if queue.is_cancelled(asked.id):
                queue.ended(asked.id, replace(now, state=JobState.CANCELLED))
            else:  # the system goes down: it is begun again later, and that was no failure of its own
                queue.set_standing(asked.id, before)
                self._ending = True
        except LinesightError as error:
            self._failed(asked, now, str(error))
        except MemoryError:
            self._failed(asked, now, "The computer ran out of memory. Train with fewer pictures, or a smaller size.")
        except Exception as error:
            log.exception("training %s failed", asked.id)
            cause = str(error).strip() or type(error).__name__
            self._failed(asked, now, f"The training failed unexpectedly ({cause}). The log has the details.")
        else:
            queue.ended(asked.id, replace(now, state=JobState.DONE, version=version, notes=notes))

    def _failed(self, asked: Asked, now: Standing, why: str) -> None:
        self._queue.ended(asked.id, replace(now, state=JobState.FAILED, error=why))

    def check(self, id: str) -> None:
        """Raises Cancelled where the training is to stop."""
        if self._asked_to_stop.is_set() or self._queue.is_cancelled(id):
            raise Cancelled("The training was stopped.")


class _Report:
    """Progress as lines of JSON, a new one for each stage and now and then within one."""

    def __init__(self, worker: Worker, id: str) -> None:
        self._worker, self._id = worker, id
        self._path = worker._queue.progress_file(id)
        self._last, self._stage = 0.0, ""

    def __call__(self, fraction: float, words: str) -> None:
        self._worker.check(self._id)
        moment, stage = time.monotonic(), words.rstrip("0123456789 of")
        if stage == self._stage and moment - self._last < _EVERY and fraction < 1:
            return
        self._last, self._stage = moment, stage
        line = json.dumps({"at": self._worker._now().isoformat(), "fraction": round(fraction, 4), "words": words})
        with contextlib.suppress(OSError), self._path.open("ab") as file:  # a full disk stops no training
            file.write(line.encode() + b"\n")


def main(folder: Path, models: Path) -> int:
    lower_priority()
    lock = WorkerLock(folder)
    until = time.monotonic() + _PATIENCE
    while not lock.take():
        if time.monotonic() > until:
            return 0  # one is at work already
        time.sleep(0.05)
    lock.sign()
    import cv2

    from app.lifecycle.making import make_version
    from app.lifecycle.shelf import ModelShelf
    from app.lifecycle.versions import Registry
    from app.vision.runtime import limit_threads

    limit_threads(THREADS)
    cv2.setNumThreads(THREADS)
    registry = Registry(ModelShelf(models))

    def now() -> datetime:
        return datetime.now(UTC)

    def make(asked: Asked, step: Callable[[float, str], None]) -> tuple[str, tuple[str, ...]]:
        made = make_version(registry, asked.plan, job=asked.id, by=asked.by, now=now, step=step)
        return made.version, made.notes

    worker = Worker(TrainingQueue(folder, now), make, lambda asked: registry.of_job(asked.plan.product, asked.id), now)
    signal.signal(signal.SIGTERM, worker.signalled)
    try:
        worker.run()
    finally:
        lock.free()
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
