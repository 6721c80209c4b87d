"""The interface every frame source keeps, and the words for its health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.domain.frame import Frame


@dataclass(frozen=True, slots=True)
class SourceTraits:
    """How the live way must treat a source.

    Attributes:
        live: frames come whether or not anyone is ready: the newest wins, the rest are dropped and
            counted. False for enumerated sources (folder): they wait and drop nothing.
        parts: every frame is one triggered part and is recorded; False for continuous viewing,
            which is recorded only when the verdict changes or every N seconds.
        endless: False where `read` will sooner or later return None for good.
    """

    live: bool
    parts: bool
    endless: bool


class FrameSource(Protocol):
    """One camera, file or folder. Used from one thread only, except `close` and `stop`.

    Life: `open` -> `read` ... -> `close`; after a `SourceError` from `read` the caller closes,
    waits and opens again (see `CaptureThread` in app/inspection).
    """

    @property
    def address(self) -> str:
        """The SOURCE address without credentials, for logs, records and the screen."""

    @property
    def traits(self) -> SourceTraits: ...

    def open(self) -> None:
        """Connects; raises SourceError naming the source and the way out."""

    def read(self) -> Frame | None:
        """The next frame, blocking until there is one; None at the end of a finite source or
        after `stop`. Raises SourceError when the source is lost, PictureError for one bad
        picture of an enumerated source (the next read goes on with the following one)."""

    def stop(self) -> None:
        """Makes a blocked `read` return None soon (within about 0.5 s). Any thread."""

    def close(self) -> None:
        """Releases the device. Safe to call twice."""
