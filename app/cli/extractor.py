"""Which feature extractor `train` was told to use."""

from __future__ import annotations

import re
from pathlib import Path

from app.cli.parser import Arguments
from app.domain.errors import ModelError
from app.vision import backbones
from app.vision.backbones import Backbone
from app.vision.backbones.onnx import IMAGENET_DEVIATION, IMAGENET_MEAN, OnnxBackbone


def chosen(options: Arguments) -> Backbone | None:
    """None for the default one.

    Raises:
        ModelError: no backbone of that name, or an ONNX file that can't be used; the message says why.
    """
    name = options.backbone
    if name is None:
        return None
    if not name.lower().endswith(".onnx"):
        return backbones.get(name)
    if not options.layers:
        raise ModelError(
            f"Which tensors of {name} are the features? Name them with --layers, separated by commas: the outputs of "
            "stages that shrink the picture 8 or 16 times do well."
        )
    path = Path(name)
    slug = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")[:60] or "onnx"
    found = OnnxBackbone.read(
        path,
        slug,
        [layer.strip() for layer in options.layers.split(",") if layer.strip()],
        title=path.name[:80],
        mean=options.backbone_mean or IMAGENET_MEAN,
        scale=options.backbone_scale or IMAGENET_DEVIATION,
        colours="bgr" if options.backbone_bgr else "rgb",
    )
    backbones.add(found)
    return found
