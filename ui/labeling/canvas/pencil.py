"""What every tool can do on a canvas, and what several of them need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QPainter, QPen

from ui.shared.fingers import At

if TYPE_CHECKING:
    from ui.labeling.canvas.canvas import MaskCanvas

_SNAP = 12.0
"""Pixels of the screen that an outline moves at most to an edge."""
_SNAP_MOST = 60.0
"""The same in pixels of the picture: far away from it edges are anywhere."""


class Pencil:
    """One tool at work on a canvas. Places are in the widget's pixels."""

    def __init__(self, canvas: MaskCanvas) -> None:
        self.canvas = canvas

    @property
    def active(self) -> bool:
        """Whether something is begun that Escape would end."""
        return False

    def press(self, at: At) -> None: ...
    def move(self, at: At) -> None: ...
    def release(self, at: At) -> None: ...
    def cancel(self) -> None: ...
    def close(self) -> None:
        """Enter: what was begun is done."""

    def back(self) -> None:
        """Backspace: the last part of what was begun goes."""

    def paint(self, painter: QPainter) -> None: ...


def outlined(colour: QColor) -> tuple[QPen, QPen]:
    """A dark line and a coloured one on it: seen on any part."""
    return QPen(QColor(0, 0, 0, 170), 4), QPen(colour, 2)


def snap_reach(canvas: MaskCanvas) -> float:
    """How far an outline may move, in pixels of the picture: as far as a hand is off at this zoom."""
    return min(max(_SNAP / canvas.view.scale, 3.0), _SNAP_MOST)
