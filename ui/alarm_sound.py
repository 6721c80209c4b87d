"""When an alarm is heard: at a new one, one that is back, and each step of the escalation; never at each count."""

from __future__ import annotations

from app.domain.alarm import Alarm

AGAIN_AFTER = 10.0
"""Seconds between repetitions, where they are wanted."""


class AlarmSound:
    """Remembers what was heard. `alarms` are the active ones."""

    def __init__(self, alarms: list[Alarm]) -> None:
        self._heard = _calls(alarms)
        self._last = 0.0

    def news(self, alarms: list[Alarm], now: float) -> bool:
        """Whether something calls that did not before; `now` in seconds, rising."""
        calls, before = _calls(alarms), self._heard
        self._heard = calls
        fresh = bool(calls - before)
        if fresh:
            self._last = now
        return fresh

    def again(self, alarms: list[Alarm], now: float) -> bool:
        """Whether it is time to repeat: something still waits for somebody."""
        due = now - self._last >= AGAIN_AFTER and any(alarm.waits for alarm in alarms)
        if due:
            self._last = now
        return due


def _calls(alarms: list[Alarm]) -> set[tuple[object, ...]]:
    return {(one.id, one.waiting_since, one.escalated) for one in alarms if one.waits}
