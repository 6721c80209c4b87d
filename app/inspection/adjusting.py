"""The model that a line judges with, adjusted while it runs: limits for wear, and where to look."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from app.domain.frame import Image
from app.domain.inspection import Detection, ModelRef
from app.domain.look import LookRegion
from app.domain.wear import WearLimit


class Adjusted:
    """`DetectorPort` of a model with what was adjusted; any thread may ask and adjust.

    Args:
        plain: a `Detector`, or what stands for one; as it is where nothing is adjusted.

    Raises:
        ModelError: it can't judge by these limits or regions.
    """

    def __init__(self, plain: Any, limits: Sequence[WearLimit], regions: Sequence[LookRegion]) -> None:
        self._plain, self._lock = plain, threading.Lock()
        self._limits, self._regions = tuple(limits), tuple(regions)
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

    def detect(self, image: Image) -> Detection:
        """Judges an (H, W, 3) uint8 BGR picture."""
        found: Detection = self._now.detect(image)
        return found

    def score(self, image: Image) -> float:
        """The raw score alone."""
        return float(self._now.score(image))

    def hold_to(self, limits: Sequence[WearLimit]) -> None:
        """From the next frame on. Raises ModelError where the model can't; then everything stays."""
        with self._lock:
            self._now, self._limits = self._made(tuple(limits), self._regions), tuple(limits)

    def look_at(self, regions: Sequence[LookRegion]) -> None:
        """The same for where to look."""
        with self._lock:
            if tuple(regions) != self._regions:
                self._now, self._regions = self._made(self._limits, tuple(regions)), tuple(regions)

    def _made(self, limits: tuple[WearLimit, ...], regions: tuple[LookRegion, ...]) -> Any:
        made = self._plain.with_regions(regions) if regions else self._plain
        return made.with_limits(limits) if limits else made
