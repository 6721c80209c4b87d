"""The model that a line judges with, adjusted while it runs: limits for wear, where to look, from which score on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from app.domain.frame import Image
from app.domain.inspection import Detection, ModelRef
from app.domain.look import LookRegion
from app.domain.wear import WearLimit


class Wanted(Protocol):
    """What a line is to do; `app.settings.Settings` says it."""

    @property
    def source(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def product(self) -> str: ...
    @property
    def look_regions(self) -> tuple[LookRegion, ...]: ...
    @property
    def threshold(self) -> float: ...


class Adjusted:
    """`DetectorPort` of a model with what was adjusted; any thread may ask and adjust.

    Args:
        plain: a `Detector`, or what stands for one; as it is where nothing is adjusted.

    Raises:
        ModelError: it can't judge by these limits or regions.
    """

    def __init__(self, plain: Any, limits: Sequence[WearLimit]) -> None:
        self._plain, self._lock = plain, threading.Lock()
        self._limits: tuple[WearLimit, ...] = tuple(limits)
        self._regions: tuple[LookRegion, ...] = ()
        self._threshold = 0.0
        self._begun: tuple[str, ...] = ()
        # For the line's next start.
        self._waiting: tuple[tuple[str, ...], tuple[LookRegion, ...], float] | None = None
        self._now = self._made(self._limits, self._regions, self._threshold)

    @property
    def ref(self) -> ModelRef:
        ref: ModelRef = self._plain.ref
        return ref

    @property
    def wear_limits(self) -> tuple[WearLimit, ...]:
        """That it judges by, the model's own and those it is held to."""
        limits: tuple[WearLimit, ...] = self._now.wear_limits
        return limits

    @property
    def regions(self) -> tuple[LookRegion, ...]:
        """That it looks at and ignores; () for everywhere."""
        return self._regions

    @property
    def threshold(self) -> float:
        """In place of the model's own; 0 for that."""
        return self._threshold

    def detect(self, image: Image) -> Detection:
        """Judges an (H, W, 3) uint8 BGR picture."""
        found: Detection = self._now.detect(image)
        return found

    def score(self, image: Image) -> float:
        """The raw score alone."""
        return float(self._now.score(image))

    def to_draw_on(self, image: Image) -> tuple[Image, bool]:
        """Slow: a picture as regions are drawn on it, and whether they move with the part."""
        if not getattr(self._plain, "finds_parts", False):
            return image, False
        return self._plain.laid(image), True

    def hold_to(self, limits: Sequence[WearLimit]) -> None:
        """From the next frame on. Raises ModelError where the model can't; then everything stays."""
        with self._lock:
            self._now, self._limits = self._made(tuple(limits), self._regions, self._threshold), tuple(limits)

    def begin(self, wanted: Wanted) -> None:
        """The line starts: looks where it is wanted."""
        with self._lock:
            self._begun, self._waiting = _what(wanted), None
            self._adjust(wanted.look_regions, wanted.threshold)

    def follow(self, wanted: Wanted) -> None:
        """Looks where it is wanted from the next frame on. A change-over brings another source, model or product and
        regions at once, and starts the line anew: parts that still pass until then are judged as before."""
        with self._lock:
            what, regions, threshold = _what(wanted), wanted.look_regions, wanted.threshold
            known = self._begun if self._waiting is None else self._waiting[0]
            if (what, regions, threshold) == self._waiting:
                return
            if what != known and (regions, threshold) != (self._regions, self._threshold):
                self._waiting = what, regions, threshold
                return
            self._begun, self._waiting = what, None
            self._adjust(regions, threshold)

    def _adjust(self, regions: tuple[LookRegion, ...], threshold: float) -> None:
        if (regions, threshold) != (self._regions, self._threshold):
            self._now = self._made(self._limits, regions, threshold)
            self._regions, self._threshold = regions, threshold

    def _made(self, limits: tuple[WearLimit, ...], regions: tuple[LookRegion, ...], threshold: float) -> Any:
        made = self._plain.with_threshold(threshold) if threshold else self._plain
        made = made.with_regions(regions) if regions else made
        return made.with_limits(limits) if limits else made


def _what(wanted: Wanted) -> tuple[str, ...]:
    return wanted.source, wanted.model, wanted.product
