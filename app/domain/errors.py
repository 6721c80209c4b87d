"""Errors a person can act on. Their text names the thing and the way out, and is shown as it is."""

from __future__ import annotations

from pathlib import Path


class LinesightError(Exception):
    """Base of every error that is shown to a user: one or two plain sentences."""


class PictureError(LinesightError):
    """A file or frame that is not a usable picture; `path` where it is a file."""

    def __init__(self, words: str, path: Path | None = None) -> None:
        super().__init__(words)
        self.path = path


class DatasetError(LinesightError):
    """A dataset folder or manifest that can't be used as it is."""


class MaskError(LinesightError):
    """A mask that is damaged, or does not fit its picture or its defect types."""


class ModelError(LinesightError):
    """A model file that is damaged, of another version, or does not fit."""


class SourceError(LinesightError):
    """A camera, file, folder or address that gives no frames."""


class StoreError(LinesightError):
    """The record can't be written or read."""


class StoreFullError(StoreError):
    """No room for a row even after everything that may be given up was given up."""


class Cancelled(LinesightError):
    """The user stopped the job."""


class ScaleError(LinesightError):
    """Millimetres per pixel that can't be measured from what was given."""


class PlanError(LinesightError):
    """An inspection plan or a round that can't be used as it is."""
