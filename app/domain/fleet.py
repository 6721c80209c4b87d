"""What the stations of a fleet have sent: their parts of some days, their last sign, and their open alarms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum, auto

from app.domain.counts import Counts

SILENT_AFTER = timedelta(minutes=30)
"""A station that has sent nothing for so long is silent: a sender waits some minutes at most while it has a network."""


class StationSign(StrEnum):
    """What is known of a station from what it sent."""

    SENDING = auto()
    SILENT = auto()  # nothing came from it lately: it is off, has no network, or has nothing to inspect
    UNKNOWN = auto()  # it sent nothing on these days


@dataclass(frozen=True, slots=True)
class FleetAlarm:
    """An alarm that a station has open.

    Attributes:
        raised_at: UTC.
        count: how often its cause came.
    """

    id: str
    site: str
    station: str
    title: str
    raised_at: datetime
    acknowledged: bool
    count: int = 1


@dataclass(frozen=True, slots=True)
class FleetStation:
    """One station's parts of the days that were asked for.

    Attributes:
        newest: when its newest part was captured, UTC; None without a part.
        sent_at: when the newest of its files arrived, UTC; None where that is not known.
        products: in the order of their number of parts, most first.
        labels: defect types of its failed parts with their number of parts, most first.
    """

    site: str
    station: str
    counts: Counts
    newest: datetime | None
    sent_at: datetime | None
    products: tuple[str, ...] = ()
    labels: tuple[tuple[str, int], ...] = ()
    alarms: tuple[FleetAlarm, ...] = ()

    def sign(self, now: datetime) -> StationSign:
        """What is known of it at `now` (UTC)."""
        moment = self.sent_at or self.newest
        if moment is None:
            return StationSign.UNKNOWN
        return StationSign.SENDING if now - moment <= SILENT_AFTER else StationSign.SILENT


@dataclass(frozen=True, slots=True)
class Fleet:
    """All stations on the days first..last, both included.

    Attributes:
        read_at: when this was read from the account, UTC; None where nothing was ever read.
        words: what a person must know of it: why it is older, which files could not be read; "" for nothing.
    """

    first: date
    last: date
    stations: tuple[FleetStation, ...]
    read_at: datetime | None
    words: str = ""

    @property
    def counts(self) -> Counts:
        return sum((each.counts for each in self.stations), Counts())
