"""Regions under a finger: where their handles lie, what a place hits, and what dragging makes of them. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.look import IGNORE, Kind, LookRegion

At = tuple[float, float]
MOVE = "move"
LEAST = 0.01
"""Of the picture's side: a region is so long at least."""
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where the picture lies in a widget, pixels."""

    x: float
    y: float
    width: float
    height: float

    def share(self, at: At) -> At:
        """A place of the widget in shares of the picture, at its rim where it lies outside."""
        x, y = (at[0] - self.x) / self.width, (at[1] - self.y) / self.height
        return min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)

    def on_screen(self, region: LookRegion) -> tuple[float, float, float, float]:
        """(x, y, width, height) of a region in the widget."""
        return (
            self.x + region.x * self.width,
            self.y + region.y * self.height,
            region.width * self.width,
            region.height * self.height,
        )


def handles(region: LookRegion, place: Place, room: At, touch: float) -> dict[str, At]:
    """Middles of the handles, squares of `touch` pixels: one that moves the region, and one for each corner, named
    after it ("left top"). Small regions have them around, so that none lies over another, and none leaves the
    `room` (width, height) of the widget."""
    x, y, wide, tall = place.on_screen(region)
    across = _three(x, wide, room[0], touch)
    down = _three(y, tall, room[1], touch)
    made = {MOVE: (across[1], down[1])}
    for name, at_x in (("left", across[0]), ("right", across[2])):
        for other, at_y in (("top", down[0]), ("bottom", down[2])):
            made[f"{name} {other}"] = (at_x, at_y)
    return made


def _three(start: float, length: float, room: float, touch: float) -> tuple[float, float, float]:
    """Places along one side for the handles of both ends and of the middle."""
    middle = start + length / 2
    apart = max(length / 2, touch)
    half = touch / 2
    lowest, highest = half + touch, room - half - touch
    middle = min(max(middle, lowest), max(lowest, highest))
    first, last = min(start, middle - apart), max(start + length, middle + apart)
    first = max(half, min(first, middle - touch))
    last = min(max(last, middle + touch), max(room - half, middle + touch))
    return first, middle, last


def handle_at(found: dict[str, At], at: At, touch: float) -> str:
    """The handle under a finger; "" for none."""
    return next(
        (name for name, (x, y) in found.items() if abs(at[0] - x) <= touch / 2 and abs(at[1] - y) <= touch / 2), ""
    )


def region_at(regions: Sequence[LookRegion], share: At) -> int | None:
    """Number of the smallest region that a place of the picture lies in."""
    x, y = share
    hit = [
        (each.width * each.height, number)
        for number, each in enumerate(regions)
        if each.x <= x <= each.x + each.width and each.y <= y <= each.y + each.height
    ]
    return min(hit)[1] if hit else None


def drawn(begin: At, end: At, kind: Kind) -> LookRegion | None:
    """The region between two places of the picture; None where it is too small to be meant."""
    (left, right), (top, bottom) = sorted((begin[0], end[0])), sorted((begin[1], end[1]))
    if right - left < LEAST or bottom - top < LEAST:
        return None
    return _made(left, top, right, bottom, kind)


def dragged(region: LookRegion, handle: str, by: At) -> LookRegion:
    """A region whose handle was dragged by so much of the picture; it stays on it."""
    left, top = region.x, region.y
    right, bottom = left + region.width, top + region.height
    if handle == MOVE:
        right_by = min(max(by[0], -left), 1 - right)
        down_by = min(max(by[1], -top), 1 - bottom)
        return _made(left + right_by, top + down_by, right + right_by, bottom + down_by, region.kind)
    side, other = handle.split()
    if side == "left":
        left = min(max(left + by[0], 0.0), right - LEAST)
    else:
        right = max(min(right + by[0], 1.0), left + LEAST)
    if other == "top":
        top = min(max(top + by[1], 0.0), bottom - LEAST)
    else:
        bottom = max(min(bottom + by[1], 1.0), top + LEAST)
    return _made(left, top, right, bottom, region.kind)


def _made(left: float, top: float, right: float, bottom: float, kind: Kind) -> LookRegion:
    left, top = round(max(left, 0.0), _DIGITS), round(max(top, 0.0), _DIGITS)
    width = round(min(right, 1.0) - left, _DIGITS)
    height = round(min(bottom, 1.0) - top, _DIGITS)
    width, height = min(width, round(1.0 - left, _DIGITS)), min(height, round(1.0 - top, _DIGITS))
    return LookRegion(x=left, y=top, width=max(width, LEAST / 2), height=max(height, LEAST / 2), kind=kind)


def in_words(regions: Sequence[LookRegion], share: float) -> str:
    """How many there are, and how much of the picture is judged."""
    if not regions:
        return "The whole picture is judged."
    ignored = sum(each.kind == IGNORE for each in regions)
    looked = len(regions) - ignored
    told = [f"{looked} to look at"] if looked else []
    told += [f"{ignored} to ignore"] if ignored else []
    percent = f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.1f}"
    noun = "region" if len(regions) == 1 else "regions"
    return f"{len(regions)} {noun}: {', '.join(told)}. {percent} % of the picture is judged."
