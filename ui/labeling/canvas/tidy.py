"""What is done to regions as a whole: holes filled, specks removed, one deleted. Found on a worker, on a copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.masking import Area, MaskRegion, Plane, hole_area, region_at, speck_area

if TYPE_CHECKING:
    from ui.labeling.canvas.canvas import MaskCanvas


def fill_holes(canvas: MaskCanvas) -> None:
    """Holes in the chosen type's regions become part of them."""
    own = canvas.type_id
    if canvas.may_draw():
        none = "There is no hole to fill in the regions of this type."
        _change(canvas, "fill holes", lambda plane: hole_area(plane, own), own, 0, none)


def remove_specks(canvas: MaskCanvas, least: int) -> None:
    """Regions of the chosen type with fewer than `least` pixels become good surface."""
    own = canvas.type_id
    if canvas.may_draw():
        none = f"No region of this type has fewer than {least} pixels."
        _change(canvas, "remove specks", lambda plane: speck_area(plane, own, least), 0, own, none)


def delete_region(canvas: MaskCanvas, region: MaskRegion) -> None:
    """A region becomes good surface."""
    none = "This region is gone already."
    _change(canvas, "delete", lambda plane: region_at(plane, region.at, region.box), 0, region.type_id, none)


def _change(
    canvas: MaskCanvas, words: str, find: Callable[[Plane], Area | None], becomes: int, only: int, none: str
) -> None:
    work = canvas.work
    if work is None:
        return
    plane = work.copy()

    def take(area: Area | None) -> None:
        if work.put(area, becomes, words, only) is None:
            canvas.told.emit(none)

    canvas.slow.start("Looking at the regions", lambda: find(plane), take)
