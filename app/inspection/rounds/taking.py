"""Taking pictures: of the running camera, of another source, or from files; kept before a step counts as answered."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Protocol

from app.cameras import make_source
from app.domain.errors import LinesightError, PictureError, PlanError, SourceError, StoreError
from app.domain.inspection import Outcome
from app.domain.plan import Answer, Round
from app.inspection.capture import one_picture
from app.inspection.rounds.photographs import taken_at
from app.pictures import encode_png, read_picture
from app.store import Store

log = logging.getLogger(__name__)

OLDEST = 5.0
"""Seconds: an older frame of the running line may show the part before."""

TAKEN = "-taken"
"""What the name of a picture's file ends in, behind the answer's id: the inspection's own has the id alone."""

_KEPT_AS_THEY_ARE = frozenset({".jpg", ".jpeg", ".png"})


class JobPort(Protocol):
    """What is used of the job on whose behalf a picture is taken."""

    def step(self, fraction: float | None, words: str) -> None: ...
    def when_cancelled(self, interrupt: Callable[[], None]) -> None: ...
    def check(self) -> None: ...


class SourceHost(Protocol):
    """Whose camera is used first; the station is one."""

    @property
    def zone(self) -> tzinfo: ...
    @property
    def settings(self) -> Any: ...
    def running(self, address: str) -> Outcome | None:
        """The newest outcome of the line where it watches this address now: most cameras can be opened only once."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture's bytes as a file, with where and when it was taken (UTC)."""

    data: bytes
    suffix: str
    source: str
    taken_at: datetime


class Taker:
    """Gets pictures and keeps them with their answers."""

    def __init__(self, host: SourceHost, store: Store, now: Callable[[], datetime]) -> None:
        self._host, self._store, self._now = host, store, now

    def from_camera(self, job: JobPort, source: str = "") -> Taken:
        """The newest frame of the running line, or one picture of a source that is opened for it.

        Raises:
            SourceError: no picture; says why.
        """
        camera = make_source(source or self._host.settings.source, watch=False)
        outcome = self._host.running(camera.address)
        if outcome is not None:
            frame = outcome.frame
            if frame.age() > OLDEST:
                words = f"The newest picture of {frame.source} is {frame.age():.0f} seconds old."
                raise SourceError(f"{words} Wait for the next one, or take it from a folder.")
            return Taken(encode_png(frame.image), ".png", frame.source, frame.captured_at)
        job.step(None, f"Connecting to {camera.address}")
        job.when_cancelled(camera.stop)  # it may be waiting for a camera that does not answer
        try:
            image = one_picture(camera)
        finally:
            job.check()
        return Taken(encode_png(image), ".png", camera.address, self._now())

    def from_file(self, path: Path, taken: datetime | None = None, name: str = "") -> Taken:
        """A photograph; `taken` where it is known already.

        Raises:
            PictureError: it is none.
        """
        picture = read_picture(path)
        try:
            taken = taken or taken_at(path, self._host.zone, self._now())
            if path.suffix.lower() in _KEPT_AS_THEY_ARE:
                return Taken(path.read_bytes(), path.suffix.lower(), name or path.name, taken)
        except OSError as error:
            raise PictureError(f"{path} can't be read ({error.strerror or error}).", path) from error
        return Taken(encode_png(picture), ".png", name or path.name, taken)

    def keep(self, round: Round, taken: Sequence[tuple[str, Taken | None]], by: str, reason: str = "") -> None:
        """Keeps pictures, durably, then the answers they give: all or none. None: not applicable, for `reason`.

        Raises:
            PlanError: the round has no such component.
            LinesightError: a picture or the answers can't be kept; the steps stay open.
        """
        now = self._now()
        answers: list[Answer] = []
        try:
            for component, each in taken:
                if round.plan.component(component) is None:
                    raise PlanError(f"The plan {round.plan} has no component {component}. Open the round again.")
                id = uuid.uuid4().hex
                if each is None:
                    answers.append(Answer(id, round.id, component, now, now, by, reason=reason))
                    continue
                path, sha256 = self._save(id, each)
                answers.append(
                    Answer(id, round.id, component, each.taken_at.astimezone(UTC), now, by, path, sha256, each.source)
                )
            self._store.rounds.add_answers(round, answers)
        except BaseException:
            for answer in answers:
                self._remove(answer)
            raise

    def _save(self, id: str, each: Taken) -> tuple[str, str]:
        try:
            return self._store.save_image(f"{id}{TAKEN}", each.taken_at, each.data, each.suffix)
        except OSError as error:
            why = error.strerror or str(error)
            words = f"The picture could not be kept ({why}), so the step stays open."
            raise StoreError(f"{words} Free some room on the disk, then take it again.") from error

    def _remove(self, answer: Answer) -> None:
        if answer.image_path:
            with suppress(OSError, LinesightError):
                self._store.image_file(answer.image_path).unlink(missing_ok=True)
