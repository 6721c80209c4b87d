"""Everything on record of one part, in one piece."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.alarm import Alarm
from app.domain.inspection import Inspection
from app.domain.records import AuditEntry, Review


class PictureState(StrEnum):
    """What has become of a part's picture since."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    REMOVED = "removed"
    MISSING = "missing"
    NEVER = "never kept"


@dataclass(frozen=True, slots=True)
class PartFile:
    """All that is on record of one part.

    Attributes:
        picture: what its file is now, by the hash on the row.
        removal: for a removed picture, the clearing that did it; None where it is not to be found.
        reviews, audit: oldest first.
        alarms: about this part, or of its source while it passed.
        earlier: other inspections of the same serial, newest first.
    """

    inspection: Inspection
    picture: PictureState
    removal: AuditEntry | None
    reviews: tuple[Review, ...]
    alarms: tuple[Alarm, ...]
    audit: tuple[AuditEntry, ...]
    earlier: tuple[Inspection, ...]
