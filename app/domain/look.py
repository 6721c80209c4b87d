"""Where on the picture a part is judged: regions of interest, and regions of no interest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

MOST = 32
"""Regions of one camera."""

Kind = Literal["look", "ignore"]
LOOK: Kind = "look"
IGNORE: Kind = "ignore"

_SPARE = 1e-6  # shares: what rounding adds to a region that reaches the picture's side
_LEAST = 1e-4  # of the picture: less is nothing


class LookRegion(BaseModel):
    """A rectangle in shares of the picture's sides: of the golden part's picture where the model has one, so that it
    moves with the part; else of each picture as it comes.

    Attributes:
        x, y: of its upper left corner.
        kind: "look": only what lies in one of these is judged; "ignore": what lies in one of these is not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)
    kind: Kind = "look"


def checked(regions: Sequence[LookRegion]) -> tuple[LookRegion, ...]:
    """The same; ValueError in words where one leaves the picture, or where they leave nothing to judge."""
    for number, each in enumerate(regions, start=1):
        if each.x + each.width > 1 + _SPARE or each.y + each.height > 1 + _SPARE:
            raise ValueError(f"region {number} lies outside the picture; x + width and y + height are at most 1")
    if judged_share(regions) < _LEAST:
        raise ValueError("nothing of the picture is left to judge; ignore less of it")
    return tuple(regions)


def judged_share(regions: Sequence[LookRegion]) -> float:
    """0..1: share of the picture that is judged. Exact: rectangles cut the picture into a grid."""
    across = np.unique([0.0, 1.0, *(side for each in regions for side in (each.x, each.x + each.width))])
    down = np.unique([0.0, 1.0, *(side for each in regions for side in (each.y, each.y + each.height))])
    across, down = across[across <= 1], down[down <= 1]
    x, y = np.meshgrid((across[1:] + across[:-1]) / 2, (down[1:] + down[:-1]) / 2)
    counts = np.full(x.shape, not any(each.kind == LOOK for each in regions))
    for kind, value in ((LOOK, True), (IGNORE, False)):
        for each in regions:
            if each.kind == kind:
                inside = (x >= each.x) & (x <= each.x + each.width) & (y >= each.y) & (y <= each.y + each.height)
                counts[inside] = value
    return float((counts * np.diff(across) * np.diff(down)[:, None]).sum())


def noted(camera: str, regions: Sequence[LookRegion], threshold: float = 0.0) -> str:
    """A camera's settings as JSON text, with the regions that its parts are judged by, and the threshold where that is
    not the model's own."""
    told: dict[str, object] = {}
    if regions:
        told[_KEY] = [[each.kind, each.x, each.y, each.width, each.height] for each in regions]
    if threshold:
        told["threshold"] = threshold
    return json.dumps(json.loads(camera or "{}") | told, ensure_ascii=False) if told else camera


def noted_in(camera: str) -> tuple[LookRegion, ...]:
    """The regions that a part on record was judged by; () where none are noted, or none that can be read."""
    try:
        told = json.loads(camera).get(_KEY, ())
        return checked(
            [LookRegion(kind=kind, x=x, y=y, width=width, height=height) for kind, x, y, width, height in told]
        )
    except (ValueError, TypeError, AttributeError):
        return ()


_KEY = "look_regions"

Point = Annotated[tuple[float, float], "x and y in pixels of the picture as it came"]


@dataclass(frozen=True, slots=True)
class LookOutline:
    """A region where it lay on one picture.

    Attributes:
        corners: four, in turn.
    """

    kind: Kind
    corners: tuple[Point, ...]
