"""The model that a line judges with, adjusted while it runs: limits for wear, and where to look."""

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
        self._begun: tuple[str, ...] = ()
        self._waiting: tuple[tuple[str, ...], tuple[LookRegion, ...]] | None = None  # for the line's next start
        self._now = self._made(self._limits, self._regions)

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
            self._now, self._limits = self._made(tuple(limits), self._regions), tuple(limits)

    def begin(self, wanted: Wanted) -> None:
        """The line starts: looks where it is wanted."""
        with self._lock:
            self._begun, self._waiting = _what(wanted), None
            self._look_at(wanted.look_regions)

    def follow(self, wanted: Wanted) -> None:
        """Looks where it is wanted from the next frame on. A change-over brings another source, model or product and
        regions at once, and starts the line anew: parts that still pass until then are judged as before."""
        with self._lock:
            what, regions = _what(wanted), wanted.look_regions
            known = self._begun if self._waiting is None else self._waiting[0]
            if (what, regions) == self._waiting:
                return
            if what != known and regions != self._regions:
                self._waiting = what, regions
                return
            self._begun, self._waiting = what, None
            self._look_at(regions)

    def _look_at(self, regions: tuple[LookRegion, ...]) -> None:
        if regions != self._regions:
            self._now, self._regions = self._made(self._limits, regions), regions

    def _made(self, limits: tuple[WearLimit, ...], regions: tuple[LookRegion, ...]) -> Any:
        made = self._plain.with_regions(regions) if regions else self._plain
        return made.with_limits(limits) if limits else made


def _what(wanted: Wanted) -> tuple[str, ...]:
    return wanted.source, wanted.model, wanted.product
