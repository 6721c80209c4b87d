"""Camera settings that an address holds fast: `usb:0?size=1920x1080&exposure=-6&gain=0`.

Automatic exposure, gain, white balance and focus answer to every part that passes: what an
inspection compares would change by itself. A setting that is written behind the address is set
each time the camera is opened, and its automatic is switched off.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, fields

from app.domain.errors import SourceError

_EXAMPLES = {
    "size": "size=1280x720",
    "exposure": "exposure=5000",
    "gain": "gain=0",
    "white_balance": "white_balance=4600",
    "focus": "focus=30",
}


@dataclass(frozen=True, slots=True)
class Held:
    """What is held; None where the camera keeps its own way.

    Attributes:
        size: (width, height) in pixels.
        exposure: microseconds of an industrial camera, the driver's own number of a USB camera.
        gain: decibels of an industrial camera, the driver's own number of a USB camera.
        white_balance: one colour temperature in kelvin of a USB camera; the factors of red, green and blue of an
            industrial one.
        focus: the driver's own number.
    """

    size: tuple[int, int] | None = None
    exposure: float | None = None
    gain: float | None = None
    white_balance: tuple[float, ...] | None = None
    focus: float | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) is not None for one in fields(self))


NOTHING = Held()


def split_held(address: str, allowed: Collection[str], *, colours: int) -> tuple[str, Held]:
    """(what stands before the "?", what is held after it) of an address.

    Args:
        allowed: names of the settings this kind of camera takes.
        colours: numbers a white balance has: 1 or 3.

    Raises:
        SourceError: a setting that is none, or a value that is none; the text says what to write.
    """
    place, mark, words = address.partition("?")
    if not mark:
        return place, NOTHING
    found: dict[str, object] = {}
    for word in filter(None, words.split("&")):
        name, _, value = word.partition("=")
        name = name.strip().lower()
        if name not in allowed:
            raise SourceError(
                f"{address}: {name or word!r} is no setting of this kind of camera. Possible are {', '.join(allowed)}, "
                f"as in {place}?{_EXAMPLES[next(iter(allowed))]}"
            )
        found[name] = _value(address, name, value.strip(), colours)
    return place, Held(**found)  # type: ignore[arg-type]


def _value(address: str, name: str, value: str, colours: int) -> object:
    if name == "size":
        size = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", value, re.ASCII)
        if size and int(size[1]) and int(size[2]):
            return int(size[1]), int(size[2])
    else:
        numbers = [_number(part) for part in value.split(",")]
        wanted = colours if name == "white_balance" else 1
        if len(numbers) == wanted and None not in numbers:
            return tuple(numbers) if name == "white_balance" else numbers[0]
        if wanted == 3:
            raise SourceError(
                f"{address}: {value!r} is no white balance. Write the factors of red, green and blue, as in "
                "white_balance=1.6,1,1.9"
            )
    raise SourceError(f"{address}: {value!r} is no {name.replace('_', ' ')}. Write it as in {_EXAMPLES[name]}")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
