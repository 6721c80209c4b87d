"""Words and icons for alarms."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from app.domain.alarm import Alarm, AlarmState
from app.domain.alarm_rule import WORDS, RuleKind
from ui.shared.widgets import clock

ICONS = {
    "defect": "alert-octagon-outline",
    "in_a_row": "repeat",
    "of_last": "chart-bar",
    "type_rate": "tag-outline",
    "drift": "trending-up",
    "camera": "video-off-outline",
    "disk": "harddisk",
    "disk_low": "harddisk",
    "backlog": "cloud-upload-outline",
    "unreleased": "certificate-outline",
    "error": "alert-outline",
    "round": "clipboard-alert-outline",
    "trend": "chart-line",
    "disagreement": "scale-unbalanced",
    "message": "email-alert-outline",
    "inbox": "cloud-off-outline",
    "station": "lan-disconnect",
    "proposal": "cloud-download-outline",
    "line": "lan-disconnect",
}
_KINDS = {
    "disk": "Pictures are not kept",
    "error": "No verdict, or not on record",
    "round": "A round is late or was missed",
    "trend": "Scores, pictures or false alarms have moved",
    "disagreement": "The cloud judges otherwise",
    "message": "A message from elsewhere can't be used",
    "inbox": "Alarms from elsewhere don't come",
    "station": "Another station is silent",
    "proposal": "A better model waits in the cloud",
}


def kind_words(kind: str) -> str:
    """What an alarm of a kind is about."""
    if kind in set(RuleKind):
        return WORDS[RuleKind(kind)]
    return _KINDS.get(kind, kind.replace("_", " ").capitalize())


def title_words(alarm: Alarm) -> str:
    return alarm.title + count_words(alarm)


def count_words(alarm: Alarm) -> str:
    """How often it came, the end of its title; "" for once."""
    return f"  \u00d7 {alarm.count}" if alarm.count > 1 else ""


def state_words(alarm: Alarm, zone: tzinfo | None) -> str:
    """Where it stands, in words that need no colour."""
    match alarm.state:
        case AlarmState.SHELVED:
            until = clock(alarm.shelved_until or alarm.raised_at, zone, day=True)
            return f"Shelved until {until} by {alarm.shelved_by}: {alarm.shelved_reason}"
        case AlarmState.ACKNOWLEDGED:
            seen = clock(alarm.acknowledged_at or alarm.raised_at, zone)
            return f"Acknowledged by {alarm.acknowledged_by}, {seen}; the cause is still there"
        case AlarmState.CLEARED:
            return f"The cause is gone since {clock(alarm.cleared_at or alarm.last_at, zone)}; not acknowledged yet"
        case AlarmState.NORMAL:
            return end_words(alarm, zone)
    if alarm.escalated:
        return f"Not acknowledged; nobody has answered, escalation step {alarm.escalated}"
    return "Not acknowledged"


def end_words(alarm: Alarm, zone: tzinfo | None) -> str:
    """Who acknowledged it and when, or how it ended without."""
    if alarm.acknowledged_at is not None:
        return f"{alarm.acknowledged_by}, {clock(alarm.acknowledged_at, zone, day=True)}"
    if alarm.ended_at is not None:
        return f"ended {clock(alarm.ended_at, zone, day=True)}"
    return {AlarmState.SHELVED: "shelved", AlarmState.CLEARED: "cause gone"}.get(alarm.state, "open")


def length_words(seconds: float | None) -> str:
    """How long: "42 s", "7 min", "3 h 05 min", "2 days"; an en dash where it is not known."""
    if seconds is None:
        return "\u2013"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes / 1440:.0f} days"


def since_words(alarm: Alarm, zone: tzinfo | None) -> str:
    """Since when; with the day where that was not today."""
    today = datetime.now(UTC).astimezone(zone).date() == alarm.raised_at.astimezone(zone).date()
    return f"since {clock(alarm.raised_at, zone, day=not today)}"
