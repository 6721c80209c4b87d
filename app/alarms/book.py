"""The open alarms, grouped: a cause that repeats raises a count, not another alarm.

Words and states after ISA-18.2 (unacknowledged, acknowledged). An alarm belongs to a kind and a source;
once acknowledged, the next cause raises a new one.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from app.domain.alarm import Alarm
from app.domain.errors import StoreError
from app.domain.inspection import Inspection
from app.domain.region import place_words
from app.domain.verdict import Verdict
from app.store import Store

log = logging.getLogger(__name__)


class AlarmBook:
    """Raises, groups and acknowledges alarms; any thread."""

    def __init__(
        self,
        store: Store,
        on_change: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._on_change, self._now = store, on_change, now
        self._lock = threading.RLock()  # held over commits, so nobody who only looks may need it
        self._active = {alarm.id: alarm for alarm in store.active_alarms()}
        self._shown: tuple[Alarm, ...] = ()
        self._show()

    def active(self) -> list[Alarm]:
        """Unacknowledged alarms, newest cause first. Never waits for the disk."""
        return list(self._shown)

    @contextmanager
    def raised_by(self, inspection: Inspection, size: tuple[int, int]) -> Iterator[Alarm | None]:
        """The alarm that an inspection raises or continues, None for none. It counts once the block
        has committed it; an error in the block leaves the book as it was."""
        alarm: Alarm | None = None
        with self._lock:
            if inspection.verdict in (Verdict.FAIL, Verdict.ERROR):
                kind, title = _defect(inspection, size)
                alarm = self._next(
                    kind,
                    inspection.source,
                    title,
                    f"Part {inspection.part_id}: {inspection.reason or inspection.error}",
                    inspection.captured_at,
                )
                alarm = replace(alarm, inspection_id=inspection.id, image_path=inspection.image_path)
            yield alarm
            if alarm is not None:
                self._active[alarm.id] = alarm
                self._show()
        if alarm is not None:
            self._on_change()

    def raise_alarm(self, kind: str, source: str, title: str, detail: str) -> None:
        """Raises or continues an alarm that no inspection caused (camera, disk, error). It is shown even
        where it can't be written."""
        with self._lock:
            alarm = self._next(kind, source, title, detail, self._now())
            self._active[alarm.id] = alarm
            self._show()
            try:
                self._store.upsert_alarm(alarm)
            except StoreError as error:
                log.error("the alarm %r is not on record: %s", title, error)
        self._on_change()

    def acknowledge(self, alarm_id: str, by: str) -> None:
        """Takes an alarm off the list; who and when is kept. Unknown or already acknowledged: nothing."""
        with self._lock:
            alarm = self._active.pop(alarm_id, None)
            if alarm is None:
                return
            self._show()
            try:
                self._store.upsert_alarm(alarm)  # one that a full disk kept off the record
                self._store.acknowledge(alarm_id, by, self._now())
            except StoreError as error:
                log.error("the acknowledgement of %r is not on record: %s", alarm.title, error)
        self._on_change()

    def _show(self) -> None:
        self._shown = tuple(sorted(self._active.values(), key=lambda alarm: alarm.last_at, reverse=True))

    def _next(self, kind: str, source: str, title: str, detail: str, moment: datetime) -> Alarm:
        for alarm in self._active.values():
            if (alarm.kind, alarm.source) == (kind, source):
                return replace(
                    alarm, title=title, detail=detail, count=alarm.count + 1, last_at=max(moment, alarm.last_at)
                )
        return Alarm(uuid.uuid4().hex, kind, title, detail, source, moment, moment)


def _defect(inspection: Inspection, size: tuple[int, int]) -> tuple[str, str]:
    """Kind and title of the alarm of an inspection."""
    if inspection.verdict is Verdict.ERROR:
        return "error", "No verdict"
    if not inspection.regions:
        return "defect", "Defect"
    worst = inspection.regions[0]
    return "defect", f"Defect: {worst.label}, {place_words(worst, size)}"
