"""Masks of defects as arrays: what the tools of the labelling studio do to a label plane.

A label plane is (H, W) uint8 at its picture's size; each pixel is the id of a `DefectType`, 0 is good surface. Tools
that look at the picture give an `Area`; `fill` puts it on the plane and gives the `Patch` that undo needs. Nothing
here knows a screen or a file.
"""

from app.masking.boxes import box_area
from app.masking.heat import HeatMap, heat_area
from app.masking.patches import Patch, Recorder, fill, patch_of, relabel
from app.masking.planes import blank, copied_to, decode_plane, encode_plane
from app.masking.rects import NOWHERE, Area, Plane, Rect, area_of, around, size_of
from app.masking.regions import MOST_REGIONS, MaskRegion, hole_area, list_regions, region_at, speck_area
from app.masking.shapes import polygon_area, wand_area
from app.masking.snapping import snap_area, snap_outline
from app.masking.strokes import Point, stroke, stroke_rect

__all__ = [
    "Area",
    "HeatMap",
    "MOST_REGIONS",
    "MaskRegion",
    "NOWHERE",
    "Patch",
    "Plane",
    "Point",
    "Recorder",
    "Rect",
    "area_of",
    "around",
    "blank",
    "box_area",
    "copied_to",
    "decode_plane",
    "encode_plane",
    "fill",
    "heat_area",
    "hole_area",
    "list_regions",
    "patch_of",
    "polygon_area",
    "region_at",
    "relabel",
    "size_of",
    "snap_area",
    "snap_outline",
    "speck_area",
    "stroke",
    "stroke_rect",
    "wand_area",
]
