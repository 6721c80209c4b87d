"""The tools by their names, and what to do next with each."""

from __future__ import annotations

from enum import StrEnum


class Tool(StrEnum):
    """What the pointer does."""

    BRUSH = "brush"
    ERASER = "eraser"
    POLYGON = "polygon"
    WAND = "wand"
    BOX = "box"
    HEAT = "heat map"


HINTS = {
    Tool.BRUSH: "Paint over the defect. [ and ] change the size.",
    Tool.ERASER: "Paint over what is not a defect.",
    Tool.POLYGON: "Tap the corners; tap the first again to close.",
    Tool.WAND: "Tap a spot: what is joined to it and alike is taken.",
    Tool.BOX: "Draw a box around the defect, with a little room.",
    Tool.HEAT: "Move the slider until the defect is covered, then take it.",
}
"""What to do next, in a line."""
