"""The demo line as a camera over its belt sees it: parts come, lie still for a moment and go."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.base import SourceTraits
from app.cameras.demo import plate, scene
from app.cameras.demo.plan import LINE, PartTruth, stream, truth_of
from app.domain.errors import SourceError
from app.domain.frame import Frame, Image

INTERVAL, GAP = 5.0, 0.4
FPS = 30.0
DEFECT_RATE = 0.15
_MOVES = 0.3
"""Share of a part's time in the picture in which it comes, and again in which it goes."""
_APPEARANCE, _CAMERA, _NOISE = 2, 20, 21


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What the camera sees.

    Attributes:
        image: (720, 1280, 3) uint8 BGR.
        index: of the part in the picture, None for an empty belt.
        rests: it lies still.
    """

    image: Image
    index: int | None
    rests: bool


class Belt:
    """The belt at any moment; the same seed gives the same parts.

    Args:
        interval: seconds from part to part.
        gap: share of it in which the belt is empty: long enough to teach the empty place by hand.
        defect_rate: share of defective parts, 0..1.
    """

    def __init__(
        self, seed: int, interval: float = INTERVAL, *, gap: float = GAP, defect_rate: float = DEFECT_RATE
    ) -> None:
        scene.prepare()
        self._seed, self.interval, self._gap, self._rate = seed, interval, gap, defect_rate
        look = stream(seed, LINE, 0, _CAMERA)
        self._belt = plate.piece(plate.belt(), look)
        self._lit, self._blur = scene.light_of(look), float(look.uniform(0.35, 0.5))
        self._empty = scene.expose(None, np.eye(2, 3), self._belt, self._lit, self._blur)
        self._noise = stream(seed, LINE, 0, _NOISE)
        self._at: tuple[int, Image, NDArray[np.float64]] | None = None
        self._resting: tuple[int, Image] | None = None

    def truth(self, index: int) -> PartTruth:
        """What is right or wrong with part `index` (from 0); for tests and evaluation only."""
        return truth_of(self._seed, index, self._rate)

    def at(self, seconds: float) -> Moment:
        """What the camera sees so many seconds, 0 or more, after the start; the first part comes after a gap."""
        turn = seconds / self.interval
        index = int(turn)
        there = (turn - index - self._gap) / (1 - self._gap)  # share of the part's own time, below 0 before it
        if there < 0:
            return Moment(scene.grain(self._empty, self._noise), None, False)
        if there < _MOVES:
            return Moment(self._moving(index, there / _MOVES - 1), index, False)
        if there < 1 - _MOVES:
            return Moment(scene.grain(self._still(index), self._noise), index, True)
        return Moment(self._moving(index, 1 - (1 - there) / _MOVES), index, False)

    def _part(self, index: int) -> tuple[Image, NDArray[np.float64]]:
        if self._at is None or self._at[0] != index:
            look = stream(self._seed, LINE, index, _APPEARANCE)
            canvas, _ = scene.make(self._seed, index, self.truth(index).defect, look)
            self._at = (index, np.asarray(cv2.convertScaleAbs(canvas), np.uint8), scene.pose_of(look))
        return self._at[1], self._at[2]

    def _still(self, index: int) -> Image:
        if self._resting is None or self._resting[0] != index:
            part, pose = self._part(index)
            self._resting = (index, scene.expose(part, pose, self._belt, self._lit, self._blur))
        return self._resting[1]

    def _moving(self, index: int, way: float) -> Image:
        """`way`: -1 before the picture, 0 in its place, 1 behind the picture."""
        part, pose = self._part(index)
        pose = pose.copy()
        pose[0, 2] += way * plate.WIDTH
        return scene.grain(scene.expose(part, pose, self._belt, self._lit, self._blur), self._noise)


class DemoBelt:
    """The belt as a live source, `demo:belt`: what finds parts in a picture can be tried on it."""

    address = "demo:belt"
    traits = SourceTraits(live=True, parts=False, endless=True)

    def __init__(self, seed: int | None = None, interval: float = INTERVAL, fps: float = FPS) -> None:
        self._seed = secrets.randbelow(800_000) if seed is None else seed
        self._interval, self._period = interval, 1 / fps
        self._belt: Belt | None = None
        self._began = self._due = 0.0
        self._open = False
        self._stopped = threading.Event()

    def open(self) -> None:
        """Draws what all parts share (about a second, once a process)."""
        if self._belt is None:
            self._belt = Belt(self._seed, self._interval)
            self._began = time.monotonic()
        self._due = time.monotonic()
        self._open = True

    def read(self) -> Frame | None:
        if self._stopped.is_set():
            return None
        if not self._open or self._belt is None:
            raise SourceError("demo:belt is not open.")
        if self._stopped.wait(max(self._due - time.monotonic(), 0)):
            return None
        now = time.monotonic()
        self._due = max(self._due, now - self._period) + self._period
        return Frame(self._belt.at(now - self._began).image, self.address)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._open = False
        self._stopped.clear()
