"""The picture check: is the picture still what it was when the station was set up, in focus, light and place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from app.domain.errors import LinesightError

_BLACK = 16.0  # mean grey level below which nothing can be made out
_CLIPPED = 0.2  # more of the values at the upper end than before: where white has no room, the mean hides it


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """How far a picture may be from its reference.

    Attributes:
        sharpness: share of the reference's sharpness that is left at least, 0..1.
        brightness: grey levels of the part's area, up or down.
        colour: share by which blue or red may change against green.
        shift: share of the picture's width.
        angle: degrees.
        scale: share by which the part may be larger or smaller.
    """

    sharpness: float = 0.85
    brightness: float = 10.0
    colour: float = 0.1
    shift: float = 0.01
    angle: float = 1.0
    scale: float = 0.02


_RANGES = {
    "sharpness": (0.1, 1.0, "The sharpness that must be left: write 10 to 100 %."),
    "brightness": (1.0, 128.0, "The change of brightness: write 1 to 128 grey levels."),
    "colour": (0.01, 1.0, "The change of colour: write 1 to 100 %."),
    "shift": (0.001, 0.5, "The shift: write 0.1 to 50 % of the picture's width."),
    "angle": (0.1, 45.0, "The angle: write 0.1 to 45 degrees."),
    "scale": (0.002, 0.5, "The change of size: write 0.2 to 50 %."),
}


def checked_limits(limits: PictureLimits) -> PictureLimits:
    """The limits, if they can be some.

    Raises:
        LinesightError: one lies out of its range; says which and what to write.
    """
    for name, (low, high, words) in _RANGES.items():
        if not low <= getattr(limits, name) <= high:  # also what is no number
            raise LinesightError(words)
    return limits


@dataclass(frozen=True, slots=True)
class PictureFigures:
    """What is kept of the reference beside the picture itself, to be read by people.

    Attributes:
        width, height: pixels.
        area: x, y, width, height of the part in it, pixels; all of the picture where no shape was made out.
        placed: whether a shape was made out, so that its place can be compared.
        sharpness: amplitude of differences two pixels apart, as a share of that eight pixels apart.
        brightness: mean grey level of the area.
        blue, red: mean of the channel against green, in the area.
    """

    width: int
    height: int
    area: tuple[int, int, int, int]
    placed: bool
    sharpness: float
    brightness: float
    blue: float
    red: float


@dataclass(frozen=True, slots=True)
class PictureReference:
    """The reference of a product.

    Attributes:
        at: UTC.
        by: name; "" where nobody was signed in.
        camera: source and settings, in the station's words.
        file: name of the picture's file; sha256: of what is in it.
    """

    at: datetime
    by: str
    camera: str
    file: str
    sha256: str
    figures: PictureFigures


@dataclass(frozen=True, slots=True)
class PictureDeviation:
    """How a picture differs from the reference.

    Attributes:
        sharpness: ratio, 1 is alike; None where the part was not found.
        brightness, was: mean grey level of the part's area, now and in the reference.
        saturated, was_saturated: share of values at the upper end there, 0..1.
        blue, red: ratio of the channel to green, against that of the reference.
        shift: (right, down) by which the part lies elsewhere in the picture, pixels; angle: degrees it is turned
            counter-clockwise as seen; scale: its size against the reference. None where its place was not compared.
        lost: why the part was not found, "" where it was or was not looked for.
    """

    width: int
    sharpness: float | None
    brightness: float
    was: float
    saturated: float
    was_saturated: float
    blue: float
    red: float
    shift: tuple[float, float] | None = None
    angle: float | None = None
    scale: float | None = None
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that is off.

    Attributes:
        what: in a few words with its figure ("20 % less light"); out: what to do about it.
        words: both, whole: which way, against what.
    """

    what: str
    out: str
    words: str


@dataclass(frozen=True, slots=True)
class PictureStep:
    """The first step of a check: the picture against the reference.

    Attributes:
        day: of the reference, in words.
        wrong: what was off when it was looked at last, empty before that.
        words: that it is as it was, with the figures; "" until then.
    """

    day: str
    wrong: tuple[Deviation, ...] = ()
    words: str = ""


def deviations(found: PictureDeviation, limits: PictureLimits, day: str) -> tuple[Deviation, ...]:
    """What is off, which way and by how much, each with the way out; empty where the picture is as it was.

    Args:
        day: of the reference, in words ("3 May").
    """
    if found.lost:  # light and focus of something else say nothing
        return (_lost(found, day),)
    than, told = f"than at the reference of {day}", []
    if found.shift is not None and math.hypot(*found.shift) > limits.shift * found.width:
        told.append(_shifted(found.shift, found.width))
    if found.angle is not None and abs(found.angle) > limits.angle:
        way = "counter-clockwise" if found.angle > 0 else "clockwise"
        what, out = f"turned by {abs(found.angle):.1f}\u00b0 {way}", "turn the fixture or the camera back"
        told.append(Deviation(what, out, f"The part is {what} in the picture: {out}"))
    if found.scale is not None and abs(found.scale - 1) > limits.scale:
        size, moved = ("larger", "closer") if found.scale > 1 else ("smaller", "away")
        what = f"{100 * abs(found.scale - 1):.1f} % {size}"
        out = f"the camera has moved {moved}, or its zoom was changed"
        told.append(Deviation(what, out, f"The part is {what} {than}: {out}. Set it back"))
    if found.sharpness is not None and found.sharpness < limits.sharpness:
        share, needed = f"{100 * found.sharpness:.0f} %", f"{100 * limits.sharpness:.0f} %"
        out = "set the focus, clean the lens"
        words = f"Less sharp {than}: {share} of its sharpness, at least {needed} are needed. {_capital(out)}"
        told.append(Deviation(f"{share} of the sharpness", out, words))
    told += _light(found, limits, day)
    for name, ratio in (("blue", found.blue), ("red", found.red)):
        if not 1 / (1 + limits.colour) <= ratio <= 1 + limits.colour:
            what = f"{100 * abs(ratio - 1):.0f} % {'more' if ratio > 1 else 'less'} {name}"
            out = "check the lamp and the camera's white balance"
            told.append(Deviation(what, out, f"The light has another colour {than}: {what}. {_capital(out)}"))
    return tuple(told)


def _lost(found: PictureDeviation, day: str) -> Deviation:
    what, out = found.lost, "put it in its place, and look at what the camera sees"
    if found.brightness < _BLACK:
        what, out = "the picture is nearly black", "check the lamp, the exposure and the lens cap"
    return Deviation(what, out, f"The part of the reference of {day} is not to be seen: {what}. {_capital(out)}")


def _shifted(shift: tuple[float, float], width: int) -> Deviation:
    """Where a camera goes, the picture goes the other way: it goes back in the way of the picture."""
    ways = [
        (abs(by), part, camera)
        for by, (part, camera) in (
            (shift[0], ("to the right", "left") if shift[0] > 0 else ("to the left", "right")),
            (shift[1], ("down", "up") if shift[1] > 0 else ("up", "down")),
        )
        if abs(by) >= max(0.5, 0.2 * math.hypot(*shift))
    ]
    parts = " and ".join(f"{by:.0f} px {part}" for by, part, _ in ways)
    cameras = " and ".join(camera for _, _, camera in ways)
    share = f"{100 * math.hypot(*shift) / width:.1f} %"
    out = f"it is not in its place, or the camera has moved {cameras}"
    words = f"The part lies {parts} in the picture ({share} of its width): {out}. Move it back"
    return Deviation(f"{parts} ({share})", out, words)


def _light(found: PictureDeviation, limits: PictureLimits, day: str) -> list[Deviation]:
    off = found.brightness - found.was
    if abs(off) > limits.brightness:
        what = f"{100 * abs(off) / max(found.was, 1.0):.0f} % {'less' if off < 0 else 'more'} light"
        out = "check lamp, exposure and aperture" if off < 0 else "check lamp, exposure and stray light"
        grey = f"grey level {found.brightness:.0f} instead of {found.was:.0f}"
        return [Deviation(what, out, f"{what} than at the reference of {day} ({grey}). {_capital(out)}")]
    if found.saturated - found.was_saturated > _CLIPPED:
        out, shares = "lower exposure or light", (100 * found.saturated, 100 * found.was_saturated)
        words = (
            f"Overexposed: {shares[0]:.0f} % of the part is at the upper end instead of {shares[1]:.0f} % at the "
            f"reference of {day}. {_capital(out)}"
        )
        return [Deviation("overexposed", out, words)]
    return []


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def same_words(found: PictureDeviation, day: str) -> str:
    """That the picture is as it was, with the figures."""
    told = [] if found.sharpness is None else [f"sharpness {100 * found.sharpness:.0f} %"]
    told.append(f"light {100 * found.brightness / max(found.was, 1.0):.0f} %")
    if found.shift is not None:
        told.append(f"shift {math.hypot(*found.shift):.0f} px")
    if found.angle is not None:
        told.append(f"angle {abs(found.angle):.1f}\u00b0")
    return f"Picture as at the reference of {day}: {', '.join(told)}"


def told_together(wrong: Sequence[Deviation]) -> str:
    """One thing whole; several in a few words each, so that all of them find room."""
    if len(wrong) == 1:
        return wrong[0].words
    return _capital("; ".join(f"{each.what}: {each.out}" for each in wrong))


def day_of(reference: PictureReference, zone: tzinfo, now: datetime) -> str:
    """The reference's day as people say it: "3 May", with the year where that is another."""
    at = reference.at.astimezone(zone)
    return f"{at.day} {at:%B}" + ("" if at.year == now.astimezone(zone).year else f" {at.year}")
