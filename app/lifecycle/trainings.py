"""Watches over the queue of trainings: starts the process that trains, tells what changed, stops what was cancelled."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from app.domain.errors import ModelError
from app.domain.versions import JobState, TrainingJob, TrainingPlan, Where
from app.lifecycle import training_process
from app.lifecycle.queue import Asked, TrainingQueue

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.5
_GRACE = 5.0  # seconds between the request to stop and the end by force
_STARTS = 3  # in a row without a training having begun
_CANT_START = "The process that trains can't be started. The file worker.log beside the trainings says why."


class TrainingPlace(Protocol):
    """A place other than this station that trains. It notes how a training stands by `TrainingQueue.set_standing`
    and its progress in `progress_file`, as the process here does, and registers the version here."""

    title: str

    def why_not(self) -> str:
        """Why it can't be chosen now, in words; "" where it can."""

    def begin(self, job: TrainingJob) -> None:
        """Hands the training over; raises LinesightError where that can't be done."""

    def cancel(self, job: TrainingJob) -> None:
        """Stops it."""


class Trainings:
    """Any thread.

    Args:
        queue: the files.
        models: the shelf's folder.
        made: NAME@VERSION that a training made, "" for none.
        changed: told when a training has moved on.
        clock: seconds, rising.
    """

    def __init__(
        self,
        queue: TrainingQueue,
        models: Path,
        made: Callable[[Asked], str],
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.queue, self._models, self._made = queue, models, made
        self._changed, self._clock = changed, clock
        self.places: dict[Where, TrainingPlace] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ended = False
        self._thread: threading.Thread | None = None
        self._killing: dict[str, float] = {}  # training -> when it is ended by force
        self._starts = 0

    def add(self, plan: TrainingPlan, by: str) -> TrainingJob:
        """Raises ModelError where the place can't be chosen or nothing can be written."""
        place = None
        if plan.where != "station":
            place = self.places.get(plan.where)
            if place is None:
                raise ModelError(f"{plan.where} is not connected to this station. Train here instead.")
            if why := place.why_not():
                raise ModelError(why)
        job = self.queue.add(plan, by)
        if place is not None:
            place.begin(job)
        self.watch()
        return job

    def watch(self) -> None:
        """Begins to look after what waits; what the last run or a crash left is picked up."""
        with self._lock:
            if self._ended:
                return
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look_after, name="trainings", daemon=True)
                self._thread.start()
        self._wake.set()

    def cancel(self, job_id: str) -> None:
        job = self.queue.job(job_id)
        if job is None or job.state.ended:
            return
        self.queue.mark_cancelled(job_id)
        if (place := self.places.get(job.plan.where)) is not None:
            place.cancel(job)
        standing, pid = self.queue.standing(job_id), self.queue.worker_pid()
        if standing.state is JobState.RUNNING and pid is not None and pid == standing.pid:
            with self._lock:
                self._killing[job_id] = self._clock() + _GRACE
            training_process.stop(pid)
        self.watch()

    def close(self) -> None:
        """Stops watching; the process goes on."""
        with self._lock:
            self._ended = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join()

    # -- the watching thread
    def _look_after(self) -> None:
        seen: list[TrainingJob] = []
        while True:
            try:
                open_ = self._look()
                now = self.queue.jobs()
            except (OSError, ModelError):
                log.exception("the trainings can't be looked at")
                open_, now = True, seen
            if now != seen:
                seen = now
                self._changed()
            with self._lock:
                if self._ended or not open_:
                    self._thread = None
                    return
            self._wake.wait(_LOOK_EVERY)
            self._wake.clear()

    def _look(self) -> bool:
        """Whether a training has not ended yet."""
        training_process.reap()
        self._end_by_force()
        if self.queue.settle_alone(self._made):
            waiting = self.queue.waiting()
            if waiting and self._starts >= _STARTS:
                standing = self.queue.standing(waiting[0].id)
                self.queue.ended(waiting[0].id, replace(standing, state=JobState.FAILED, error=_CANT_START))
                self._starts = 0
            elif waiting:
                self._starts += 1
                training_process.start(self.queue.folder, self._models)
                self._wait_for_process()
        else:
            self._starts = 0
        return any(not job.state.ended for job in self.queue.jobs())

    def _wait_for_process(self) -> None:
        """A new process takes a moment until it holds the lock."""
        until = self._clock() + 10
        while self._clock() < until and not self._ended and training_process.alive() and not self.queue.worker_pid():
            self._wake.wait(0.1)
            self._wake.clear()
        if self.queue.worker_pid():
            self._starts = 0

    def _end_by_force(self) -> None:
        with self._lock:
            due = [job for job, at in self._killing.items() if self._clock() >= at]
        for job_id in due:
            standing, pid = self.queue.standing(job_id), self.queue.worker_pid()
            if standing.state is JobState.RUNNING and pid is not None and pid == standing.pid:
                training_process.stop(pid, hard=True)
            with self._lock:
                self._killing.pop(job_id, None)
