"""Trainings waiting, running and ended, as files, so that they outlive the window and a crash.

Of a training `ID`, `ID.plan.json` says what was asked for and never changes; `ID.state.json` how it stands, written
by the process that trains; `ID.progress.jsonl` one line of JSON a step; `ID.cancel` asks to stop. `worker.lock` is
locked by the process that trains for as long as it lives: the system frees it whatever way that process ends.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter

from app.domain.errors import ModelError
from app.domain.versions import JobState, TrainingJob, TrainingPlan
from app.lifecycle.sealed import seal, unseal
from app.whole_files import write_new, write_whole

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 2
CUT_SHORT = (
    "The training was cut short twice, the second time as well as the first; the computer may have run out of memory. "
    "Close other programs or train with fewer pictures, then start it again."
)
_TAIL = 4096
_TELLABLE_FROM = 0.03
_TELLABLE_AFTER = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for."""

    id: str
    plan: TrainingPlan
    by: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How a training stands; fields as in `TrainingJob`. `pid`: of the process that trains."""

    state: JobState
    attempts: int = 0
    pid: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""
    version: str = ""
    notes: tuple[str, ...] = ()


_ASKED = TypeAdapter(Asked)
_STANDINGS = TypeAdapter(Standing)


class TrainingQueue:
    """Args:
    folder: where the files lie; made when first needed.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self.folder, self._now = folder, now

    def add(self, plan: TrainingPlan, by: str) -> TrainingJob:
        """Raises ModelError where nothing can be written."""
        moment = self._now()
        asked = Asked(f"{moment:%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:6]}", plan, by, moment)
        try:
            write_new(self._file(asked.id, "plan.json"), seal(_ASKED, asked))
        except OSError as error:
            raise ModelError(
                f"The training can't be written to {self.folder} ({error.strerror or error}). Free some space."
            ) from error
        return self._job(asked, alive=False)

    def jobs(self) -> list[TrainingJob]:
        """Newest first."""
        alive = self.worker_pid() is not None
        return [self._job(asked, alive=alive) for asked in reversed(self.asked())]

    def job(self, id: str) -> TrainingJob | None:
        return next((each for each in self.jobs() if each.id == id), None)

    def asked(self) -> list[Asked]:
        """Oldest first; a damaged file is logged and left out."""
        found = []
        for path in sorted(self.folder.glob("*.plan.json")):
            try:
                found.append(unseal(_ASKED, path))
            except (ModelError, FileNotFoundError) as error:
                log.error("%s", error)
        return found

    def standing(self, id: str) -> Standing:
        try:
            return unseal(_STANDINGS, self._file(id, "state.json"))
        except FileNotFoundError:
            return Standing(JobState.QUEUED)
        except ModelError as error:
            log.error("%s", error)
            return Standing(JobState.FAILED, error=str(error))

    def set_standing(self, id: str, standing: Standing) -> None:
        """Raises ModelError where it can't be written."""
        try:
            write_whole(self._file(id, "state.json"), seal(_STANDINGS, standing))
        except OSError as error:
            raise ModelError(f"{self.folder} can't be written ({error.strerror or error}). Free some space.") from error

    def waiting(self) -> list[Asked]:
        """Those that want to be trained at this station, oldest first; what a crash cut short is among them."""
        return [each for each in self.asked() if each.plan.where == "station" and self._waits(each.id)]

    def _waits(self, id: str) -> bool:
        return not self.standing(id).state.ended and not self.is_cancelled(id)

    def mark_cancelled(self, id: str) -> None:
        self._file(id, "cancel").touch()

    def is_cancelled(self, id: str) -> bool:
        return self._file(id, "cancel").exists()

    def ended(self, id: str, standing: Standing) -> None:
        """Notes the end of a training, now."""
        self.set_standing(id, replace(standing, ended_at=self._now()))

    def progress_file(self, id: str) -> Path:
        return self._file(id, "progress.jsonl")

    def worker_pid(self) -> int | None:
        """Process id of the living process that trains; None where none does."""
        lock = WorkerLock(self.folder)
        if lock.take():
            lock.free()
            return None
        return lock.holder()

    def settle(self, made: Callable[[Asked], str]) -> None:
        """Ends what was cancelled, or cut short too often, or had finished when it was killed; for who holds the lock.

        Args:
            made: NAME@VERSION that a training made, "" for none.
        """
        for each in self.asked():
            standing = self.standing(each.id)
            if standing.state.ended or each.plan.where != "station":
                continue
            if standing.state is JobState.RUNNING and (version := made(each)):
                self.ended(each.id, replace(standing, state=JobState.DONE, version=version))
            elif self.is_cancelled(each.id):
                self.ended(each.id, replace(standing, state=JobState.CANCELLED))
            elif standing.state is JobState.RUNNING and standing.attempts >= MOST_ATTEMPTS:
                self.ended(each.id, replace(standing, state=JobState.FAILED, error=CUT_SHORT))

    def settle_alone(self, made: Callable[[Asked], str]) -> bool:
        """`settle` where no process trains; False where one does, and nothing was done."""
        lock = WorkerLock(self.folder)
        if not lock.take():
            return False
        try:
            self.settle(made)
        finally:
            lock.free()
        return True

    def _job(self, asked: Asked, *, alive: bool) -> TrainingJob:
        standing = self.standing(asked.id)
        state, error = standing.state, standing.error
        fraction, words = self._progress(asked.id)
        left: float | None = None
        if state is JobState.RUNNING and not alive and asked.plan.where == "station":
            state, fraction = JobState.QUEUED, 0.0
            words = "It was cut short and begins again."
        if not state.ended and self.is_cancelled(asked.id):
            words = "Stopping"
            if state is JobState.QUEUED:
                state = JobState.CANCELLED
        elif state is JobState.QUEUED and words != "It was cut short and begins again.":
            fraction, words = 0.0, "Waiting"
        if state is JobState.RUNNING and standing.started_at is not None:
            passed = (self._now() - standing.started_at).total_seconds()
            if fraction >= _TELLABLE_FROM and passed >= _TELLABLE_AFTER:
                left = passed * (1 - fraction) / fraction
            words = words or "Starting"
        if state is JobState.DONE:
            fraction, words = 1.0, "Trained"
        elif state is JobState.FAILED:
            words = "Failed"
        elif state is JobState.CANCELLED:
            words = "Stopped"
        return TrainingJob(
            id=asked.id,
            plan=asked.plan,
            by=asked.by,
            asked_at=asked.asked_at,
            state=state,
            stage=words,
            fraction=fraction,
            seconds_left=left,
            started_at=standing.started_at,
            ended_at=standing.ended_at,
            error=error,
            version=standing.version if state is JobState.DONE else "",
            attempts=standing.attempts,
            notes=standing.notes,
        )

    def _progress(self, id: str) -> tuple[float, str]:
        """The last whole line."""
        try:
            with self.progress_file(id).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                lines = file.read().split(b"\n")[:-1]
        except OSError:
            return 0.0, ""
        for line in reversed(lines):
            try:
                told = json.loads(line)
                return float(told["fraction"]), str(told["words"])
            except (ValueError, KeyError, TypeError):
                continue  # half a line, written when the process was killed
        return 0.0, ""

    def _file(self, id: str, what: str) -> Path:
        return self.folder / f"{id}.{what}"


class WorkerLock:
    """Held by the one process that trains; free again however that process ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "worker.lock"
        self._pid = folder / "worker.pid"
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """False where another process has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("ab")
        try:
            if sys.platform == "win32":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def sign(self) -> None:
        """Writes down who holds it."""
        write_whole(self._pid, str(os.getpid()).encode(), durable=False)

    def holder(self) -> int:
        """Process id of who signed last; 0 where nobody has yet."""
        try:
            return int(self._pid.read_text())
        except (OSError, ValueError):
            return 0

    def free(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
