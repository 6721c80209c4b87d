"""Reading model files of format version 1: one view, one bank, scores that are not divided by a limit.

The picture is now brought to the canvas by halving instead of by whole blocks, which moves scores of such a
model by a few thousandths.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import ModelError
from app.vision.parts import Arrays

_BANK = {"bank.vectors": "view0.vectors", "bank.mean": "view0.mean", "bank.deviation": "view0.deviation"}


def upgraded(raw: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Any], Arrays]:
    """Description and arrays as version 2 has them; what is wrong in them, reading as version 2 tells.

    Raises:
        ModelError: something is missing that version 1 always has.
    """
    try:
        height, width = int(raw["network"]["height"]), int(raw["network"]["width"])
        taps = [int(tap) for tap in raw["network"]["taps"]]
        if not (0 < height <= 4096 and 0 < width <= 4096):
            raise ModelError("its description is wrong at network: no size of a picture")
        described = {key: value for key, value in raw.items() if key not in ("network", "bank")} | {
            "version": 2,
            "layers": [f"block{tap}" for tap in taps],
            "views": [
                {
                    "size": round(math.sqrt(height * width)),
                    "mean": 1,
                    "vectors": raw["bank"]["vectors"],
                    "place_weight": 0,
                    "limit": 1,
                    "edge": 1,
                }
            ],
        }
        found: Arrays = {_BANK.get(name, f"backbone.{name}"): array for name, array in arrays.items()}
        # Rounding to half precision is far below the difference between two pictures of one part.
        found["view0.vectors"] = found["view0.vectors"].clip(-60_000, 60_000).astype(np.float16)
        found["view0.places"] = np.zeros((len(found["view0.vectors"]), 2), np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"its description lacks what version 1 has ({error})") from None
    return described, found
