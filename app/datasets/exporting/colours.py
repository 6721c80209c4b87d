"""Masks of several types as one picture of colours."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from app.datasets.exporting.prepare import Notes, Ready
from app.datasets.types import NAMELESS, Colour
from app.domain.labelling import TYPE_COLOURS

BACKGROUND: Colour = (255, 255, 255)


class Palette:
    """A number from 1 on and a colour for each type, in the order in which types occur.

    Args:
        wanted: "#RRGGBB" of types; one that is taken, white or no colour is replaced.
    """

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._wanted = {kind: _rgb(colour) for kind, colour in wanted.items()}
        self._reserved = {colour for colour in self._wanted.values() if colour}
        self._colours: dict[str, Colour] = {}
        self._usual = _usual()

    def number(self, kind: str) -> int:
        self.colour(kind)
        return list(self._colours).index(kind) + 1

    def colour(self, kind: str) -> Colour:
        """R, G, B; never white, never another type's."""
        if kind not in self._colours:
            taken = {BACKGROUND, *self._colours.values()}
            own = self._wanted.get(kind)
            if own is None or own in taken:
                own = next(each for each in self._usual if each not in taken and each not in self._reserved)
            self._colours[kind] = own
        return self._colours[kind]


def flattened(ready: Ready, palette: Palette, notes: Notes) -> tuple[NDArray[np.uint8], list[str]]:
    """(H, W, 3) uint8 BGR on white, and the types that it shows.

    Where types overlap, the smaller one is kept: a scratch across a large stain would be lost the other way round.
    """
    assert ready.size is not None
    width, height = ready.size
    canvas = np.full((height, width, 3), 255, np.uint8)
    kinds = sorted(ready.masks, key=lambda kind: -int(ready.masks[kind].sum()))
    if len(kinds) > 1 and np.sum([ready.masks[kind] for kind in kinds], axis=0).max() > 1:
        notes.say("Types overlap, which one mask can't show: the smaller area was kept", ready.record.name)
    for kind in kinds:
        canvas[ready.masks[kind]] = palette.colour(kind)[::-1]
    shown = [kind for kind in ready.masks if (canvas == palette.colour(kind)[::-1]).all(axis=2).any()]
    for kind in kinds:
        if kind not in shown and kind != NAMELESS:
            notes.say(f"The type {kind} is hidden behind others and has no mask", ready.record.name)
    return canvas, shown


def hexadecimal(colour: Colour) -> str:
    """As manifests write it: "#23a436"."""
    return "#" + bytes(colour).hex()


def _rgb(colour: str) -> Colour | None:
    try:
        red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    except ValueError:
        return None
    return red, green, blue


def _usual() -> Iterator[Colour]:
    """The colours that types get in turn; after those, ever further hues."""
    for colour in TYPE_COLOURS:
        rgb = _rgb(colour)
        assert rgb is not None
        yield rgb
    turn = 0
    while True:
        turn += 1
        # The golden angle: each new hue lies in the widest gap.
        red, green, blue = colorsys.hsv_to_rgb(turn * 0.618034 % 1, 0.9 - 0.1 * (turn % 5), 0.8 - 0.1 * (turn % 4))
        yield round(red * 255), round(green * 255), round(blue * 255)
