"""How far a watched stream is behind its camera, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from app.linking import WatchState

Watching = Callable[[], Mapping[str, WatchState]]
"""How each stream that is a camera now is watched, by its address."""
_CLOCKS = -100.0  # milliseconds: what is nearer to zero is no difference of clocks to speak of

_STILL = 3.0  # seconds


def lag_words(source: str, watching: Watching, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    """How far the newest picture of a source was behind its producer, and since when none has come; "" for what is no
    stream, and before the first picture. Both clocks count: a producer whose clock is ahead is told as such."""
    if not source.startswith("kvs:"):
        return ""
    state = watching().get(source)
    if state is None or state.lag_ms is None or state.producer_at is None:
        return ""
    words = f"{max(0.0, state.lag_ms) / 1000:.1f} s behind"
    if state.lag_ms < _CLOCKS:
        words = f"its clock is {-state.lag_ms / 1000:.1f} s ahead"
    # A lag alone would look as if all went well while nothing comes.
    still = (now() - state.producer_at).total_seconds() - state.lag_ms / 1000
    return f"{words}, nothing new for {still:.0f} s" if still > _STILL else words
