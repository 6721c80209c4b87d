"""A backbone without learned weights, for where the weights' package is absent.

Every number in it follows from a formula. What a cell of the grid says about its surroundings:

- **Energies**: steerable first and second derivatives of a Gaussian (Freeman & Adelson 1991, "The design
  and use of steerable filters") in eight directions at four octaves, rectified and averaged over two cells,
  on grey whose local mean and contrast were taken away (so that light and gloss do not count).
- **Peaks**: the largest eigenvalues of the local curvature and the largest gradient in the surroundings
  (Lindeberg 1998, "Feature detection with automatic scale selection"): a speck or a crack that an average
  would drown.
- **Second order**: the energies of one octave filtered again at the coarser ones and divided by their mean
  (normalised scattering: Bruna & Mallat 2013, arXiv 1203.1513): how a texture is arranged.
- **Colour**: the mean of the three axes of Ohta, Kanade & Sakai 1980 ("Color information for region
  segmentation") and their deviation in each octave, not normalised.

Energies, ratios and deviations are logarithms, which makes twice the contrast the same step everywhere;
peaks are roots, since a logarithm would make the strongest of them, the defects, hardly any stronger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from app.vision.backbones.base import Backbone, Layer, constant, ints
from app.vision.parts import Arrays

NAME = "oriented-filters"

_OCTAVES = 4
_DIRECTIONS = 8
_SIGMA = 1.3  # of the derivatives, in samples of their octave: the finest that is still sampled well
_RADIUS = 4  # of their kernels: three sigma
_DERIVATIVES = 5  # xx, xy, yy, x, y
_ENERGIES = 2 * _DIRECTIONS  # first and second derivative in each direction
_TWICE = 4  # directions that are filtered again: every second one of the second derivative
_EVERY = _DIRECTIONS // _TWICE
_PEAKS = 5
_COLOURS = 3

_LOCAL_LEVELS = 4  # local mean and contrast are taken at a sixteenth of the resolution,
_LOCAL_SIGMA = 1.5  # with this Gaussian there: about 24 pixels of the input
_CONTRAST_FLOOR = 0.02  # of 1: contrast below it (5 grey levels) is noise and is not blown up
_ENERGY_FLOOR = 0.02  # of normalised energies, where the logarithm flattens out
_PEAK_FLOOR = 0.001  # of peaks under their root, which would make much of the rounding of a zero
_RATIO_FLOOR = 0.02  # of second-order energies and their ratios
_COLOUR_FLOOR = 0.003  # of colour deviations, of 1: somewhat below one grey level

_CHANNELS = _OCTAVES * (_ENERGIES + _PEAKS) + _OCTAVES * (_OCTAVES - 1) // 2 * _TWICE**2 + (1 + _OCTAVES) * _COLOURS


class Filters(Backbone):
    """Oriented filters at several scales and colour statistics; nothing learned."""

    name = NAME
    title = "Oriented filters and colour (nothing learned)"
    layers = (Layer("cells8", _CHANNELS, 8), Layer("cells16", _CHANNELS, 16))
    default_layers = ("cells16",)

    def centre_offset(self, layer: str) -> float:
        """Every window is symmetric about the middle of its cell; measured within 0.4 pixels of it."""
        self.layer(layer)
        return 0.0

    def arrays(self, layers: Sequence[str]) -> Arrays:
        self.chosen(layers)
        kernels = _derivatives()
        window = np.exp(-0.5 * (np.arange(4) - 1.5) ** 2)  # sigma: half a cell
        thrice = np.exp(-0.5 * (np.arange(3) - 1.0) ** 2 / 0.5)
        local = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _LOCAL_SIGMA) ** 2)
        halving = np.array([1.0, 3.0, 3.0, 1.0])  # binomial: hardly any aliasing
        whole: dict[str, NDArray[np.float64]] = {
            "colours": np.array([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 0, -1 / 2], [-1 / 4, 1 / 2, -1 / 4]]) / 255.0,
            "derivatives": kernels,
            "directions": _steering(),
            "window": window / window.sum(),
            "window1": thrice / thrice.sum(),
            "local": local / local.sum(),
            "halving": halving / halving.sum(),
        }
        return {name: np.ascontiguousarray(array, np.float32) for name, array in whole.items()}

    def expected_shapes(self, layers: Sequence[str]) -> dict[str, tuple[int, ...]]:
        self.chosen(layers)
        side = 2 * _RADIUS + 1
        return {
            "colours": (_COLOURS, 3),
            "derivatives": (_DERIVATIVES, side, side),
            "directions": (_ENERGIES, _DERIVATIVES),
            "window": (4,),
            "window1": (3,),
            "local": (side,),
            "halving": (4,),
        }

    def build(self, pixels: ov.Node, arrays: Mapping[str, NDArray[Any]], layers: Sequence[str]) -> list[ov.Node]:
        strides = [layer.stride for layer in self.chosen(layers)]
        return _Builder(arrays).features(pixels, strides)


def _derivatives() -> NDArray[np.float64]:
    """(5, 9, 9): second derivatives xx, xy, yy and first x, y of a Gaussian, without response to flat grey,
    each order scaled so that the absolute values of its first add up to 1."""
    y, x = np.mgrid[-_RADIUS : _RADIUS + 1, -_RADIUS : _RADIUS + 1] / _SIGMA
    gauss = np.exp(-0.5 * (x * x + y * y))
    xx = (x * x - 1) * gauss
    xx -= gauss * xx.sum() / gauss.sum()
    second = np.stack([xx, x * y * gauss, xx.T]) / np.abs(xx).sum()
    first = np.stack([-x * gauss, -y * gauss]) / np.abs(x * gauss).sum()
    return np.concatenate([second, first])


def _steering() -> NDArray[np.float64]:
    """(16, 5): the derivative along each direction out of the five kernels; first all second derivatives,
    then all first ones. Exact, not interpolated: that is what makes these filters cheap."""
    angles = np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    c, s = np.cos(angles), np.sin(angles)
    rows = np.zeros((_ENERGIES, _DERIVATIVES))
    rows[:_DIRECTIONS, :3] = np.stack([c * c, 2 * c * s, s * s], 1)
    rows[_DIRECTIONS:, 3:] = np.stack([c, s], 1)
    return rows


class _Builder:
    """The nodes of one graph."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays
        self._kernels = arrays["derivatives"][:, None]
        self._steer = arrays["directions"][:, :, None, None]
        # Every second of the second derivatives' directions; where they are filtered again, only these.
        self._steer_some = arrays["directions"][:_DIRECTIONS:_EVERY, :, None, None]
        self._steer_again = self._steer_some[:, :3]

    def features(self, pixels: ov.Node, strides: Sequence[int]) -> list[ov.Node]:
        colours = op.convolution(pixels, constant(self._arrays["colours"][:, :, None, None]), *_plain(1))
        grey = self._normalised(op.gather(colours, ints([0]), ints(1)))
        parts = {stride: [self._mean(colours, _COLOURS, stride)] for stride in strides}
        again: list[ov.Node] = []  # energies of the finer octaves, at this octave's resolution
        means: dict[int, list[ov.Node]] = {stride: [] for stride in strides}
        for octave in range(_OCTAVES):
            coarser = self._halved(colours, _COLOURS)
            band = op.subtract(colours, _enlarged(coarser, colours))
            colour_energy = op.multiply(band, band)
            colours = coarser
            if octave:
                grey = self._halved(grey, 1)
                again = [self._halved(energy, _TWICE) for energy in again]
            derivatives = op.convolution(_padded(grey, _RADIUS), constant(self._kernels), *_plain(1))
            energies = op.abs(op.convolution(derivatives, constant(self._steer), *_plain(1)))
            peaks = _peaks(derivatives)
            second = self._second(again) if again else None
            for stride, found in parts.items():
                step = stride >> octave
                mean = self._mean(energies, _ENERGIES, step)
                found.append(_log(self._mean(colour_energy, _COLOURS, step), _COLOUR_FLOOR**2))
                found += [_log(mean, _ENERGY_FLOOR), _root(_highest(peaks, step), _PEAK_FLOOR)]
                if second is not None:
                    count = _TWICE * _TWICE * len(again)
                    # Back from "every energy a picture of its own" to channels.
                    pooled = op.reshape(self._mean(second, _TWICE, step), ints([-1, count, 0, 0]), True)
                    base = op.add(op.concat(means[stride], 1), constant(np.float32(_RATIO_FLOOR)))
                    found.append(_log(op.divide(pooled, base), _RATIO_FLOOR))
                if octave + 1 < _OCTAVES:
                    # Of every energy that is filtered again, the mean to divide its four answers by.
                    repeated = [_EVERY * (index // _TWICE) for index in range(_TWICE * _TWICE)]
                    means[stride].append(op.gather(mean, ints(repeated), ints(1)))
            if octave + 1 < _OCTAVES:
                again.append(op.abs(op.convolution(derivatives, constant(self._steer_some), *_plain(1))))
        return [op.concat(parts[stride], 1) for stride in strides]

    def _second(self, energies: list[ov.Node]) -> ov.Node:
        """Energies (B, 4, h, w) each -> (4 x B x number, 4, h, w): each filtered in four directions. All take
        the same kernels, so each becomes a picture of its own: one convolution, and a fast one."""
        stacked = op.reshape(op.concat(energies, 1), ints([-1, 1, 0, 0]), True)
        derivatives = op.convolution(_padded(stacked, _RADIUS), constant(self._kernels[:3]), *_plain(1))
        return op.abs(op.convolution(derivatives, constant(self._steer_again), *_plain(1)))

    def _normalised(self, grey: ov.Node) -> ov.Node:
        """Grey without its local mean and contrast."""
        away = op.subtract(grey, self._local_mean(grey))
        spread = self._local_mean(op.multiply(away, away))
        return op.divide(away, op.sqrt(op.add(spread, constant(np.float32(_CONTRAST_FLOOR**2)))))

    def _local_mean(self, x: ov.Node) -> ov.Node:
        """A wide Gaussian mean of one channel, at its resolution, by way of a coarse copy."""
        row = self._arrays["local"]
        coarse = x
        for _ in range(_LOCAL_LEVELS):
            coarse = self._halved(coarse, 1)
        coarse = _depthwise(_padded(coarse, _RADIUS), np.outer(row, row), 1, 1)
        return _enlarged(coarse, x)

    def _halved(self, x: ov.Node, channels: int) -> ov.Node:
        row = self._arrays["halving"]
        return _depthwise(_padded(x, 1), np.outer(row, row), channels, 2)

    def _mean(self, x: ov.Node, channels: int, step: int) -> ov.Node:
        """Mean about each cell of step x step samples, reaching half a cell into the neighbours (one whole
        where a cell is a single sample)."""
        if step == 1:
            row = self._arrays["window1"]
            return _depthwise(_padded(x, 1), np.outer(row, row), channels, 1)
        half, row = step // 2, self._arrays["window"]
        if half > 1:
            x = op.avg_pool(x, [half, half], [0, 0], [0, 0], [half, half], True)
        return _depthwise(_padded(x, 1), np.outer(row, row), channels, 2)


def _peaks(derivatives: ov.Node) -> ov.Node:
    """(B, 5, h, w) derivatives -> (B, 5, h, w) >= 0: the larger curvature where positive (dark lines) and
    where negative (bright specks), the smaller one likewise (dark specks, bright lines), the gradient.

    The curvatures are (xx + yy) / 2 +- sqrt(((xx - yy) / 2)^2 + xy^2), written as three sums over the
    channels so that these need not be taken apart and put together again, which would cost more."""
    h = 0.5
    middle = [[h, 0, h, 0, 0], [-h, 0, -h, 0, 0], [h, 0, h, 0, 0], [-h, 0, -h, 0, 0], [0, 0, 0, 0, 0]]
    one = [[h, 0, -h, 0, 0]] * 4 + [[0, 0, 0, 1, 0]]
    other = [[0, 1, 0, 0, 0]] * 4 + [[0, 0, 0, 0, 1]]
    sign = np.array([1, -1, -1, 1, 1]).reshape(1, _PEAKS, 1, 1)
    m, a, b = (
        op.convolution(derivatives, constant(np.array(rows)[:, :, None, None]), *_plain(1))
        for rows in (middle, one, other)
    )
    reach = op.sqrt(op.add(op.multiply(a, a), op.multiply(b, b)))
    return op.relu(op.add(m, op.multiply(reach, constant(sign))))


def _highest(x: ov.Node, step: int) -> ov.Node:
    """The largest value about each cell, over the same surroundings as `_Builder._mean`."""
    if step == 1:
        return op.max_pool(x, [1, 1], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)
    half = step // 2
    if half > 1:
        x = op.max_pool(x, [half, half], [1, 1], [0, 0], [0, 0], [half, half]).output(0)
    return op.max_pool(x, [2, 2], [1, 1], [1, 1], [1, 1], [4, 4]).output(0)


def _enlarged(x: ov.Node, like: ov.Node) -> ov.Node:
    """Linearly, to the height and width of another node."""
    return op.interpolate(
        x,
        op.gather(op.shape_of(like), ints([2, 3]), ints(0)),
        "linear_onnx",
        "sizes",
        axes=ints([2, 3]),
        pads_begin=[0, 0, 0, 0],
        pads_end=[0, 0, 0, 0],
        coordinate_transformation_mode="half_pixel",
    )


def _log(x: ov.Node, floor: float) -> ov.Node:
    return op.log(op.add(x, constant(np.float32(floor))))


def _root(x: ov.Node, floor: float) -> ov.Node:
    return op.sqrt(op.add(x, constant(np.float32(floor))))


def _padded(x: ov.Node, by: int) -> ov.Node:
    """Border samples are repeated: black ones beyond the border would be an edge."""
    return op.pad(x, ints([0, 0, by, by]), ints([0, 0, by, by]), "edge")


def _depthwise(x: ov.Node, kernel: NDArray[Any], channels: int, step: int) -> ov.Node:
    kernels = np.broadcast_to(kernel, (channels, 1, 1, *kernel.shape))
    return op.group_convolution(x, constant(kernels), *_plain(step))


def _plain(step: int) -> tuple[list[int], list[int], list[int], list[int]]:
    return [step, step], [0, 0], [0, 0], [1, 1]
