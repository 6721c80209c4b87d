"""EfficientNet-Lite0 in torch, from the folded kernels that Linesight uses: so that both sides see with one eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

INPUT_MEAN, INPUT_SCALE = 127.0, 1 / 128.0  # as in app/vision/backbone.py, which says why

_AGREE = 1e-3
"""Largest difference of a value from OpenVINO's answer; the values reach a few tens, so this is float rounding."""


class Lite0(nn.Module):
    """The stem and the first blocks. Takes (N, 3, H, W) float32, R, G, B, 0..255, H and W multiples of 32.

    Its blocks are named `blocks.0`, `blocks.1`, ..., so that a feature extractor can be told which outputs it wants.

    Args:
        arrays: kernels and biases by the names of `app.vision.backbone.pretrained`.
        blocks: (step, residual) of each block.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], blocks: Sequence[tuple[int, bool]]) -> None:
        super().__init__()
        self.stem = _convolution(arrays, "stem", 2)
        self.blocks = nn.Sequential(
            *(_Block(arrays, f"block{index}", step, residual) for index, (step, residual) in enumerate(blocks))
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.stem((pixels - INPUT_MEAN) * INPUT_SCALE))


class _Block(nn.Module):
    def __init__(self, arrays: Mapping[str, np.ndarray], name: str, step: int, residual: bool) -> None:
        super().__init__()
        expand = f"{name}.expand"
        self.residual = residual
        self.layers = nn.Sequential(
            _convolution(arrays, expand) if f"{expand}.kernel" in arrays else nn.Identity(),
            _convolution(arrays, f"{name}.depthwise", step, depthwise=True),
            _convolution(arrays, f"{name}.project", linear=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layers(x)
        return y + x if self.residual else y


def _convolution(
    arrays: Mapping[str, np.ndarray], name: str, step: int = 1, *, depthwise: bool = False, linear: bool = False
) -> nn.Sequential:
    """TensorFlow's "same" padding, ReLU6 unless linear. At even sizes a stride of 2 takes kernel - 2 rows of padding,
    the odd one below and right."""
    kernel, bias = (torch.from_numpy(arrays[f"{name}.{part}"].copy()) for part in ("kernel", "bias"))
    outputs, _, size, _ = kernel.shape
    total = size - step
    before = total // 2
    convolution = nn.Conv2d(
        outputs if depthwise else kernel.shape[1], outputs, size, step, groups=outputs if depthwise else 1
    )
    convolution.weight = nn.Parameter(kernel, requires_grad=False)
    convolution.bias = nn.Parameter(bias, requires_grad=False)
    return nn.Sequential(
        nn.ZeroPad2d((before, total - before, before, total - before)) if total else nn.Identity(),
        convolution,
        nn.Identity() if linear else nn.ReLU6(),
    )


def check(network: Lite0, arrays: Mapping[str, np.ndarray], taps: Sequence[int]) -> float:
    """Compares with what OpenVINO answered to the same picture (`linesight_side.Side.weights`).

    Returns:
        The largest difference of any value of the blocks `taps`.

    Raises:
        RuntimeError: it is more than rounding.
    """
    with torch.no_grad():
        x = network.stem((torch.from_numpy(arrays["probe"]) - INPUT_MEAN) * INPUT_SCALE)
        worst = 0.0
        for index, block in enumerate(network.blocks):
            x = block(x)
            if index in taps:
                worst = max(worst, float((x - torch.from_numpy(arrays[f"answer.{index}"])).abs().max()))
    if worst > _AGREE:
        raise RuntimeError(
            f"The torch copy of EfficientNet-Lite0 differs from Linesight's by {worst:.4f}: "
            "app/vision/backbone.py has changed, so lite0.py has to follow."
        )
    return worst
