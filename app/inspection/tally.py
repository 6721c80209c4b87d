"""What was recorded, in memory: counts of the station's day and of this run, and the newest rows."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from app.domain.calendar import day_bounds, day_of
from app.domain.counts import Counts
from app.domain.inspection import Inspection
from app.domain.trend import Trend, TrendPoint
from app.store import Store

_HOUR = timedelta(hours=1)


class Tally:
    """Keeps in step with the record, from which it is taken at the start, when the day changes and when the
    calendar does. Any thread may ask; asking never waits for the disk.

    Args:
        zone, day_starts_at: the station's calendar.
        newest: how many rows are kept.
        now: the moment, UTC.
    """

    def __init__(
        self, store: Store, zone: tzinfo, day_starts_at: time, *, newest: int, now: Callable[[], datetime]
    ) -> None:
        """Raises StoreError when the record can't be read."""
        self._store, self._zone, self._day_starts_at, self._now = store, zone, day_starts_at, now
        self._lock = threading.Lock()
        self._recent: deque[Inspection] = deque(store.recent(newest), maxlen=newest)
        self._day = self.today()
        self._counts = self._stored(self._day)
        self._stale = False
        self._session = Counts()

    def today(self) -> date:
        """The station's day now."""
        return self.day(self._now())

    def day(self, moment: datetime) -> date:
        """The station's day of a moment."""
        return day_of(moment.astimezone(UTC), self._zone, self._day_starts_at)

    def change_days(self, zone: tzinfo, day_starts_at: time) -> None:
        """Slow: another calendar; the day is counted anew."""
        self._zone, self._day_starts_at = zone, day_starts_at
        day = self.today()
        counts = self._stored(day)
        with self._lock:
            # A row that is committed and not yet added is among them already: it would be counted twice.
            self._day, self._counts, self._stale = day, counts, True

    def add(self, inspection: Inspection) -> None:
        """Takes in a row after its commit. Slow where a new day begins."""
        day, today = self.day(inspection.captured_at), self.today()
        fresh: Counts | None = None
        if self._stale or (day != self._day and day == today):
            fresh = self._stored(today)
        with self._lock:
            self._recent.appendleft(inspection)
            self._session = self._session.plus(inspection.verdict)
            if fresh is not None:
                self._day, self._counts, self._stale = today, fresh, False
            elif day == self._day:
                self._counts = self._counts.plus(inspection.verdict)

    def counts_today(self) -> Counts:
        """Inspections captured on the station's day so far."""
        today = self.today()
        with self._lock:
            return self._counts if self._day == today else Counts()

    def session(self) -> Counts:
        """What was added since this object was made."""
        with self._lock:
            return self._session

    def recent(self, limit: int) -> list[Inspection]:
        """The newest rows, newest first."""
        with self._lock:
            return list(self._recent)[:limit]

    def trend(self, parts: int, hours: int) -> Trend:
        """Slow: of so many of the newest parts, and of so many of the newest hours of the day with any; counts of an
        hour come from an index alone."""
        rows = self._store.recent(parts)
        points = tuple(TrendPoint(row.part_id, row.verdict, row.score, row.threshold) for row in reversed(rows))
        start, end = day_bounds(self.today(), self.today(), self._zone, self._day_starts_at)
        found: list[tuple[int, Counts]] = []
        clock = self._now().astimezone(self._zone)
        hour = clock.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
        while hour + _HOUR > start and len(found) < hours:
            counts = self._store.counts(max(hour, start), min(hour + _HOUR, end))
            if counts.total:
                found.append((hour.astimezone(self._zone).hour, counts))
            hour -= _HOUR
        return Trend(points, tuple(reversed(found)))

    def _stored(self, day: date) -> Counts:
        return self._store.counts(*day_bounds(day, day, self._zone, self._day_starts_at))
