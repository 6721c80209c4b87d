"""What is said before and after a training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.domain.inspection import ModelRef


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What a dataset holds, before training.

    Attributes:
        enough: whether a training can begin.
        advice, problems: in words.
    """

    normals: int
    anomalies: int
    types: dict[str, int]
    enough: bool
    advice: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The end of a training: `notes` say what was left out."""

    ref: ModelRef
    path: Path
    normals: int
    threshold: float
    seconds: float
    notes: tuple[str, ...]
