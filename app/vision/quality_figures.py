"""What picture quality is measured by: a few figures of a picture, whatever its size.

The samples are the same few for every picture, so the cost does not grow with its size: 128 x 128 points
averaged to 64 x 64 cells, and 24 blocks at native resolution. `app/vision/quality.py` says what the figures
are for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.errors import PictureError
from app.domain.frame import Image
from app.vision.parts import Described

SIDE = 64
"""Side of the reduced picture; each of its cells is the mean of 2 x 2 samples of the picture."""
PLACES = 16
"""Side of the still smaller picture whose places are compared in light."""
GROUPS = 8
_TAIL = SIDE * SIDE // 50  # darkest and brightest pixels left out of "darkest" and "brightest": 2 %
_BLOCK, _ACROSS, _DOWN = 64, 6, 4  # native blocks for sharpness; of 48 pixels they miss small parts
_FINE, _COARSE = 2, 8  # pixels between what is compared; a picture's side is at least 16
_NOISE = 0.25  # grey levels squared: the rounding of a flat surface is no structure
_LARGEST_REDUCTION = 3.0
"""A picture this many times larger than the training pictures is not compared in sharpness."""

_DARK, _BRIGHT = 16.0, 200.0  # group levels with room to become darker (above _DARK), brighter (below _BRIGHT)
_LEAST_GROUPS = 3
SOFT = 4.0  # added before logarithms: a few grey levels more are nothing in the dark
_CLIPPED = 254

_REACH = 12  # cells the scene is searched in every direction: 19 % of a side
_SCENE_WINDOW = 25  # cells; wider changes of brightness are light, not scene

_Z = 3.5  # one-sided: 2 in 10,000
_Z_WITNESS = 1.5  # a witness need only be unusual
_SEEN = 1.2  # and nothing like what good pictures have shown is reported

Plane = NDArray[np.float32]
LUMA = np.array([0.114, 0.587, 0.299])  # B, G, R (ITU-R BT.601)

# Statistic: (least deviation worth a word, z). Natural logarithms but for saturated (share of values),
# shift (share of a side), match_found and gain (correlation).
FLOORS: Final[Mapping[str, tuple[float, float]]] = {
    "light": (0.15, _Z),
    "brighter": (0.15, _Z),
    "blue": (0.10, _Z),
    "red": (0.10, _Z),
    "saturated": (0.20, _Z),
    "light_here": (0.10, _Z_WITNESS),
    "brighter_here": (0.10, _Z_WITNESS),
    "blue_here": (0.05, _Z_WITNESS),
    "red_here": (0.05, _Z_WITNESS),
    "darkest": (0.02, _Z_WITNESS),
    "brightest": (0.02, _Z_WITNESS),
    "contrast": (0.02, _Z),
    "across": (0.35, _Z),
    "across_typical": (0.35, _Z),
    "across_fine": (0.20, _Z_WITNESS),
    "down": (0.35, _Z),
    "down_typical": (0.35, _Z),
    "down_fine": (0.20, _Z_WITNESS),
    "shift_x": (0.025, _Z),
    "shift_y": (0.025, _Z),
    "match_found": (0.10, _Z),
    "gain": (0.10, _Z),
}


class SpanDescription(Described):
    """What is usual for one statistic: its middle and the limits on both sides."""

    centre: float = Field(ge=-50, le=50)  # of logarithms and shares; no exponential of it overflows
    low: float = Field(ge=-1e4, le=1e4)
    high: float = Field(ge=-1e4, le=1e4)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is taken from one picture before anything is compared: levels (8, 3) float64, mean B, G, R of
    the pixels grouped by brightness; places (256, 3) float64 of the 16 x 16 parts of the picture; scene
    (64, 64) float32; detail by name, natural logarithms."""

    width: int
    height: int
    levels: NDArray[np.float64]
    places: NDArray[np.float64]
    darkest: float
    brightest: float
    saturated: float
    detail: dict[str, float]
    scene: Plane


def see(picture: Image, longest: int | None) -> Seen:
    """`longest`: longest side of the training pictures in pixels, None while learning."""
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) <= _COARSE:
        raise PictureError(
            f"A picture of shape {picture.shape} and type {picture.dtype} can't be judged: "
            "(height, width, 3) of 8-bit B, G, R from 16 x 16 pixels is needed."
        )
    height, width = picture.shape[:2]
    samples = cv2.resize(picture, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(samples, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    places = cv2.resize(small, (PLACES, PLACES), interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
    order = grey.ravel().argsort(kind="stable")
    ordered = grey.ravel()[order]
    pixels, size = np.take(small.reshape(-1, 3), order, axis=0), SIDE * SIDE // GROUPS
    logs = np.log(grey.astype(np.float32) + np.float32(SOFT * 2))  # twice: noise in the dark is no scene
    return Seen(
        width=width,
        height=height,
        levels=np.add.reduceat(pixels, np.arange(0, len(pixels), size), axis=0, dtype=np.float64) / size,
        places=places.reshape(-1, 3).astype(np.float64),
        darkest=float(ordered[_TAIL]),
        brightest=float(ordered[-1 - _TAIL]),
        saturated=np.count_nonzero(samples >= _CLIPPED) / samples.size,
        detail=_detail(picture, longest),
        scene=logs - np.asarray(cv2.blur(logs, (_SCENE_WINDOW, _SCENE_WINDOW)), np.float32),
    )


def _detail(picture: Image, longest: int | None) -> dict[str, float]:
    """Sharpness of both directions; empty for a picture too much larger than the training pictures."""
    height, width = picture.shape[:2]
    # The same scene on more pixels has wider edges: blocks are brought back to the training pictures' scale.
    # More scene on more pixels only becomes sharper by that, which is never reported.
    reduction = 1.0 if longest is None or max(height, width) <= 1.25 * longest else max(height, width) / longest
    if reduction > _LARGEST_REDUCTION:
        return {}
    side = round(_BLOCK * reduction)
    tall, wide = min(side, height), min(side, width)
    rows, columns = round(tall / reduction), round(wide / reduction)
    if min(rows, columns) <= _COARSE:
        return {}
    cut = np.empty((_DOWN * _ACROSS, rows, columns, 3), np.uint8)
    for index in range(len(cut)):
        y = (index // _ACROSS + 1) * (height - tall) // (_DOWN + 1)
        x = (index % _ACROSS + 1) * (width - wide) // (_ACROSS + 1)
        block = picture[y : y + tall, x : x + wide]
        if reduction > 1.0:
            block = np.asarray(cv2.resize(block, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
        cut[index] = block
    blocks = np.asarray(cv2.cvtColor(cut.reshape(-1, columns, 3), cv2.COLOR_BGR2GRAY), np.uint8)
    blocks = blocks.reshape(-1, rows, columns)
    light = math.log(cv2.mean(blocks.reshape(-1, columns))[0] + SOFT)
    result = {}
    for way in ("across", "down"):
        # Every second line tells as much and takes half the time.
        lines = (blocks[:, ::2] if way == "across" else blocks[:, :, ::2]).astype(np.float32)
        fine, coarse = (_energies(lines, step, way) for step in (_FINE, _COARSE))
        ratios = np.log(fine / coarse)
        result[way] = math.log(fine.sum() / coarse.sum())
        result[f"{way}_typical"] = _weighted_median(ratios, np.sqrt(coarse))
        result[f"{way}_fine"] = math.log(fine.mean()) - 2 * light
    return result


def _energies(blocks: NDArray[np.float32], step: int, way: str) -> NDArray[np.float64]:
    """Mean squared difference of pixels `step` apart in each of the (N, h, w) blocks, grey levels squared."""
    if way == "across":
        off = blocks[:, :, step:] - blocks[:, :, :-step]
    else:
        off = blocks[:, step:] - blocks[:, :-step]
    sums = np.asarray(np.einsum("nij,nij->n", off, off), np.float64)
    return np.asarray(sums / (off.shape[1] * off.shape[2]) + _NOISE, np.float64)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = values.argsort(kind="stable")
    sums = weights[order].cumsum()
    return float(values[order][int(np.searchsorted(sums, sums[-1] / 2))])


def _median(values: NDArray[np.float64]) -> float:
    """0 of none. np.median takes ten times as long for so few values."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2 if len(ordered) else 0.0


def log_ratio(mine: NDArray[np.float64], usual: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log((mine + SOFT) / (usual + SOFT)), np.float64)


def with_room(usual: NDArray[np.float64], *, brighter: bool) -> NDArray[np.bool_]:
    """Which of the grey levels would show a change to the brighter or darker: none where they are so few
    that one defect could change them all."""
    room = (usual >= _DARK) & (usual <= (_BRIGHT if brighter else 255.0))
    enough = int(room.sum()) * GROUPS >= _LEAST_GROUPS * len(usual)
    return np.asarray(room if enough else np.zeros_like(room), np.bool_)


def compared(seen: Seen, levels: NDArray[np.float64], places: NDArray[np.float64]) -> dict[str, float]:
    """The statistics of light and sharpness; `levels` (8, 3), `places` (256, 3): the training pictures'."""
    values = {
        "saturated": seen.saturated,
        "darkest": math.log(seen.darkest + SOFT),
        "brightest": math.log(seen.brightest + SOFT),
        "contrast": math.log(seen.brightest - seen.darkest + SOFT),
        **seen.detail,
    }
    for mine, usual, where in ((seen.levels, levels, ""), (seen.places, places, "_here")):
        level = usual @ LUMA
        grey = log_ratio(mine @ LUMA, level)
        channels = log_ratio(mine, usual)
        any_way, upwards = with_room(level, brighter=False), with_room(level, brighter=True)
        values["light" + where] = _median(grey[any_way])
        values["brighter" + where] = _median(grey[upwards])
        values["blue" + where] = _median((channels[:, 0] - channels[:, 1])[any_way])
        values["red" + where] = _median((channels[:, 2] - channels[:, 1])[any_way])
    return values


def placed(scene: Plane, mine: Plane) -> dict[str, float]:
    """Where the middle of the training scene is found in this picture; shifts as shares of a side."""
    middle = scene[_REACH:-_REACH, _REACH:-_REACH]
    if float(middle.std()) < 1e-6 or float(mine.std()) < 1e-6:  # nothing to find: no correlation is defined
        return {"shift_x": 0.0, "shift_y": 0.0, "match": 0.0, "match_found": 0.0, "gain": 0.0}
    found = np.nan_to_num(np.asarray(cv2.matchTemplate(mine, middle, cv2.TM_CCOEFF_NORMED), np.float64))
    y, x = divmod(int(found.argmax()), found.shape[1])
    here, best = float(found[_REACH, _REACH]), float(found[y, x])
    return {
        "shift_x": (x + _peak(found[y, max(0, x - 1) : x + 2]) - _REACH) / SIDE,
        "shift_y": (y + _peak(found[max(0, y - 1) : y + 2, x]) - _REACH) / SIDE,
        "match": here,
        "match_found": best,
        "gain": best - here,
    }


def _peak(three: NDArray[np.float64]) -> float:
    """Top of the parabola through the highest value and its neighbours, from the highest; 0 at the rim."""
    if len(three) < 3:
        return 0.0
    bend = three[0] - 2 * three[1] + three[2]
    return 0.0 if bend >= 0 else float(np.clip((three[0] - three[2]) / (2 * bend), -0.5, 0.5))


def span_of(values: NDArray[np.float64], floor: float, z: float) -> SpanDescription:
    """Prediction bounds for the next good picture (Hahn & Meeker 1991, ch. 4).

    From 20 values on each side has its own spread: some pictures that are brighter, say, than the rest
    must not hide darkness. The quantile of Student's t is taken from that of the normal distribution by
    the expansion of Abramowitz & Stegun 26.7.5.
    """
    number = len(values)
    centre = float(np.median(values))
    offs = values - centre
    each = number >= 20

    def reach(off: NDArray[np.float64]) -> float:
        used = off[off >= 0] if each else off
        free = len(used) - (0 if each else 1)
        spread = math.sqrt(float((used**2).mean()))
        t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
        return max(floor, t * spread * math.sqrt(1 + 1 / number), _SEEN * float(off.max()) if z >= _Z else 0.0)

    return SpanDescription(centre=centre, low=centre - reach(-offs), high=centre + reach(offs))
