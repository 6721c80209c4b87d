"""Turns outcomes into what the painter needs, on a thread of its own.

One slot in, one slot out: a slow screen skips outcomes, it never queues them. Everything that is
painted for a part comes out of one `Prepared`, made from one `Outcome`.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QImage

from app.domain.inspection import Detection, Outcome
from app.domain.verdict import Verdict
from ui.bridge import Poke
from ui.live.palette import paint_heat
from ui.shared.images import fit, to_qimage, wrap

log = logging.getLogger(__name__)

THUMBNAIL = (128, 96)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One outcome, ready to be painted.

    Attributes:
        outcome: where everything here comes from.
        picture: the frame at the size of its place on the screen, in device pixels.
        heat: premultiplied map, None where there is none.
        heat_at: where the map lies on the picture, in shares of its width and height.
        thumbnail: the frame, small.
    """

    outcome: Outcome
    picture: QImage
    heat: QImage | None
    heat_at: QRectF
    thumbnail: QImage

    @property
    def frame_id(self) -> int:
        return self.outcome.frame.id


def prepare(outcome: Outcome, box: tuple[int, int]) -> Prepared:
    """Resizes and colours; `box` is the room for the picture, (width, height) in device pixels."""
    frame = outcome.frame
    size = fit(frame.size, box)
    heat, heat_at = _heat(outcome.detection, frame.size, size)
    return Prepared(
        outcome,
        to_qimage(frame.image, size),
        heat,
        heat_at,
        to_qimage(frame.image, fit(frame.size, THUMBNAIL)),
    )


def _heat(
    detection: Detection | None, frame_size: tuple[int, int], shown: tuple[int, int]
) -> tuple[QImage | None, QRectF]:
    if detection is None or detection.heat.size == 0:
        return None, QRectF()
    # A part in doubt shows where the doubt lies; otherwise only what reaches the threshold is coloured.
    limit = detection.retest_from if detection.verdict is Verdict.RETEST else detection.threshold
    if float(detection.heat.max()) < limit:
        return None, QRectF()
    x, y, width, height = detection.heat_box
    full = (max(1, round(width / frame_size[0] * shown[0])), max(1, round(height / frame_size[1] * shown[1])))
    smooth = np.asarray(cv2.resize(detection.heat, full, interpolation=cv2.INTER_LINEAR), np.float32)
    # Coloured is only where it is hot: mostly a small part of the picture.
    (top, bottom), (left, right) = (
        _hot(detection.heat.max(axis=axis) >= limit, size) for axis, size in ((1, full[1]), (0, full[0]))
    )
    image = wrap(paint_heat(smooth[top:bottom, left:right], limit), QImage.Format.Format_ARGB32_Premultiplied)
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


class Preparer(QObject):
    """A worker with a mailbox of one on each side. `ready` says that `take` has something new."""

    ready = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._poke = Poke(self)
        self._poke.poked.connect(self.ready)
        self._wake = threading.Condition()
        self._wanted: tuple[Outcome, tuple[int, int]] | None = None
        self._made: Prepared | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="screen-pictures", daemon=True)
        self._thread.start()

    def want(self, outcome: Outcome, box: tuple[int, int]) -> None:
        """UI thread: prepare this next; what was wanted before and not begun is skipped."""
        with self._wake:
            self._wanted = (outcome, box)
            self._wake.notify()

    def take(self) -> Prepared | None:
        """UI thread: the newest prepared outcome, once."""
        with self._wake:
            made, self._made = self._made, None
            return made

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closed or self._wanted is not None)
                if self._closed:
                    return
                assert self._wanted is not None
                (outcome, box), self._wanted = self._wanted, None
            try:
                made = prepare(outcome, box)
            except (cv2.error, ValueError):  # one odd picture must not end the screen's thread
                log.exception("the picture of frame %s could not be prepared", outcome.frame.id)
                continue
            with self._wake:
                self._made = made
            self._poke.poke()

    def close(self) -> None:
        """Ends the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout=5)
        self._poke.close()
