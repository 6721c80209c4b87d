"""Is the picture good enough to be judged: blur, exposure, light, a camera that was moved.

A poor picture makes a good part look bad. Each new picture is therefore compared with the training
pictures first, and a poor one is a RETEST with the reason and the way out. What must not happen is the
reverse, a real defect explained away as a poor picture. So nothing here rests on one number: a finding
needs witnesses that a defect, which changes a part of the scene, can't all bring along, while lens, lamp
and camera change the whole of it.

- **Blur**: the energy of grey differences two pixels apart against that of eight pixels apart, in blocks at
  native resolution (second moments of increments, the structure function of Kolmogorov 1941). The ratio
  does not depend on contrast, and differences two pixels apart feel sensor noise less than neighbours do.
  It has to fall for all blocks together, for the typical block, and the fine differences themselves must
  be weaker too: a soft stain changes only the ratio, a missing label only its own blocks.
- **Light**: the pixels ordered by brightness are cut into eight groups; a lamp or an exposure shifts most
  of them together, a defect one or two, wherever the part lies (medians: Huber 1981, "Robust Statistics").
  Most places of the picture must have changed alike as well: a large dark patch shifts the order, not them.
- **Camera moved**: normalised cross-correlation (Lewis 1995, "Fast Normalized Cross-Correlation") with the
  mean training picture, where all training pictures show the same scene at the same place.

Limits are prediction bounds from the spread of the training pictures: few pictures give wide ones. All of
it works on a few samples of the picture, so its cost does not grow with the picture's size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.errors import DatasetError, ModelError
from app.domain.frame import Image
from app.vision.parts import Arrays, Described, taken
from app.vision.quality_figures import (
    FLOORS,
    GROUPS,
    LUMA,
    PLACES,
    SIDE,
    SOFT,
    Plane,
    Seen,
    SpanDescription,
    compared,
    log_ratio,
    placed,
    see,
    span_of,
    with_room,
)

MIN_PICTURES: Final = 5

_KEPT = 256
"""Training pictures remembered while learning: this many to twice as many (16 KB each), evenly spread."""

_BLACK, _WHITE = 16.0, 250.0  # grey levels below, above which nothing can be made out
_FLAT = 6.0  # grey levels that noise and vignetting alone explain
_STATIC_MATCH = 0.7  # correlation from which training pictures show the same scene
_STATIC_SHIFT = 0.05  # parts that lie about more than this share of a side say nothing about the camera
_SAME_ASPECT = 0.05
_CLEARLY_BRIGHTER = 0.1  # natural logarithm: a tenth
_NEARLY_ALL = 0.8
_MANY_GROUPS = 6  # of the 8: so many are not changed by one defect


class QualityDescription(Described):
    """What a model file says about the training pictures' quality.

    Attributes:
        pictures: how many there were.
        longest_side: of the largest, pixels.
        aspect: width / height, median.
        static: whether they show the same scene at the same place (across, down).
        spans: by the name of the statistic.
    """

    pictures: int = Field(ge=MIN_PICTURES, le=10_000_000)
    longest_side: int = Field(ge=1, le=1_000_000)
    aspect: float = Field(gt=1e-4, le=1e4)
    static: tuple[bool, bool]
    spans: dict[str, SpanDescription] = Field(max_length=100)


@dataclass(frozen=True, slots=True)
class Measures:
    """The figures of one picture, for charts of their drift. A ratio of 1 is the typical training picture.

    Attributes:
        sharpness_across, sharpness_down: amplitude of fine differences along a row, a column (ratio); None
            for a picture too much larger than the training pictures.
        brightness: ratio.
        blue, red: ratio of these channels to green, against the training pictures' ratio.
        saturated: share of all channel values at 254 or above, 0..1.
        darkest, brightest: grey levels that 2 % of the picture lie below, above.
        shift_right, shift_down: pixels the scene lies off; None without a static scene.
        match: correlation with the mean training picture at its own place, -1..1; None likewise.
    """

    sharpness_across: float | None
    sharpness_down: float | None
    brightness: float
    blue: float
    red: float
    saturated: float
    darkest: float
    brightest: float
    shift_right: float | None
    shift_down: float | None
    match: float | None


class PictureQuality:
    """Compares pictures with the training pictures. Holds nothing that changes: any thread may call."""

    def __init__(self, description: QualityDescription, levels: Plane, places: Plane, scene: Plane) -> None:
        self.description = description
        self._arrays: Arrays = {"levels": levels, "places": places, "scene": scene}
        self._levels = levels.astype(np.float64)
        self._places = places.astype(np.float64)
        self._scene = scene

    def to_parts(self) -> tuple[QualityDescription, Arrays]:
        """The description and the float32 arrays `levels` (8, 3), `places` (256, 3), `scene` (64, 64)."""
        return self.description, dict(self._arrays)

    @classmethod
    def from_parts(cls, description: QualityDescription, arrays: Mapping[str, NDArray[Any]]) -> PictureQuality:
        """The reverse of `to_parts`.

        Raises:
            ModelError: something is missing or does not fit.
        """
        missing = sorted(set(FLOORS) - set(description.spans))
        if missing:
            raise ModelError(f"its picture quality lacks the limits of {missing[0]!r}")
        levels = taken(arrays, "levels", (GROUPS, 3), np.float32)
        places = taken(arrays, "places", (PLACES * PLACES, 3), np.float32)
        scene = taken(arrays, "scene", (SIDE, SIDE), np.float32)
        greys = np.concatenate([levels, places])
        if greys.min() < 0 or greys.max() > 255 or np.abs(scene).max() > 100:
            raise ModelError("its picture quality holds levels no picture has")
        return cls(description, levels, places, scene)

    def measure(self, picture: Image) -> Measures:
        """The picture's figures.

        Args:
            picture: (H, W, 3) uint8 BGR of any size from 16 x 16.

        Raises:
            PictureError: not such a picture.
        """
        return self._measures(*self._look(picture))

    def check(self, picture: Image, *, moves: bool = False) -> str:
        """Empty if the picture may be judged, else one line: what is wrong, how much, what to do.

        Args and errors as for `measure`.
            moves: parts are found wherever they lie, so that a camera that was moved is no harm.
        """
        seen, values = self._look(picture, scene=not moves)
        return (
            self._empty(seen, values)
            or self._exposure(seen, values)
            or self._colour(values)
            or self._blur(values)
            or ("" if moves else self._moved(seen, values))
        )

    def _look(self, picture: Image, *, scene: bool = True) -> tuple[Seen, dict[str, float]]:
        """`scene`: whether it matters where the scene lies."""
        seen = see(picture, self.description.longest_side)
        values = compared(seen, self._levels, self._places)
        aspect = seen.width / seen.height / self.description.aspect
        if scene and any(self.description.static) and abs(math.log(aspect)) <= _SAME_ASPECT:
            values.update(placed(self._scene, seen.scene))
        return seen, values

    def _measures(self, seen: Seen, values: Mapping[str, float]) -> Measures:
        shift = "match" in values
        return Measures(
            sharpness_across=self._sharpness(values, "across"),
            sharpness_down=self._sharpness(values, "down"),
            brightness=math.exp(values["light"]),
            blue=math.exp(values["blue"]),
            red=math.exp(values["red"]),
            saturated=seen.saturated,
            darkest=seen.darkest,
            brightest=seen.brightest,
            shift_right=values["shift_x"] * seen.width if shift else None,
            shift_down=values["shift_y"] * seen.height if shift else None,
            match=values["match"] if shift else None,
        )

    def _off(self, values: Mapping[str, float], name: str) -> float:
        return values[name] - self.description.spans[name].centre

    def _low(self, values: Mapping[str, float], name: str) -> bool:
        return values[name] < self.description.spans[name].low

    def _high(self, values: Mapping[str, float], name: str) -> bool:
        return values[name] > self.description.spans[name].high

    def _empty(self, seen: Seen, values: Mapping[str, float]) -> str:
        spans = self.description.spans
        if not self._low(values, "contrast"):
            return ""
        if seen.brightest <= _BLACK and self._low(values, "brightest"):
            return (
                f"picture is black (brightest level {seen.brightest:.0f} of 255): "
                "take off the lens cap, check lamp and exposure"
            )
        if seen.darkest >= _WHITE and self._high(values, "darkest"):
            return f"picture is white all over (darkest level {seen.darkest:.0f} of 255): lower the exposure"
        flat = seen.brightest - seen.darkest
        usual = math.exp(spans["contrast"].centre) - SOFT
        if flat < _FLAT and usual > 4 * _FLAT:
            return (
                f"picture is empty: one colour (levels differ by {flat:.0f} instead of {usual:.0f}): "
                "is a part in view, is the camera covered?"
            )
        return ""

    def _exposure(self, seen: Seen, values: Mapping[str, float]) -> str:
        ratio = math.exp(values["light"])
        if self._low(values, "light") and self._low(values, "light_here") and self._together(seen, values["light"]):
            return (
                f"picture is too dark (brightness {ratio:.2f} of the training pictures): "
                "check lamp, exposure and lens aperture"
            )
        brighter = self._high(values, "brighter") and self._high(values, "brighter_here")
        if brighter and self._together(seen, values["brighter"]):
            ratio = math.exp(values["brighter"])
            return (
                f"picture is too bright (brightness {ratio:.2f} of the training pictures): "
                "check lamp, exposure and stray light"
            )
        if self._high(values, "saturated") and self._clipped(seen, values):
            usual = self.description.spans["saturated"].centre
            return (
                f"picture is overexposed ({seen.saturated:.0%} of its values at the upper end, usually "
                f"{usual:.0%}): lower exposure or light"
            )
        return ""

    def _clipped(self, seen: Seen, values: Mapping[str, float]) -> bool:
        """Whether exposure, not a white patch or a missing part, made so many values saturated. Asked only where
        most of the scene is nearly white already, so that the groups have no room: then the darkest must be
        brighter, and nearly every place that was not white must be so now, or be brighter."""
        room = self._places.min(axis=1) < _WHITE
        if with_room(self._levels @ LUMA, brighter=True).any() or not room.any():
            return False
        if not self._high(values, "darkest") or self._off(values, "darkest") < _CLEARLY_BRIGHTER:
            return False
        brighter = log_ratio(seen.places @ LUMA, self._places @ LUMA) > _CLEARLY_BRIGHTER
        return float((brighter | (seen.places.min(axis=1) >= _WHITE))[room].mean()) >= _NEARLY_ALL

    def _together(self, seen: Seen, change: float) -> bool:
        """Whether nearly all brightness groups, and the far end of the grey scale, follow the change."""
        usual = self._levels @ LUMA
        room = with_room(usual, brighter=change > 0)
        sign = math.copysign(1.0, change)
        moves = sign * log_ratio(seen.levels @ LUMA, usual)[room]
        if float(np.quantile(moves, 1 - _NEARLY_ALL)) < 0.3 * abs(change):
            return False
        name, level = ("darkest", seen.darkest) if change > 0 else ("brightest", seen.brightest)
        witness = sign * (math.log(level + SOFT) - self.description.spans[name].centre)
        # Few groups are soon changed by one large defect: then the far end has to follow for good.
        return witness > (-0.02 if int(room.sum()) >= _MANY_GROUPS else 0.5 * abs(change))

    def _colour(self, values: Mapping[str, float]) -> str:
        for name in ("blue", "red"):
            here = f"{name}_here"
            if (self._low(values, name) and self._low(values, here)) or (
                self._high(values, name) and self._high(values, here)
            ):
                return (
                    f"light has changed colour ({name} {math.exp(values[name]):.2f} of the training pictures): "
                    "check the lamp, switch the camera's automatic white balance off"
                )
        return ""

    def _sharpness(self, values: Mapping[str, float], way: str) -> float | None:
        """Amplitude against the training pictures, by the witness that sees the least change."""
        if way not in values:
            return None
        return math.exp(max(self._off(values, way), self._off(values, f"{way}_typical")) / 2)

    def _blur(self, values: Mapping[str, float]) -> str:
        found = {}
        for way in ("across", "down"):
            sharpness = self._sharpness(values, way)
            if sharpness is not None and all(
                self._low(values, name) for name in (way, f"{way}_typical", f"{way}_fine")
            ):
                found[way] = sharpness
        if not found:
            return ""
        worst = min(found.values())
        if len(found) == 1:
            way = next(iter(found))
            other = self._sharpness(values, "down" if way == "across" else "across")
            if other is not None and other > math.sqrt(worst):
                smeared = "sideways" if way == "across" else "up and down"
                return (
                    f"picture is smeared {smeared} (sharpness {worst:.2f} of the training pictures): part or "
                    "camera moved while it was taken; expose shorter or check focus"
                )
        return f"picture is blurred (sharpness {worst:.2f} of the training pictures): clean the lens, check focus"

    def _moved(self, seen: Seen, values: Mapping[str, float]) -> str:
        # The scene has to be found again elsewhere, nearly as well as ever and clearly better than here.
        if "match" not in values or self._low(values, "match_found") or not self._high(values, "gain"):
            return ""
        ways = []
        for name, size, after, before, static in (
            ("shift_x", seen.width, "further right", "further left", self.description.static[0]),
            ("shift_y", seen.height, "lower", "higher", self.description.static[1]),
        ):
            if static and (self._low(values, name) or self._high(values, name)):
                off = self._off(values, name) * size
                ways.append(f"{abs(off):.0f} px {after if off > 0 else before}")
        if not ways:
            return ""
        return (
            f"camera has moved (the scene lies about {' and '.join(ways)} than in the training pictures): "
            "put camera or holder back, or train again"
        )


def learn(pictures: Iterable[Image]) -> PictureQuality:
    """Learns what is usual from pictures of good parts, taken once and one at a time.

    Args:
        pictures: at least 5 of (H, W, 3) uint8 BGR; sizes may differ.

    Raises:
        DatasetError: fewer.
        PictureError: one is not such a picture.
    """
    kept: list[Seen] = []
    every, number, longest = 1, 0, 1
    for picture in pictures:
        if number % every == 0:
            kept.append(see(picture, None))
            if len(kept) == 2 * _KEPT:
                kept, every = kept[::2], every * 2
        number += 1
        longest = max(longest, *picture.shape[:2])
    if number < MIN_PICTURES:
        raise DatasetError(
            f"{number} pictures of good parts are too few to learn what a usual picture is: at least {MIN_PICTURES} "
            "are needed."
        )
    levels = np.median(np.stack([seen.levels for seen in kept]), axis=0)
    total = np.sum(np.stack([seen.scene for seen in kept]), axis=0, dtype=np.float64)
    places = np.median(np.stack([seen.places for seen in kept]), axis=0)
    values = [compared(seen, levels, places) for seen in kept]
    for seen, mine in zip(kept, values, strict=True):
        # Against the mean of the others: with few pictures its own share would flatter each.
        others = ((total - seen.scene) / (len(kept) - 1)).astype(np.float32)
        mine.update(placed(others, seen.scene))
    spans = {name: span_of(np.array([mine[name] for mine in values]), floor, z) for name, (floor, z) in FLOORS.items()}
    same = float(np.median([mine["match_found"] for mine in values])) >= _STATIC_MATCH
    across, down = (
        same and max(spans[name].high, -spans[name].low) <= _STATIC_SHIFT for name in ("shift_x", "shift_y")
    )
    description = QualityDescription(
        pictures=number,
        longest_side=longest,
        aspect=float(np.median([seen.width / seen.height for seen in kept])),
        static=(across, down),
        spans=spans,
    )
    scene = np.asarray(total / len(kept), np.float32)
    return PictureQuality(description, levels.astype(np.float32), places.astype(np.float32), scene)
