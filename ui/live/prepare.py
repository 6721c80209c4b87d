"""Turns outcomes into what the painter needs, on a thread of its own.

A slow screen skips outcomes, it never queues them. Everything that is painted for a part comes out of one `Prepared`,
made from one `Outcome`.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRectF, QTimer, Signal
from PySide6.QtGui import QImage

from app.domain.frame import Image
from app.domain.inspection import Detection, Outcome
from app.domain.verdict import Verdict
from ui.bridge import Poke
from ui.live.palette import paint_heat
from ui.shared.images import fit, to_qimage, wrap
from ui.shared.zoom import PIXELS_FROM, Zoom

log = logging.getLogger(__name__)

T = TypeVar("T")

THUMBNAIL = (128, 96)
_WHOLE = Zoom()


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """What is in sight of a picture that is looked at closer, as sharp as the frame and the screen are.

    Attributes:
        picture, at: the part of the frame, in device pixels, and where it lies, in shares of the frame.
        heat, heat_at: the map on it, None where nothing of it is in sight; where it lies, in shares of the frame.
    """

    picture: QImage
    at: QRectF
    heat: QImage | None
    heat_at: QRectF


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One outcome, ready to be painted.

    Attributes:
        outcome: where everything here comes from.
        picture: the frame at the size of its place on the screen, in device pixels.
        heat: premultiplied map, None where there is none.
        heat_at: where the map lies on the picture, in shares of its width and height.
        thumbnail: the frame, small, where it is on record.
        near: what is in sight of the same frame, None where all of it is.
    """

    outcome: Outcome
    picture: QImage
    heat: QImage | None
    heat_at: QRectF
    thumbnail: QImage | None
    near: Near | None = None

    @property
    def frame_id(self) -> int:
        return self.outcome.frame.id


def prepare(outcome: Outcome, box: tuple[int, int], view: Zoom = _WHOLE) -> Prepared:
    """Resizes and colours; `box` is the room for the picture, (width, height) in device pixels, `view` how close it is
    looked at. The whole is coarse then: it is seen for a moment at most, beyond what was in sight."""
    frame = outcome.frame
    size = fit(frame.size, (box[0] // 2, box[1] // 2) if view.near else box)
    heat, heat_at = _heat(outcome.detection, frame.size, size)
    return Prepared(
        outcome,
        to_qimage(frame.image, size),
        heat,
        heat_at,
        to_qimage(frame.image, fit(frame.size, THUMBNAIL)) if outcome.inspection is not None else None,
        _near(outcome, box, view) if view.near else None,
    )


def _near(outcome: Outcome, box: tuple[int, int], view: Zoom) -> Near:
    frame, size = outcome.frame, fit(outcome.frame.size, box)
    whole = QRectF((box[0] - size[0]) / 2, (box[1] - size[1]) / 2, *size)
    place = view.place(whole, QRectF(0, 0, *box))
    seen = place.intersected(QRectF(0, 0, *box)).toAlignedRect()  # the screen's own pixels: painted without resizing
    scale = place.width() / frame.size[0], place.height() / frame.size[1]  # device pixels of one of the frame
    left, top = (seen.x() - place.x()) / scale[0], (seen.y() - place.y()) / scale[1]
    size = seen.width(), seen.height()
    picture = _cut(frame.image, (left, top), scale, size)
    at = QRectF(
        (seen.x() - place.x()) / place.width(),
        (seen.y() - place.y()) / place.height(),
        seen.width() / place.width(),
        seen.height() / place.height(),
    )
    heat = _near_heat(outcome.detection, frame.size, scale, at)
    return Near(to_qimage(picture), at, *heat)


def _cut(image: Image, corner: tuple[float, float], scale: tuple[float, float], size: tuple[int, int]) -> Image:
    """What begins at `corner` (x, y) of the frame, at `scale` device pixels for each of its pixels, (height, width, 3)
    of `size` (width, height)."""
    step_x, step_y = 1 / scale[0], 1 / scale[1]
    margin = 4
    left, top = max(0, int(corner[0]) - margin), max(0, int(corner[1]) - margin)
    right, bottom = (math.ceil(corner[axis] + size[axis] / scale[axis]) + margin for axis in (0, 1))
    image = image[top:bottom, left:right]
    x, y = corner[0] - left, corner[1] - top
    while min(step_x, step_y) >= 2 and min(image.shape[:2]) >= 2:  # as `resized` does: skipped pixels would flicker
        half = image.shape[1] // 2, image.shape[0] // 2
        even = image[: 2 * half[1], : 2 * half[0]]
        image = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
        x, y, step_x, step_y = x / 2, y / 2, step_x / 2, step_y / 2
    single = max(scale) >= PIXELS_FROM
    # Middles of pixels count; the nearest one is the one whose square is hit.
    back = np.array([[step_x, 0, x + step_x / 2 - 0.5], [0, step_y, y + step_y / 2 - 0.5]])
    return np.asarray(
        cv2.warpAffine(
            image,
            back,
            size,
            flags=(cv2.INTER_NEAREST if single else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _near_heat(
    detection: Detection | None, frame: tuple[int, int], scale: tuple[float, float], at: QRectF
) -> tuple[QImage | None, QRectF]:
    """The map as `_heat` gives it, on what is in sight only: the whole at sixteen times would be a gigabyte."""
    limit = _limit(detection)
    if detection is None or limit is None:
        return None, QRectF()
    box, shape = detection.heat_box, detection.heat.shape[::-1]
    edges, corner, steps = [], [], []
    for axis in (0, 1):
        pixels = max(1.0, box[2 + axis] * scale[axis])  # of the whole map
        first = (at.topLeft().toTuple()[axis] * frame[axis] - box[axis]) * scale[axis]  # of the map, where sight begins
        reach = (at.width(), at.height())[axis] * frame[axis] * scale[axis]
        hot = _hot(detection.heat.max(axis=axis) >= limit, round(pixels))
        low = max(0, math.floor(hot[0] - first))  # in pixels of what is in sight
        high = min(round(reach), math.ceil(hot[1] - first))
        if high <= low:
            return None, QRectF()
        edges.append((low, high, reach))
        steps.append(shape[axis] / pixels)
        corner.append(first + low)
    size = edges[0][1] - edges[0][0], edges[1][1] - edges[1][0]
    smooth = _between(detection.heat, (steps[0], steps[1]), (corner[0], corner[1]), size)
    painted = paint_heat(smooth, limit, float(detection.heat.max()))
    (left, right, width), (top, bottom, height) = edges
    return wrap(painted, QImage.Format.Format_ARGB32_Premultiplied), QRectF(
        at.x() + left / width * at.width(),
        at.y() + top / height * at.height(),
        (right - left) / width * at.width(),
        (bottom - top) / height * at.height(),
    )


def _between(
    heat: NDArray[np.float32], steps: tuple[float, float], corner: tuple[float, float], size: tuple[int, int]
) -> NDArray[np.float32]:
    """(height, width) of `size` (width, height): the map between its cells, from `corner` (x, y) on, in pixels, `steps`
    cells apart."""
    # Middles of cells count, as where the whole is resized.
    x, y = ((at + 0.5) * step - 0.5 for at, step in zip(corner, steps, strict=True))
    back = np.array([[steps[0], 0, x], [0, steps[1], y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(heat, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _limit(detection: Detection | None) -> float | None:
    """From which value on the map is coloured, None where nothing of it is. A part in doubt shows where the doubt
    lies; otherwise only what reaches the threshold is coloured."""
    if detection is None or detection.heat.size == 0:
        return None
    limit = detection.retest_from if detection.verdict is Verdict.RETEST else detection.threshold
    return limit if float(detection.heat.max()) >= limit else None


def _heat(
    detection: Detection | None, frame_size: tuple[int, int], shown: tuple[int, int]
) -> tuple[QImage | None, QRectF]:
    limit = _limit(detection)
    if detection is None or limit is None:
        return None, QRectF()
    x, y, width, height = detection.heat_box
    full = (max(1, round(width / frame_size[0] * shown[0])), max(1, round(height / frame_size[1] * shown[1])))
    # Coloured is only where it is hot: mostly a small part of the picture.
    (top, bottom), (left, right) = (
        _hot(detection.heat.max(axis=axis) >= limit, size) for axis, size in ((1, full[1]), (0, full[0]))
    )
    steps = detection.heat.shape[1] / full[0], detection.heat.shape[0] / full[1]
    smooth = _between(detection.heat, steps, (left, top), (right - left, bottom - top))
    painted = paint_heat(smooth, limit, float(detection.heat.max()))
    image = wrap(painted, QImage.Format.Format_ARGB32_Premultiplied)
    share = width / frame_size[0] / full[0], height / frame_size[1] / full[1]
    at = QRectF(
        x / frame_size[0] + left * share[0],
        y / frame_size[1] + top * share[1],
        (right - left) * share[0],
        (bottom - top) * share[1],
    )
    return image, at


def _hot(cells: NDArray[np.bool_], size: int) -> tuple[int, int]:
    """From where to where, in pixels, the cells that reach the limit may colour something: one cell more on each side,
    since between cells the map is interpolated."""
    which = np.flatnonzero(cells)
    scale = size / len(cells)
    return max(0, int((which[0] - 1) * scale)), min(size, int(np.ceil((which[-1] + 2) * scale)))


_PATIENCE = 0.05
"""Seconds that an outcome waits for those before it: cameras whose verdicts come two at a time would else show one."""
_APART = 4
"""Milliseconds between two pictures that were ready at once: time to paint the first."""
_BEHIND = 2

_Wanted = tuple[Outcome, tuple[int, int], Zoom]


class Preparer(QObject):
    """A worker with a mailbox on each side. `ready` says that `take` has something new.

    What comes faster than the screen can follow is skipped: no outcome waits for longer than `_PATIENCE`, and never
    more than two do.
    """

    ready = Signal()

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._poke = Poke(self)
        self._poke.poked.connect(self.ready)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_APART)
        self._again.timeout.connect(self.ready)
        self._wake = threading.Condition()
        self._wanted: deque[tuple[float, _Wanted]] = deque(maxlen=_BEHIND)
        self._made: deque[tuple[float, Prepared]] = deque(maxlen=_BEHIND)
        self._source = ""
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="screen-pictures", daemon=True)
        self._thread.start()

    def want(self, outcome: Outcome, box: tuple[int, int], view: Zoom = _WHOLE) -> None:
        """Any thread: prepare this next, or, where it is what waits already, for this place instead. What waits of
        another source is dropped: nobody watches that any more."""
        with self._wake:
            if self._source != outcome.frame.source:
                self._source = outcome.frame.source
                self._wanted.clear()
                self._made.clear()
            if self._wanted and self._wanted[-1][1][0] is outcome:
                self._wanted.pop()
            self._wanted.append((self._clock(), (outcome, box, view)))
            self._wake.notify()

    def take(self) -> Prepared | None:
        """UI thread: the next prepared outcome, once; `ready` comes again where another waits."""
        with self._wake:
            made = self._next(self._made)
            more = bool(self._made)
        if more:
            self._again.start()
        return made

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closed or self._wanted)
                if self._closed:
                    return
                wanted = self._next(self._wanted)
            assert wanted is not None
            try:
                made = prepare(*wanted)
            except (cv2.error, ValueError):  # one odd picture must not end the screen's thread
                log.exception("the picture of frame %s could not be prepared", wanted[0].frame.id)
                continue
            with self._wake:
                if made.outcome.frame.source != self._source:
                    continue
                self._made.append((self._clock(), made))
            self._poke.poke()

    def _next(self, waiting: deque[tuple[float, T]]) -> T | None:
        """The oldest that has not waited too long, or the newest."""
        oldest = self._clock() - _PATIENCE
        while len(waiting) > 1 and waiting[0][0] < oldest:
            waiting.popleft()
        return waiting.popleft()[1] if waiting else None

    def close(self) -> None:
        """Ends the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout=5)
        self._poke.close()
