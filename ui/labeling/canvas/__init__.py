"""The mask editor: one picture, its label plane, and the tools to draw it."""

from ui.labeling.canvas.canvas import MaskCanvas
from ui.labeling.canvas.editor import MaskEditor
from ui.labeling.canvas.port import MaskPort, Subject

__all__ = ["MaskCanvas", "MaskEditor", "MaskPort", "Subject"]
