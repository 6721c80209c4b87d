"""What a station says of itself: plain data for the screen and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from pathlib import Path
from typing import Any, Protocol, Self

from app.alarms import AlarmBook
from app.domain.inspection import Around, ModelRef
from app.inspection.pipeline import Pipeline
from app.jobs import Job, Jobs
from app.lifecycle import ModelShelf
from app.lifecycle.shelf import StoredModel
from app.people import PeopleDesk
from app.settings import Settings
from app.store import Store


class Change(StrEnum):
    """What has changed. Carries no data: whoever hears it asks for the newest."""

    OUTCOME = auto()
    HEALTH = auto()
    ALARMS = auto()
    STATE = auto()
    LABELS = auto()
    VERSIONS = auto()  # trainings, versions, releases, the shadow
    REVIEWS = auto()
    LOTS = auto()
    ROUNDS = auto()
    CHECK = auto()  # the golden-sample check and the release
    CAMERAS = auto()  # those beside the first: a picture, a state, their number


class Phase(StrEnum):
    """What the station is doing."""

    IDLE = auto()
    TRAINING = auto()
    STARTING = auto()
    INSPECTING = auto()
    WAITING = auto()  # for the camera
    FINISHED = auto()  # a finite source has ended
    STOPPED = auto()
    FAULT = auto()


@dataclass(frozen=True, slots=True)
class State:
    """Attributes:
    words: what it does, or what blocks it and what to do next.
    source: address without credentials.
    job: the work in progress while TRAINING.
    """

    phase: Phase
    words: str
    source: str
    product: str
    model: ModelRef | None
    job: Job[Any] | None


@dataclass(frozen=True, slots=True)
class Health:
    """The numbers below the picture.

    Attributes:
        connected, words: of the source.
        capture_fps, verdict_fps: true rates over the last seconds.
        frame_age: seconds since the capture of the newest judged frame; None before the first.
        captured, dropped, inspected, reconnects: since the source was started.
        disk_words: "" while fine.
        pictures_lost: inspections whose picture could not be kept.
        temperature: of the camera in degrees Celsius, None where it does not tell.
    """

    connected: bool
    words: str
    capture_fps: float
    verdict_fps: float
    frame_age: float | None
    captured: int
    dropped: int
    inspected: int
    reconnects: int
    disk_words: str
    pictures_lost: int
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model kept at this station."""

    name: str
    version: int
    path: Path
    created_at: datetime
    normals: int
    backbone: str

    @classmethod
    def of(cls, stored: StoredModel) -> Self:
        described = stored.description
        return cls(
            stored.ref.name,
            stored.ref.version,
            stored.path,
            described.created_at,
            described.training.normals,
            described.backbone,
        )


def health_of(pipeline: Pipeline | None, frame_age: float | None, disk_words: str, pictures_lost: int) -> Health:
    """The health of a line; None where none runs."""
    if pipeline is None:
        return Health(False, "No source is running.", 0.0, 0.0, frame_age, 0, 0, 0, 0, disk_words, pictures_lost)
    capture = pipeline.capture.state
    return Health(
        connected=capture.connected,
        words=capture.words,
        capture_fps=pipeline.capture.meter.rate(),
        verdict_fps=pipeline.verdicts.rate(),
        frame_age=frame_age,
        captured=capture.captured,
        # What a camera's own reading thread had to let go never reached the slot: both are drops.
        dropped=pipeline.slot.dropped + int(getattr(pipeline.source, "dropped", 0)),
        inspected=pipeline.inspected,
        reconnects=capture.reconnects,
        disk_words=disk_words,
        pictures_lost=pictures_lost,
        temperature=getattr(pipeline.source, "temperature", None),
    )


class LineHost(Protocol):
    """What the line needs of its station."""

    shelf: ModelShelf
    store: Store
    alarms: AlarmBook
    people: PeopleDesk
    jobs: Jobs

    @property
    def settings(self) -> Settings: ...

    def save_settings(self, **changes: Any) -> None: ...

    def around(self) -> Around:
        """What is known of the part that is inspected now, beside its picture."""

    def expect(self, code: str) -> None:
        """The part that is inspected next has this serial."""
