"""A clock that a test moves."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.store.samples import NOON


class Clock:
    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment

    def forward(self, **time: float) -> None:
        self.moment += timedelta(**time)
