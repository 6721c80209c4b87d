"""Figures as people say them, on the screen and on paper alike."""

from __future__ import annotations

from datetime import datetime, tzinfo


def number(value: float | None, digits: int = 2) -> str:
    """A score or rate; an en dash where there is none."""
    return "\u2013" if value is None or value != value else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """A share 0..1 as "97.4 %"."""
    return "\u2013" if value is None else f"{100 * value:.1f} %"


def moment(when: datetime, zone: tzinfo | None) -> str:
    """A UTC time as read at the station, to the second, e.g. "3 Mar 2026, 14:03:22"."""
    local = when.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M:%S}"
