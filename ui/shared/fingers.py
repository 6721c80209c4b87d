"""Fingers on the picture: one draws, two move and zoom it.

A second finger that comes within 150 ms of the first shows that the hand never meant to draw: what was begun leaves
no mark. One that comes later ends the stroke, which stays.
"""

from __future__ import annotations

import math
from typing import Protocol

SECOND_FINGER = 0.150
"""Seconds within which a second finger takes back what the first began."""

At = tuple[float, float]


class Hand(Protocol):
    """What fingers do to a canvas; places are in the widget's pixels."""

    def press(self, at: At, erase: bool = False) -> None: ...
    def move(self, at: At) -> None: ...
    def release(self, at: At) -> None: ...
    def cancel(self) -> None: ...
    def pinch(self, factor: float, about: At, by: At) -> None:
        """The picture grows by a factor about a place, and moves by so many pixels."""
        ...


class Fingers:
    """Follows the points of touch events. Once two fingers were down, nothing is drawn until all are up."""

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self._points: dict[int, At] = {}
        self._since = 0.0
        self._drawing = False
        self._last: At = (0.0, 0.0)

    @property
    def down(self) -> bool:
        return bool(self._points)

    def at(self, finger: int, otherwise: At) -> At:
        """Where a finger was last."""
        return self._points.get(finger, otherwise)

    def update(self, points: dict[int, At], now: float) -> None:
        """All fingers that are down now, by their ids; `now` in seconds of any steady clock."""
        before, self._points = self._points, dict(points)
        if not before and len(points) == 1:
            self._since, self._drawing = now, True
            (self._last,) = points.values()
            self._hand.press(self._last)
            return
        if self._drawing and len(points) == 1:
            (at,) = points.values()
            if at != self._last:
                self._last = at
                self._hand.move(at)
            return
        if self._drawing and not points:
            self._drawing = False
            self._hand.release(self._last)
            return
        if self._drawing:
            self._drawing = False
            if now - self._since <= SECOND_FINGER:
                self._hand.cancel()
            else:
                self._hand.release(self._last)
        both = [finger for finger in points if finger in before][:2]
        if len(both) == 2:
            self._pinch([before[finger] for finger in both], [points[finger] for finger in both])

    def lost(self) -> None:
        """The system took the fingers away: nothing of it counts."""
        if self._drawing:
            self._hand.cancel()
        self._points, self._drawing = {}, False

    def _pinch(self, before: list[At], now: list[At]) -> None:
        (ax, ay), (bx, by) = before
        (cx, cy), (dx, dy) = now
        apart, still = math.hypot(bx - ax, by - ay), math.hypot(dx - cx, dy - cy)
        old, new = ((ax + bx) / 2, (ay + by) / 2), ((cx + dx) / 2, (cy + dy) / 2)
        factor = still / apart if apart > 8 and still > 8 else 1.0
        self._hand.pinch(factor, old, (new[0] - old[0], new[1] - old[1]))
