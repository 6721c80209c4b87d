"""What a source says of its own settings, for the record of each part."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import cv2

from app.cameras.base import FrameSource

Facts = dict[str, str | int | float]

_USB = (
    ("width", cv2.CAP_PROP_FRAME_WIDTH),
    ("height", cv2.CAP_PROP_FRAME_HEIGHT),
    ("fps", cv2.CAP_PROP_FPS),
    ("exposure", cv2.CAP_PROP_EXPOSURE),
    ("gain", cv2.CAP_PROP_GAIN),
    ("brightness", cv2.CAP_PROP_BRIGHTNESS),
    ("contrast", cv2.CAP_PROP_CONTRAST),
    ("white_balance", cv2.CAP_PROP_WB_TEMPERATURE),
    ("focus", cv2.CAP_PROP_FOCUS),
)


def usb_facts(get: Callable[[int], float]) -> Facts:
    """What an opened camera tells by OpenCV's `get`; a property it does not have reads 0 or -1 and is left out."""
    found: Facts = {}
    for name, number in _USB:
        try:
            value = float(get(number))
        except (cv2.error, TypeError, ValueError):
            continue
        if math.isfinite(value) and value not in (0.0, -1.0):
            found[name] = int(value) if value.is_integer() else round(value, 4)
    return found


def camera_settings(source: FrameSource) -> str:
    """A source's settings as JSON text: its kind and address without credentials, and whatever it knows beside."""
    kind = source.address.partition(":")[0]
    known: Facts = getattr(source, "facts", {})
    return json.dumps({"kind": kind, "address": source.address, **known}, ensure_ascii=False)
