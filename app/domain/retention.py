"""How long pictures are kept. Rows are kept for ever."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Which pictures are kept.

    Attributes:
        reject_days: FAIL, RETEST and ERROR for so many days; None for ever.
        pass_share: of PASS pictures older than `sample_after_days` this share (0..1) stays as a sample.
        sample_after_days: until then all PASS pictures stay.
        pass_days: also the sample goes after so many days; None for never.
        keep_free_bytes: when less is free on the disk, the oldest pictures go too, PASS first; 0 for never.
    """

    reject_days: int | None = None
    pass_share: float = 1.0
    sample_after_days: int = 0
    pass_days: int | None = None
    keep_free_bytes: int = 0

    @property
    def deletes(self) -> bool:
        """Whether it could ever delete anything."""
        ages = self.reject_days is not None or self.pass_days is not None
        return ages or self.pass_share < 1 or self.keep_free_bytes > 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Deletion:
    """Pictures of one verdict that would go for one reason: "PASS, sample"."""

    words: str
    pictures: int
    size: int


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What a rule would delete, shown before it does.

    Attributes:
        at: the moment it was made for, UTC; applying it takes the same moment.
        free_bytes: free on the disk then.
        oldest, newest: capture of the pictures that would go; None where none would.
        missing: files that are gone already; their rows will say so.
    """

    rule: RetentionRule
    at: datetime
    free_bytes: int
    deletions: tuple[Deletion, ...]
    oldest: datetime | None
    newest: datetime | None
    missing: int = 0

    @property
    def pictures(self) -> int:
        return sum(each.pictures for each in self.deletions)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(each.size for each in self.deletions)


@dataclass(frozen=True, slots=True)
class Use:
    """What one kind of files takes: bytes in `size`."""

    kind: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What the data folder takes, and what its disk has; bytes."""

    kinds: tuple[Use, ...]
    free: int
    total: int
