"""Notices that an alarm makes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from app.domain.alarm import Alarm
from app.domain.notice import Notice, Recipient


def notices_for(
    alarm: Alarm,
    recipients: Iterable[Recipient],
    reason: str,
    now: datetime,
    *,
    due_at: datetime | None = None,
    step: int = 0,
) -> tuple[Notice, ...]:
    """One for each recipient, with an id that stays the same however often it is sent."""
    return tuple(
        Notice(uuid.uuid4().hex, alarm.id, one.id, reason, now, due_at or now, step=step) for one in recipients
    )
