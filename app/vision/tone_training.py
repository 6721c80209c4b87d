"""Learning what brightness good parts have (`app.vision.tone`), and testing it on good parts not yet seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.vision.maps import pooled
from app.vision.tone import SPOTS, Fit, Plane, Tone, resized, transformed, whole_shape

Array = NDArray[np.float32]

FEWEST = 5  # pictures

_NEAR, _WIDE = 2.0, 6.0  # pixels over which spreads are averaged: the larger counts
_LEAST = 0.5  # of the median spread
_SMOOTHED = 1.5  # frequencies over which the spectrum is averaged
_QUIET = 1e-3  # of its median: frequencies in which good parts do not vary at all are not trusted more


@dataclass(frozen=True, slots=True, eq=False)
class LearnedTone:
    """
    Attributes:
        heats: maps of the pictures by a mean that had not seen them, 1 where good parts end, by their numbers.
    """

    tone: Tone
    heats: dict[int, Array]


def learn_tone(
    planes: Mapping[int, Plane],
    folds: Sequence[Sequence[int]],
    grid: tuple[int, int],
    limit: Callable[[Sequence[float]], float],
    check: Callable[[], None],
) -> LearnedTone | None:
    """Learns from planes; None where there are too few, or pictures of several shapes.

    Args:
        folds: numbers of the pictures, each of which is tested by what the others say.
        grid: (rows, columns) of the heat maps they will be joined with; `heats` come in it.
        limit: the limit from the scores of good parts not yet seen.
        check: called now and then; raises to stop.
    """
    numbers = [number for fold in folds for number in fold]
    if len(numbers) < FEWEST or len({planes[number].grey.shape for number in numbers}) > 1:
        return None
    laid = _laid([planes[number] for number in numbers], check)
    values: dict[int, list[Array]] = {}
    for fold in folds:
        check()
        tone = _tone([each for number, each in zip(numbers, laid, strict=True) if number not in fold])
        for number in fold:
            values[number] = [resized(value, grid) for value in tone.values(planes[number])]
    limits = [limit([pooled(found[size]) for found in values.values()]) for size in range(len(SPOTS))]
    tone = _tone(laid, limits)
    return LearnedTone(tone, {number: tone.over_limits(found) for number, found in values.items()})


def _laid(planes: Sequence[Plane], check: Callable[[], None]) -> list[Plane]:
    """The planes with movement and light taken off."""
    mean = _mean(planes)
    for _ in range(2):  # the first mean is blurred by the movement
        check()
        fit = Fit(mean, None)
        laid = [Plane(mean + fit.rest(plane), plane.there) for plane in planes]
        mean = _mean(laid)
    return laid


def _mean(planes: Sequence[Plane]) -> Array:
    counts = sum(_counts(plane) for plane in planes)
    return np.asarray(sum(plane.grey * _counts(plane) for plane in planes) / np.maximum(counts, 1), np.float32)


def _counts(plane: Plane) -> Array:
    return np.ones_like(plane.grey) if plane.there is None else plane.there.astype(np.float32)


def _tone(laid: Sequence[Plane], limits: Sequence[float] = (1.0,) * len(SPOTS)) -> Tone:
    mean = _mean(laid)
    # Each has drawn the mean towards itself.
    unseen = np.float32(np.sqrt(len(laid) / (len(laid) - 1)))
    rests = [(plane.grey - mean) * _counts(plane) * unseen for plane in laid]
    shown = np.maximum(sum(_counts(plane) for plane in laid), 1)
    square = np.asarray(sum(rest**2 for rest in rests) / shown, np.float32)
    spread = np.sqrt(np.maximum(*(cv2.GaussianBlur(square, (0, 0), each) for each in (_NEAR, _WIDE))))
    deviation = np.maximum(spread, max(_LEAST * float(np.median(spread)), 1e-3)).astype(np.float32)
    power = sum(np.abs(transformed(rest / deviation)) ** 2 for rest in rests) / len(rests)
    return Tone(mean, deviation, _smoothed(np.asarray(power, np.float32), whole_shape(mean.shape)[1]), limits)


def _smoothed(power: Array, columns: int) -> Array:
    """A spectrum averaged over neighbouring frequencies: of some tens of pictures each alone is too uncertain."""
    half = power.shape[1]
    even = 1 if columns % 2 == 0 else 0  # then the last column is its own mirror image
    # The missing half is the given one turned by half about frequency 0.
    turned = np.roll(power[::-1], 1, axis=0)[:, 1 : half - even][:, ::-1]
    whole = np.fft.fftshift(np.concatenate([power, turned], axis=1))
    whole = np.fft.ifftshift(cv2.GaussianBlur(whole, (0, 0), _SMOOTHED))[:, :half]
    return np.maximum(whole, _QUIET * float(np.median(whole))).astype(np.float32)
