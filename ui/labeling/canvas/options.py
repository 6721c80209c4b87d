"""What the chosen tool can be told, in one row below the picture."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.labeling.canvas.canvas import MaskCanvas
from ui.labeling.canvas.sliders import LevelSlider, LimitSlider, SizeSlider
from ui.labeling.canvas.tidy import fill_holes, remove_specks
from ui.labeling.canvas.tools import Tool
from ui.shared.widgets import Button

_SPECK = 30
"""Pixels below which a region is a speck."""


def _chip(words: str, icon_name: str) -> Button:
    made = Button(words, "chip", icon_name)
    made.setCheckable(True)
    return made


class Options(QWidget):
    """Shows what belongs to the tool and hides the rest."""

    def __init__(self, canvas: MaskCanvas) -> None:
        super().__init__()
        self._canvas = canvas
        self.size_slider = SizeSlider(canvas.diameter)
        self.size_slider.moved.connect(canvas.set_diameter)
        canvas.size_changed.connect(self.size_slider.show_pixels)
        self.tolerance = LevelSlider(0, 128, canvas.tolerance, "Tolerance")
        self.tolerance.valueChanged.connect(canvas.set_tolerance)
        self.limit = LimitSlider()
        self.limit.moved.connect(canvas.heat.set_threshold)
        self.take = Button("Take it", icon_name="check", on=canvas.heat.close)
        self.snap = _chip("Follow edges", "magnet")
        self.snap.toggled.connect(lambda on: setattr(canvas, "snap", on))
        self.only = _chip("This type only", "filter-outline")
        self.only.toggled.connect(lambda on: setattr(canvas, "erase_current_only", on))
        self.close_shape = Button("Close", icon_name="check", on=canvas.close_shape)
        self.back = Button("Corner back", icon_name="backspace-outline", on=canvas.step_back)
        self.holes = Button("Fill holes", on=lambda: fill_holes(canvas))
        self.specks = Button("Remove specks", on=lambda: remove_specks(canvas, _SPECK))
        self._shown: dict[QWidget, tuple[Tool, ...]] = {
            self.size_slider: (Tool.BRUSH, Tool.ERASER),
            self.tolerance: (Tool.WAND,),
            self.limit: (Tool.HEAT,),
            self.take: (Tool.HEAT,),
            self.snap: (Tool.BRUSH, Tool.POLYGON),
            self.only: (Tool.ERASER,),
            self.close_shape: (Tool.POLYGON,),
            self.back: (Tool.POLYGON,),
            self.holes: (Tool.BRUSH, Tool.WAND, Tool.BOX),
            self.specks: (Tool.WAND, Tool.BOX, Tool.ERASER),
        }
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in self._shown:
            layout.addWidget(widget, 1 if widget in (self.size_slider, self.tolerance, self.limit) else 0)
        layout.addStretch(1)
        for slider in (self.size_slider, self.tolerance, self.limit):
            slider.setMaximumWidth(360)
        canvas.tool_changed.connect(self.show_tool)
        self.show_tool(canvas.tool)

    def show_tool(self, tool: str) -> None:
        for widget, tools in self._shown.items():
            widget.setVisible(widget.isVisibleTo(self) and Tool(tool) in tools)
        for widget, tools in self._shown.items():  # in this order, or the row would need more room for a moment
            widget.setVisible(Tool(tool) in tools)

    def show_heat(self) -> None:
        """Another picture is open."""
        heat = self._canvas.heat
        if heat.map is not None:
            self.limit.show_map(heat.map.peak, heat.threshold)
