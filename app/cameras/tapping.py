"""A source whose frames somebody else sees too."""

from __future__ import annotations

from collections.abc import Callable

from app.cameras.base import FrameSource, SourceTraits
from app.cameras.facts import Facts
from app.domain.frame import Frame


class TappedSource:
    """Any source, as before; `tap` gets each frame on the capture thread and must return at once."""

    def __init__(self, source: FrameSource, tap: Callable[[Frame], None]) -> None:
        self.source, self._tap = source, tap

    @property
    def address(self) -> str:
        return self.source.address

    @property
    def traits(self) -> SourceTraits:
        return self.source.traits

    @property
    def dropped(self) -> int:
        """Pictures replaced by newer ones before they were read."""
        return int(getattr(self.source, "dropped", 0))

    @property
    def temperature(self) -> float | None:
        """Of the camera in degrees Celsius, None where it does not tell."""
        told: float | None = getattr(self.source, "temperature", None)
        return told

    @property
    def facts(self) -> Facts:
        """What the camera was set to when it was last opened."""
        known: Facts = getattr(self.source, "facts", {})
        return known

    def open(self) -> None:
        self.source.open()

    def read(self) -> Frame | None:
        frame = self.source.read()
        if frame is not None:
            self._tap(frame)
        return frame

    def stop(self) -> None:
        self.source.stop()

    def close(self) -> None:
        self.source.close()
