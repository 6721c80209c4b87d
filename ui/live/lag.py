"""How far a watched stream is behind its camera, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.linking import WatchState

Watching = Callable[[], Mapping[str, WatchState]]
"""How each stream that is a camera now is watched, by its address."""
_CLOCKS = -100.0  # milliseconds: what is nearer to zero is no difference of clocks to speak of


def lag_words(source: str, watching: Watching) -> str:
    """How far the newest picture of a source is behind its producer; "" for what is no stream, and before the first
    picture. Both clocks count: a producer whose clock is ahead of this computer's is told as such."""
    if not source.startswith("kvs:"):
        return ""
    state = watching().get(source)
    if state is None or state.lag_ms is None:
        return ""
    if state.lag_ms < _CLOCKS:
        return f"its clock is {-state.lag_ms / 1000:.1f} s ahead"
    return f"{max(0.0, state.lag_ms) / 1000:.1f} s behind"
