"""Weak soft spots on large pictures: brightness compared, place by place, with the mean good part.

Deep features tell shapes and textures apart, but they shrug at a spot that is a little darker than it should be: on a
rough surface its features drown in the grain. Plain brightness, averaged over the spot, does not. So large pictures
are also reduced to a small plane of brightness and compared with the mean of the training pictures:

- Shift, turn, size and light that differ are fitted and taken off, up to what is linear in them (Lucas & Kanade 1981,
  "An iterative image registration technique"; light: Hager & Belhumeur 1998, "Efficient region tracking").
- What remains is divided by its spread at that place: edges and gloss differ more from part to part than plain areas.
- Then it is correlated with spots of some sizes through filters that weigh each spatial frequency by how little
  good parts vary in it (matched filter for coloured noise: Turin 1960, "An introduction to matched filters"): grain,
  brushing and blotches count for as much as they are usual.

So a value is how many standard deviations of good parts a spot lies off, whatever the surface. Its limits are taken
from good parts that the mean had not seen, as for every view.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.errors import ModelError
from app.domain.frame import Image
from app.vision.parts import Arrays, Described, taken

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Complex = NDArray[np.complex64]

SPOTS = (1.6, 2.8, 4.8)
"""Standard deviations of the spots looked for, in pixels of the plane: of a thousandth of the picture and less."""

_SIDE = 384  # of the square with as many pixels as the plane
_MULTIPLE = 8
_PADDED = 24  # mirrored pixels around it, at least: the transform is periodic
_MOST = 1024

_WARPS = 2
_ENOUGH = 0.25  # of the plane, to fit movement and light to


class ToneDescription(Described):
    """Fields as in `Tone`."""

    rows: int = Field(ge=_MULTIPLE, le=_MOST)
    columns: int = Field(ge=_MULTIPLE, le=_MOST)
    limits: tuple[float, ...] = Field(min_length=len(SPOTS), max_length=len(SPOTS))


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """
    Attributes:
        grey: (rows, columns) float32, brightness.
        there: (rows, columns) bool, what counts of it; None: all.
    """

    grey: Array
    there: Mask | None


def shape_for(width: int, height: int) -> tuple[int, int]:
    """(rows, columns) of the plane of a picture with these sides."""
    short = _SIDE / np.sqrt(max(width, height) / min(width, height))

    def rounded(side: float) -> int:
        return int(np.clip(round(side / _MULTIPLE) * _MULTIPLE, _MULTIPLE, _MOST))

    short, long = rounded(short), rounded(_SIDE**2 / short)
    return (short, long) if width >= height else (long, short)


def reduced(image: Image, there: Mask | None, shape: tuple[int, int]) -> Plane:
    """An (H, W, 3) uint8 BGR picture as a plane of (rows, columns) = shape."""
    size = shape[1], shape[0]
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    grey = np.ascontiguousarray(small @ _LUMA)
    if there is None:
        return Plane(grey, None)
    share = cv2.resize(there.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return Plane(grey, np.asarray(share, np.float32) > _WHOLE)


_LUMA = np.array([0.25, 0.5, 0.25], np.float32)
_WHOLE = 0.999


class Tone:
    """What brightness good parts have; any thread may ask."""

    def __init__(self, mean: Array, deviation: Array, spectrum: Array, limits: Sequence[float]) -> None:
        """
        Args:
            mean, deviation: (rows, columns) float32, brightness of good parts, and how much it differs after movement
                and light are taken off.
            spectrum: `spectrum_shape` float32, power of what remains over its deviation.
            limits: of the pooled values for each of `SPOTS`.
        """
        self.mean, self.deviation, self.spectrum, self.limits = mean, deviation, spectrum, tuple(limits)
        self._fit = Fit(mean, deviation)
        self._filters = tuple(_filters(spectrum, mean.shape))

    @property
    def shape(self) -> tuple[int, int]:
        return self.mean.shape[0], self.mean.shape[1]

    def joined(self, heat: Array, image: Image, there: Mask | None, looked: Mask | None = None) -> Array:
        """A heat map over an (H, W, 3) uint8 BGR picture, at its size, with what brightness tells; `looked`, of this
        shape, is True where it may."""
        values = self.values(reduced(image, there, self.shape), looked)
        # Each size of spots on the grid its limit was taken on, then the largest: the other way round is more.
        return np.maximum(heat, self.over_limits([resized(each, heat.shape) for each in values]))

    def values(self, plane: Plane, looked: Mask | None = None) -> list[Array]:
        """For each of `SPOTS` how many standard deviations each place lies off, (rows, columns) float32; 0 where
        `looked` is False."""
        if looked is not None:
            looked = looked if plane.there is None else looked & plane.there
            # From too little of a part nothing can tell whether it moved, or a defect is seen.
            fitted = Plane(plane.grey, looked if looked.mean() >= _ENOUGH else plane.there)
            rest, plane = self._fit.rest(fitted) / self.deviation, Plane(plane.grey, looked)
        else:
            rest = self._fit.rest(plane) / self.deviation
        if plane.there is not None:
            rest *= plane.there
        spectrum = transformed(rest)
        found = []
        for each in self._filters:
            off = np.abs(_back(spectrum * each, rest.shape))
            found.append(off if plane.there is None else off * plane.there)
        return found

    def over_limits(self, values: Sequence[Array]) -> Array:
        over = [value * np.float32(1 / limit) for value, limit in zip(values, self.limits, strict=True)]
        return functools.reduce(np.maximum, over)

    def to_parts(self) -> tuple[ToneDescription, Arrays]:
        """The description and the float32 arrays `mean`, `deviation` and `spectrum`."""
        described = ToneDescription(rows=self.shape[0], columns=self.shape[1], limits=self.limits)
        return described, {"mean": self.mean, "deviation": self.deviation, "spectrum": self.spectrum}

    @classmethod
    def from_parts(cls, description: ToneDescription, arrays: Mapping[str, NDArray[Any]]) -> Tone:
        """The reverse of `to_parts`.

        Raises:
            ModelError: something is missing or does not fit.
        """
        shape = description.rows, description.columns
        mean, deviation = taken(arrays, "mean", shape, np.float32), taken(arrays, "deviation", shape, np.float32)
        spectrum = taken(arrays, "spectrum", spectrum_shape(shape), np.float32)
        if not (deviation > 0).all() or not (spectrum > 0).all() or not all(limit > 0 for limit in description.limits):
            raise ModelError("its deviations, spectrum and limits of brightness must be positive")
        return cls(mean, deviation, spectrum, description.limits)


def resized(heat: Array, shape: tuple[int, ...]) -> Array:
    """A map over the same area with (rows, columns) = shape."""
    if heat.shape == shape:
        return heat
    how = cv2.INTER_AREA if shape[0] <= heat.shape[0] and shape[1] <= heat.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(heat, (shape[1], shape[0]), interpolation=how), np.float32)


class Fit:
    """Takes movement and light off a plane."""

    def __init__(self, mean: Array, deviation: Array | None) -> None:
        """
        Args:
            mean, deviation: as in `Tone`; None: not known yet, every place counts alike.
        """
        self._mean = mean
        rows, columns = mean.shape
        across = cv2.Scharr(mean, cv2.CV_32F, 1, 0, scale=1 / 32)
        down = cv2.Scharr(mean, cv2.CV_32F, 0, 1, scale=1 / 32)
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        x, y = x - np.float32((columns - 1) / 2), y - np.float32((rows - 1) / 2)
        x_share, y_share = x / max(rows, columns), y / max(rows, columns)
        light = mean / max(float(mean.mean()), 1.0)
        # Shift, turn and size; then a lamp that is brighter, here more than there; then stray light.
        parts = [across, down, x * down - y * across, x * across + y * down]
        parts += [light, x_share * light, y_share * light, np.ones_like(mean), x_share, y_share]
        self._parts = np.stack([part.ravel() for part in parts]).astype(np.float32)
        # Not divided by the square: then edges, which tell where the part lies, would hardly count.
        self._counts = np.ones(mean.size, np.float32)
        if deviation is not None:
            self._counts /= deviation.ravel()
        self._solver = self._solver_of(self._counts)

    def rest(self, plane: Plane) -> Array:
        """(rows, columns) float32: what differs from the mean beside movement and light."""
        solver = (
            self._solver
            if plane.there is None
            else self._solver_of(self._counts * plane.there.ravel().astype(np.float32))
        )
        grey, moved = plane.grey, np.zeros(4, np.float32)
        # Always the same steps, never "until it lies still": whether one more is needed would hang on rounding.
        for _ in range(_WARPS):
            moved -= (solver @ (grey - self._mean).ravel())[:4]
            grey = _moved(plane.grey, moved)
        rest = (grey - self._mean).ravel()
        return np.asarray(rest - (solver @ rest) @ self._parts, np.float32).reshape(self._mean.shape)

    def _solver_of(self, counts: Array) -> Array:
        """(10, cells) float32: what to multiply differences with to know by how much each part explains them."""
        weighted = self._parts * counts
        products = (weighted @ self._parts.T).astype(np.float64)
        scale = np.sqrt(np.maximum(products.diagonal(), 1e-12))
        products = products / scale[:, None] / scale + 1e-4 * np.eye(len(scale))  # a part may have no edges
        inverse = np.linalg.inv(products) / scale[:, None] / scale
        return np.asarray(inverse.astype(np.float32) @ weighted, np.float32)


def _moved(grey: Array, moved: Array) -> Array:
    """The plane as it would look without having been moved by (across, down, turn in radians, growth)."""
    rows, columns = grey.shape
    across, down, turn, growth = (float(value) for value in moved)
    matrix = np.array([[1 + growth, -turn, across], [turn, 1 + growth, down]])
    middle = np.array([(columns - 1) / 2, (rows - 1) / 2])
    matrix[:, 2] += middle - matrix[:, :2] @ middle
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(grey, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def transformed(rest: Array) -> Complex:
    """Spectrum of a plane with its mirror images around it."""
    beside = [
        (_PADDED, whole - side - _PADDED) for whole, side in zip(whole_shape(rest.shape), rest.shape, strict=True)
    ]
    return np.asarray(np.fft.rfft2(np.pad(rest, beside, mode="symmetric")), np.complex64)


def _back(spectrum: Complex, shape: tuple[int, ...]) -> Array:
    whole = np.fft.irfft2(spectrum, whole_shape(shape))
    return np.ascontiguousarray(whole[_PADDED : _PADDED + shape[0], _PADDED : _PADDED + shape[1]], np.float32)


def spectrum_shape(shape: tuple[int, int]) -> tuple[int, int]:
    rows, columns = whole_shape(shape)
    return rows, columns // 2 + 1


def whole_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """(rows, columns) with what is mirrored: sides whose transform is quick."""
    rows, columns = (cv2.getOptimalDFTSize(side + 2 * _PADDED) for side in shape)
    return rows, columns


def _filters(spectrum: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """For each of `SPOTS`, what to multiply a spectrum with, so that good parts have a standard deviation of 1."""
    rows, columns = whole_shape(shape)
    down, across = np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None, :]
    power = spectrum.astype(np.float64)
    # Of a real plane's spectrum all columns but the first and the last stand for two.
    twice = np.full(power.shape[1], 2.0)
    twice[0] = 1.0
    if columns % 2 == 0:
        twice[-1] = 1.0
    for spot in SPOTS:
        wanted = np.exp(-2 * (np.pi * spot) ** 2 * (down**2 + across**2)) / power
        wanted[0, 0] = 0.0  # brightness of the whole is light
        usual = np.sqrt((wanted**2 * power * twice).sum()) / (rows * columns)
        yield (wanted / usual).astype(np.float32)
