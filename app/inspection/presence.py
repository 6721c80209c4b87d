"""Part presence by the picture itself: appear, stand still, be sharp, be inspected once, be taken away.

The place is compared with how it looks empty, at about 160 pixels' width, cell by cell against the noise that the empty
pictures themselves had (background subtraction; Piccardi 2004, "Background subtraction techniques: a review"). Slow
changes of the light are followed while the place is empty. Times are the frames' own, so the trigger does the same with
a camera and with a clock of a test.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.errors import LinesightError
from app.domain.frame import Image
from app.whole_files import write_whole

Small = NDArray[np.float32]
"""(h, w, 3) float32 BGR 0..255: a picture at the width of `WIDTH` cells or fewer."""

WIDTH = 160
_LEAST = 10.0
"""Grey levels that a cell must differ by, however quiet the camera is."""
_SPREADS = 6.0
_MOVED = 0.003
"""Share of cells whose change is a movement."""
_FOLLOW = 5.0
"""Seconds in which the empty place is taken to look as it looks now."""
_NEARLY_SHARP = 0.9
_GONE = 2
"""Frames in a row without the part until it is gone."""
_NAMES = ("mean", "noise")
_LARGEST_FILE = 4_000_000


class Place(StrEnum):
    """What lies before the camera."""

    UNKNOWN = auto()  # how it looks empty was never shown
    EMPTY = auto()
    ARRIVING = auto()  # something is there, and moves
    SETTLING = auto()  # it stands still, and may become sharper
    TAKEN = auto()  # this part has been inspected


@dataclass(frozen=True, slots=True)
class PresenceLimits:
    """What counts as a part.

    Attributes:
        smallest: share of the picture that a part covers at least, 0..1.
        settle: seconds that it must stand still.
        patience: seconds after which a part that stands still is taken, though the picture has been sharper.
    """

    smallest: float = 0.01
    settle: float = 0.2
    patience: float = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class EmptyPlace:
    """How the place looks without a part.

    Attributes:
        mean: (h, w, 3) float32 BGR.
        noise: (h, w, 3) float32, standard deviation of each cell's value from picture to picture.
    """

    mean: Small
    noise: Small

    @classmethod
    def of(cls, pictures: Sequence[Image]) -> EmptyPlace:
        """Learns it from some (H, W, 3) uint8 BGR pictures of one size, eight or more for a good measure of the noise.

        Raises:
            LinesightError: none, of several sizes, or something moved before the camera meanwhile.
        """
        if not pictures or len({each.shape for each in pictures}) != 1:
            raise LinesightError("The empty place is learned from pictures of one camera, all of one size.")
        seen = np.stack([small(each) for each in pictures])
        mean = np.asarray(np.median(seen, axis=0), np.float32)
        off = np.abs(seen - mean).max(axis=-1)
        if float((off > 4 * _LEAST).mean(axis=(1, 2)).max()) > _MOVED:
            raise LinesightError(
                "Something moved before the camera. Clear the place, keep hands away, and teach it again."
            )
        return cls(mean, np.asarray(seen.std(axis=0), np.float32))

    def save(self, path: Path) -> None:
        """LinesightError where it can't be written; an earlier one stays then."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, mean=self.mean, noise=self.noise)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, buffer.getvalue())
        except OSError as error:
            raise LinesightError(
                f"The empty place can't be kept in {path} ({error.strerror or error}). Free some space."
            ) from error

    @classmethod
    def load(cls, path: Path) -> EmptyPlace | None:
        """None where there is none; LinesightError for a file that is damaged, naming it."""
        try:
            data = path.read_bytes() if path.stat().st_size <= _LARGEST_FILE else b""
            with np.load(io.BytesIO(data), allow_pickle=False) as kept:
                mean, noise = (np.asarray(kept[name], np.float32) for name in _NAMES)
        except FileNotFoundError:
            return None
        except Exception as error:  # a stranger's archive fails in many ways
            raise LinesightError(
                f"How the empty place looks can't be read from {path} ({type(error).__name__}). Teach it again."
            ) from error
        whole = mean.ndim == 3 and mean.shape == noise.shape and mean.shape[2] == 3 and mean.shape[1] <= WIDTH
        if not whole or not (np.isfinite(mean).all() and np.isfinite(noise).all()):
            raise LinesightError(f"How the empty place looks in {path} is damaged. Teach it again.")
        return cls(mean, noise)


def small(image: Image) -> Small:
    """An (H, W, 3) uint8 BGR picture at `WIDTH` cells or fewer; about 1 ms for 1920 x 1080."""
    step = max(1, image.shape[1] // (4 * WIDTH))
    thin = np.ascontiguousarray(image[::step, ::step])
    width = min(WIDTH, thin.shape[1])
    height = max(1, round(thin.shape[0] * width / thin.shape[1]))
    return np.asarray(cv2.resize(thin, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def stands_still(now: Small, before: Small | None) -> bool:
    """Whether two pictures of one camera, one after the other, show nothing that moved between them."""
    if before is None or before.shape != now.shape:
        return False
    return float((cv2.absdiff(now, before) > _LEAST).any(axis=-1).mean()) <= _MOVED


def sharpness(image: Image) -> float:
    """Variance of the Laplacian (Pech-Pacheco 2000) of the green plane at half size: compares pictures of one scene."""
    plane = np.ascontiguousarray(image[::2, ::2, 1])
    return float(cv2.Laplacian(plane, cv2.CV_16S).var())


class Presence:
    """The trigger's memory of one place. Used from one thread.

    A frame wants to be a part when `look` says so; whoever takes it tells with `taken`. Until then it is asked again
    with the next frame: a part waits for the one before, and is not lost.
    """

    def __init__(self, empty: EmptyPlace | None = None, limits: PresenceLimits | None = None) -> None:
        self.limits = limits or PresenceLimits()
        self.passed_by = 0
        """Parts that left again without having stood still: nobody inspected them."""
        self._set_empty(empty)

    def _set_empty(self, empty: EmptyPlace | None) -> None:
        self._empty = empty
        self._mean = None if empty is None else empty.mean.copy()
        self._limit = None if empty is None else np.maximum(_LEAST, _SPREADS * empty.noise)
        self.place = Place.UNKNOWN if empty is None else Place.EMPTY
        self._anchor: Small | None = None
        self._still_since = self._last = 0.0
        self._sharpest = 0.0
        self._absent = self._present = 0

    def teach(self, empty: EmptyPlace) -> None:
        """From now on the place is compared with this."""
        self._set_empty(empty)

    @property
    def taught(self) -> bool:
        return self._empty is not None

    def covered(self, image: Image) -> float:
        """Share of the picture that differs from the empty place, 0..1; 1 where that is unknown or of another size."""
        seen = small(image)
        return 1.0 if self._mean is None or self._mean.shape != seen.shape else self._covered(seen)

    def _covered(self, seen: Small) -> float:
        assert self._mean is not None and self._limit is not None
        return float((cv2.absdiff(seen, self._mean) > self._limit).any(axis=-1).mean())

    def look(self, image: Image, now: float) -> bool:
        """Whether this (H, W, 3) uint8 BGR picture, taken at `now` in rising seconds, wants to be inspected."""
        seen = small(image)
        if (
            self._mean is None or self._mean.shape != seen.shape
        ):  # a camera of another size than the one it was shown to
            self.place = Place.UNKNOWN
            return False
        if self.place is Place.UNKNOWN:
            self._set_empty(self._empty)
        share = self._covered(seen)
        if share < (self.limits.smallest if self.place is Place.EMPTY else self.limits.smallest / 2):
            self._nothing(seen, now)
            return False
        self._absent = 0
        self._present += 1
        moved = self._moved(seen, now)
        if self.place is Place.TAKEN:
            return False
        if moved or now - self._still_since < self.limits.settle:
            self.place = Place.ARRIVING
            return False
        self.place = Place.SETTLING
        sharp = sharpness(image)
        self._sharpest = max(self._sharpest, sharp)
        waited = now - self._still_since >= self.limits.settle + self.limits.patience
        return waited or sharp >= _NEARLY_SHARP * self._sharpest

    def taken(self) -> None:
        """The frame that wanted it is being inspected: this part is through, and is waited for until it is gone."""
        self.place = Place.TAKEN

    def _nothing(self, seen: Small, now: float) -> None:
        self._absent += 1
        if self.place is not Place.EMPTY and self._absent >= _GONE:
            if self.place in (Place.ARRIVING, Place.SETTLING) and self._present >= _GONE:
                self.passed_by += 1
            self.place = Place.EMPTY
            self._anchor, self._sharpest = None, 0.0
            self._present = 0
        if self.place is Place.EMPTY:
            assert self._mean is not None
            share = float(np.clip((now - self._last) / _FOLLOW, 0, 1)) if self._last else 0.0
            self._mean += (seen - self._mean) * np.float32(share)
        self._last = now

    def _moved(self, seen: Small, now: float) -> bool:
        """Against the picture with which the standing still began, so that creeping is a movement, too."""
        self._last = now
        assert self._limit is not None
        if self._anchor is not None and self._anchor.shape == seen.shape:
            off = (cv2.absdiff(seen, self._anchor) > self._limit).any(axis=-1)
            if float(off.mean()) <= _MOVED:
                return False
        self._anchor, self._still_since = seen, now
        self._sharpest = 0.0
        return True
