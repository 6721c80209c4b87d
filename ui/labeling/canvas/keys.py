"""The keys of the canvas, in one list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from ui.labeling.canvas.tools import Tool

if TYPE_CHECKING:
    from ui.labeling.canvas.canvas import MaskCanvas

TOOL_KEYS = {
    Qt.Key.Key_B: Tool.BRUSH,
    Qt.Key.Key_E: Tool.ERASER,
    Qt.Key.Key_P: Tool.POLYGON,
    Qt.Key.Key_W: Tool.WAND,
    Qt.Key.Key_G: Tool.BOX,
    Qt.Key.Key_H: Tool.HEAT,
}

ZOOM = 1.5
_FREE = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
_GROW = 1.25

_ACTS: dict[Qt.Key, Callable[[MaskCanvas], object]] = {
    Qt.Key.Key_BracketLeft: lambda canvas: canvas.set_diameter(
        min(canvas.diameter - 1, round(canvas.diameter / _GROW))
    ),
    Qt.Key.Key_BracketRight: lambda canvas: canvas.set_diameter(
        max(canvas.diameter + 1, round(canvas.diameter * _GROW))
    ),
    Qt.Key.Key_0: lambda canvas: canvas.fit(),
    Qt.Key.Key_F: lambda canvas: canvas.fit(),
    Qt.Key.Key_Plus: lambda canvas: canvas.zoom(ZOOM),
    Qt.Key.Key_Equal: lambda canvas: canvas.zoom(ZOOM),
    Qt.Key.Key_Minus: lambda canvas: canvas.zoom(1 / ZOOM),
    Qt.Key.Key_Return: lambda canvas: canvas.close_shape(),
    Qt.Key.Key_Enter: lambda canvas: canvas.close_shape(),
    Qt.Key.Key_Escape: lambda canvas: canvas.stop(),
    Qt.Key.Key_Backspace: lambda canvas: canvas.step_back(),
    Qt.Key.Key_N: lambda canvas: canvas.next_wanted.emit(),
    Qt.Key.Key_M: lambda canvas: canvas.previous_wanted.emit(),
}


def knows(event: QKeyEvent) -> bool:
    """Whether a key means something on the canvas."""
    key = Qt.Key(event.key())
    held = event.modifiers() & ~_FREE
    if held == Qt.KeyboardModifier.ControlModifier:
        return key in (Qt.Key.Key_Z, Qt.Key.Key_Y)
    if held != Qt.KeyboardModifier.NoModifier:
        return False
    return key in TOOL_KEYS or key in _ACTS or Qt.Key.Key_1 <= key <= Qt.Key.Key_9 or key == Qt.Key.Key_Space


def act_on(canvas: MaskCanvas, event: QKeyEvent) -> bool:
    """Does what a key means on the canvas; False where it means nothing."""
    key = Qt.Key(event.key())
    held = event.modifiers() & ~_FREE
    shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
    if held == Qt.KeyboardModifier.ControlModifier:
        if key == Qt.Key.Key_Z:
            (canvas.redo if shift else canvas.undo)()
        elif key == Qt.Key.Key_Y:
            canvas.redo()
        else:
            return False
        return True
    if held != Qt.KeyboardModifier.NoModifier:
        return False
    if key in TOOL_KEYS:
        canvas.choose(TOOL_KEYS[key])
    elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
        number = key - Qt.Key.Key_1
        if number < len(canvas.types):
            canvas.choose_type(canvas.types[number].id)
    elif key in _ACTS:
        _ACTS[key](canvas)
    else:
        return False
    return True
