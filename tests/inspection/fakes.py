"""Hand-written stand-ins for camera and detector, and waiting for a condition."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from app.alarms import AlarmBook
from app.cameras.base import SourceTraits
from app.domain.errors import LinesightError
from app.domain.frame import Frame, Image
from app.domain.inspection import Detection, ModelRef, Outcome
from app.domain.region import Region
from app.domain.verdict import Limits, decide
from app.inspection.recorder import Recorder
from app.store import Store

LIVE_PARTS = SourceTraits(live=True, parts=True, endless=True)
VIEWING = SourceTraits(live=True, parts=False, endless=True)
LIVE_FILE = SourceTraits(live=True, parts=True, endless=False)
ENUMERATED = SourceTraits(live=False, parts=True, endless=False)
LIMITS = Limits(0.6, 0.55)
REF = ModelRef("plate", 1, "ab" * 32, "fake")
PASS, RETEST, FAIL = 0.2, 0.58, 0.9


def picture(score: float = PASS, *, noise: int = 1) -> Image:
    """(48, 64, 3) BGR with noise, of which `FakeDetector` reads this score (to 1/250) from the middle; the
    middle is even, so that JPEG keeps it about the same."""
    image = np.random.default_rng(noise).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    image[16:32, 16:48] = round(score * 250)
    return image


def wait_for(condition: Callable[[], object], timeout: float = 10.0, what: str = "") -> None:
    """Until the condition holds; fails when it does not in time."""
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f"did not come about within {timeout:g} s: {what or condition}"
        threading.Event().wait(0.005)


class FakeDetector:
    """Reads its score from the middle of the picture.

    Args:
        seconds: that each detection takes.
        fails: called with the picture first; what it raises is what the detector raises.
    """

    def __init__(self, seconds: float = 0.0, fails: Callable[[Image], None] = lambda image: None) -> None:
        self.ref = REF
        self.seconds, self.fails = seconds, fails
        self.begun: list[float] = []
        self.gate = threading.Event()
        self.gate.set()

    def with_limits(self, limits: object) -> FakeDetector:
        return self

    def expect_one_size(self) -> None: ...

    def with_threshold(self, threshold: float) -> FakeDetector:
        return self

    def score(self, image: Image) -> float:
        height, width = image.shape[:2]
        return float(image[height // 2 - 4 : height // 2 + 4, width // 2 - 8 : width // 2 + 8].mean()) / 250

    def detect(self, image: Image) -> Detection:
        self.begun.append(time.monotonic())
        self.gate.wait(20)
        threading.Event().wait(self.seconds)
        self.fails(image)
        return detection(self.score(image))


def detection(score: float) -> Detection:
    regions = (Region(2, 2, 8, 8, 50, "anomaly", score),) if score >= LIMITS.retest_from else ()
    return Detection(
        score=score,
        threshold=LIMITS.threshold,
        retest_from=LIMITS.retest_from,
        verdict=decide(score, LIMITS),
        confidence=None,
        regions=regions,
        reason=f"{score:.2f}",
        heat=np.full((4, 4), score, np.float32),
        heat_box=(0, 0, 64, 48),
        milliseconds=1.0,
    )


class FakeSource:
    """Gives what the test pushes: pictures, frames, errors (raised), None for the end.

    Attributes:
        opening: errors that `open` raises, one a call, before it succeeds.
        opened, closed: number of calls.
    """

    dropped = 0

    def __init__(self, traits: SourceTraits = LIVE_PARTS, items: Sequence[object] = (), address: str = "fake") -> None:
        self.address, self.traits = address, traits
        self.items: queue.Queue[object] = queue.Queue()
        for item in items:
            self.items.put(item)
        self.opening: list[Exception] = []
        self.opened = self.closed = 0
        self.given: list[Frame] = []

    def push(self, *items: object) -> None:
        for item in items:
            self.items.put(item)

    def open(self) -> None:
        self.opened += 1
        if self.opening:
            raise self.opening.pop(0)

    def read(self) -> Frame | None:
        item = self.items.get()
        if item is None:
            return None
        if isinstance(item, Exception):
            raise item
        frame = item if isinstance(item, Frame) else Frame(item, self.address)  # type: ignore[arg-type]
        self.given.append(frame)
        return frame

    def stop(self) -> None:
        self.items.put(None)

    def close(self) -> None:
        self.closed += 1


class Ticking(FakeSource):
    """A camera that gives a new picture every so many seconds, whoever takes it."""

    def __init__(self, every: float, images: Iterator[Image], traits: SourceTraits = LIVE_PARTS) -> None:
        super().__init__(traits)
        self._every, self._images = every, images
        self._stopped = threading.Event()

    def read(self) -> Frame | None:
        if self._stopped.wait(self._every):
            return None
        frame = Frame(next(self._images), self.address)
        self.given.append(frame)
        return frame

    def stop(self) -> None:
        self._stopped.set()


class Outcomes:
    """Collects what is published."""

    def __init__(self) -> None:
        self.all: list[Outcome] = []
        self.refused: list[Outcome] = []
        self._more = threading.Condition()

    def __call__(self, outcome: Outcome) -> None:
        with self._more:
            self.all.append(outcome)
            self._more.notify_all()

    def wait(self, number: int, timeout: float = 10.0) -> list[Outcome]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.all) >= number, timeout), f"{len(self.all)} of {number} came"
            return list(self.all)


class Fault:
    """Makes a store fail: `rows` or `pictures` hold the error that is raised instead."""

    def __init__(self, store: Store) -> None:
        self.rows: LinesightError | None = None
        self.pictures: OSError | None = None
        add, save = store.add_inspection, store.save_image

        def add_inspection(*args: object) -> None:
            if self.rows is not None:
                raise self.rows
            add(*args)  # type: ignore[arg-type]

        def save_image(*args: object) -> tuple[str, str]:
            if self.pictures is not None:
                raise self.pictures
            return save(*args)  # type: ignore[arg-type]

        store.add_inspection = add_inspection  # type: ignore[method-assign]
        store.save_image = save_image  # type: ignore[method-assign]


def recorder_for(store: Store, detector: FakeDetector) -> tuple[Recorder, AlarmBook]:
    book = AlarmBook(store)
    return Recorder(store, book, detector, station="Bench", product="Plate"), book


def stored_file(store: Store, image_path: str) -> Path:
    return store.image_file(image_path)
