"""Notices: who is told of an alarm and by which way, and the steps when nobody answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, auto

from app.domain.errors import LinesightError

RECEIVED = "received"
"""Reason of a notice that came from elsewhere: its id is kept with what it did, so that it counts once."""


class NoticeState(StrEnum):
    WAITING = auto()  # to be sent, or to be tried again
    SENT = auto()
    DEAD = auto()  # given up; a person may have it sent again


@dataclass(frozen=True, slots=True)
class Notice:
    """One message about an alarm to one recipient.

    Attributes:
        id: 32 hex digits; the receiver sees it, so that what arrives twice can be told (at least once).
        alarm_id: of the alarm.
        recipient: id of the recipient.
        reason: "raised", "escalated", "cleared", "acknowledged" or "ended"; `RECEIVED` of one that came from elsewhere.
        created_at, due_at: UTC; not sent before `due_at`.
        step: of the escalation, from 1; 0 for none.
        attempts: tries so far.
        error: why the last try failed, in words.
        sent_at: UTC.
    """

    id: str
    alarm_id: str
    recipient: str
    reason: str
    created_at: datetime
    due_at: datetime
    step: int = 0
    attempts: int = 0
    state: NoticeState = NoticeState.WAITING
    error: str = ""
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told, and how. Passwords and secrets are not here: they lie in the system's keyring.

    Attributes:
        id: letters, digits, "-" and "_"; also names the secret.
        name: as people call it.
        channel: "email", "webhook", "mqtt", or one that another room brings.
        options: of the channel, e.g. {"host": "mail.example.com", "to": "line1@example.com"}.
        on: whether it is told at all.
        first: told as soon as an alarm comes; False for who is only told by a step of the escalation.
        lowest: alarms below this priority (1 low, 2 medium, 3 high) are not told.
        cleared: told too when the cause of an alarm it was told of is gone.
    """

    id: str
    name: str
    channel: str
    options: Mapping[str, str] = field(default_factory=dict)
    on: bool = True
    first: bool = True
    lowest: int = 1
    cleared: bool = False

    def __post_init__(self) -> None:
        if not self.id or not all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in self.id):
            raise LinesightError(f"The recipient's id {self.id!r} may have letters, digits, '-' and '_' only.")
        if not 1 <= len(self.name) <= 60:
            raise LinesightError(f"The recipient {self.id} needs a name of 1 to 60 characters.")
        if self.lowest not in (1, 2, 3):
            raise LinesightError(f"{self.name}: the lowest priority is 1, 2 or 3, not {self.lowest!r}.")

    def option(self, name: str) -> str:
        """An option, trimmed; LinesightError where it is missing."""
        value = str(self.options.get(name, "")).strip()
        if not value:
            raise LinesightError(f"{self.name}: there is no {name}. Fill it in.")
        return value


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """After `minutes` without an acknowledgement these recipients are told as well (ids)."""

    minutes: float
    recipients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.minutes <= 7 * 24 * 60:
            raise LinesightError(f"A step of the escalation comes after 0 to 10080 minutes, not {self.minutes}.")
