"""What a feature extractor has to be, whatever stands behind it.

A backbone turns a picture into grids of feature vectors as nodes of the caller's own OpenVINO graph. It
carries its constants in plain arrays, so that a model file needs nothing else to judge.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from app.domain.errors import ModelError
from app.vision.parts import Arrays, taken
from app.vision.runtime import compile_graph

MULTIPLE = 32
"""Sides of an input are multiples of this unless a backbone asks for more."""

_PROBED = 256  # side of the noise pictures that are probed, in pixels
_PROBES = 32
_PROBES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Layer:
    """One output of a backbone.

    Attributes:
        name: what a model file calls it.
        channels: values a cell.
        stride: input pixels a cell, on both sides.
    """

    name: str
    channels: int
    stride: int


class Backbone(ABC):
    """A feature extractor. Immutable; any thread may use it."""

    name: str
    """In the model file and on the screen."""
    title: str
    """For people."""
    layers: tuple[Layer, ...]
    """From fine to coarse."""
    default_layers: tuple[str, ...]
    """What a training takes unless told otherwise; all of one stride."""
    multiple: int = MULTIPLE
    """Both sides of the input are multiples of this."""
    kernels: Mapping[str, str] = MappingProxyType({})
    """What `compile_graph` is to ask for, where that was measured to be quicker than OpenVINO's own choice."""

    @abstractmethod
    def arrays(self, layers: Sequence[str]) -> Arrays:
        """The constants `build` needs for these layers, float32 or uint8.

        Raises:
            ModelError: they are not to be had on this machine, or there is no such layer.
        """

    @abstractmethod
    def expected_shapes(self, layers: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the float32 arrays that `build` needs for these layers.

        Raises:
            ModelError: there is no such layer.
        """

    @abstractmethod
    def build(self, pixels: ov.Node, arrays: Mapping[str, NDArray[Any]], layers: Sequence[str]) -> list[ov.Node]:
        """Adds the network to a graph.

        Args:
            pixels: node of shape (B, 3, H, W) float32, R, G, B planes, 0..255. Each of B, H and W may be
                open (-1); H and W must turn out as multiples of `multiple`.
            arrays: of `arrays`, or of a model file after `check`.
            layers: the names of the wanted outputs.

        Returns:
            One node a layer, (B, channels, H / stride, W / stride) float32.

        Raises:
            ModelError: there is no such layer.
        """

    @abstractmethod
    def centre_offset(self, layer: str) -> float:
        """How far, in input pixels, the place a feature of this layer responds to lies right of (and
        below) the middle of its grid cell.

        Raises:
            ModelError: there is no such layer.
        """

    def check(self, arrays: Mapping[str, NDArray[Any]], layers: Sequence[str]) -> None:
        """Looks at the arrays of a file from a stranger before anything uses them; more than are needed
        do no harm.

        Raises:
            ModelError: one is missing, of another shape or type, or holds values that are not numbers.
        """
        for name, shape in self.expected_shapes(layers).items():
            taken(arrays, name, shape, np.float32)

    def available(self) -> bool:
        """Whether `arrays` can be had on this machine. A model file brings its own."""
        return True

    def layer(self, name: str) -> Layer:
        """The layer of that name.

        Raises:
            ModelError: there is none; the message names those there are.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = ", ".join(layer.name for layer in self.layers)
        raise ModelError(f"The backbone {self.name} has no layer {name!r}. It has {known}.")

    def chosen(self, layers: Sequence[str]) -> tuple[Layer, ...]:
        """The layers of these names.

        Raises:
            ModelError: none is named, or there is no such layer.
        """
        if not layers:
            raise ModelError(f"No layer of the backbone {self.name} is chosen. Name at least one.")
        return tuple(self.layer(name) for name in layers)


def constant(value: NDArray[Any] | np.float32) -> ov.Node:
    """A float32 constant of a graph."""
    return op.constant(np.ascontiguousarray(value, dtype=np.float32))


def ints(values: list[int] | int) -> ov.Node:
    """An int64 constant of a graph: axes, sizes, patterns."""
    return op.constant(np.array(values, np.int64))


def measure_offsets(backbone: Backbone, layers: Sequence[str], arrays: Arrays | None = None) -> tuple[float, ...]:
    """Measures `centre_offset` of each layer, input pixels, the mean of both axes.

    A small square is put at random places into pictures of noise; the centroid of the squared change of
    the features, without its faint tail, is compared with the square's middle. Always the same noise and
    places, so always the same answer.

    Raises:
        ModelError: a layer does not react to the squares at all.
    """
    chosen = backbone.chosen(layers)
    constants = backbone.arrays(layers) if arrays is None else arrays
    side = _whole(_PROBED, backbone.multiple)
    pixels = op.parameter([-1, 3, side, side], ov.Type.f32, name="pixels")
    nodes = backbone.build(pixels, constants, layers)
    compiled = compile_graph(ov.Model([op.result(node) for node in nodes], [pixels], "linesight-probe"))
    rng = np.random.default_rng(0)
    # Big enough to be seen at every stride, small against the cell it is to be placed in.
    mark = max(4, min(32, max(layer.stride for layer in chosen) // 2))
    found: list[list[NDArray[np.float64]]] = [[] for _ in chosen]
    for _ in range(_PROBES // _PROBES_AT_ONCE):
        plain = np.rint(np.clip(rng.normal(127, 25, (_PROBES_AT_ONCE, 3, side, side)), 0, 255)).astype(np.float32)
        marked = plain.copy()
        corners = rng.integers(side // 4, 3 * side // 4 - mark, (_PROBES_AT_ONCE, 2))
        for picture, (y, x) in zip(marked, corners, strict=True):
            picture[:, y : y + mark, x : x + mark] = rng.integers(0, 255, 3)[:, None, None]
        request = compiled.create_infer_request()
        outputs = []
        for batch in (plain, marked):
            request.infer([batch])
            outputs.append([request.get_output_tensor(index).data.copy() for index in range(len(chosen))])
        for index, layer in enumerate(chosen):
            changes = ((outputs[1][index] - outputs[0][index]).astype(np.float64) ** 2).sum(axis=1)
            for change, corner in zip(changes, corners, strict=True):
                found[index].append(corner + mark / 2 - _centroid(change, layer, backbone))
    return tuple(float(np.mean(offsets)) for offsets in found)


def _centroid(change: NDArray[np.float64], layer: Layer, backbone: Backbone) -> NDArray[np.float64]:
    """(y, x) in input pixels of the middle of a map of changes (h, w)."""
    if not np.isfinite(change).all() or change.max() <= 0:
        raise ModelError(
            f"The layer {layer.name!r} of the backbone {backbone.name} does not react to a change of the picture, "
            "or gives values that are not numbers. Choose another layer."
        )
    strong = np.where(change < change.max() * 0.1, 0, change)  # a wide view reacts a little everywhere
    middles = (np.arange(max(strong.shape)) + 0.5) * layer.stride
    return np.array([(strong.sum(1 - axis) * middles[: strong.shape[axis]]).sum() / strong.sum() for axis in (0, 1)])


def _whole(side: int, multiple: int) -> int:
    return max(1, -(-side // multiple)) * multiple
