"""Where a picture lies in the widget that shows it: numbers only, so that every rule can be tried without a window."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.masking import Rect

MOST = 64.0
"""Largest zoom: a pixel of the picture is as wide as a fingertip's touch target."""
PIXELS_FROM = 3.0
"""From this zoom on pixels are shown as squares, below it the picture is smoothed."""
GRID_FROM = 8.0
"""From this zoom on a grid parts the pixels."""

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class View:
    """A zoom and a place.

    Attributes:
        scale: pixels of the widget that one pixel of the picture takes.
        x, y: the picture's point at the widget's upper left corner.
    """

    scale: float
    x: float
    y: float

    def to_picture(self, at: tuple[float, float]) -> tuple[float, float]:
        """The picture's point that lies at a widget's point."""
        return self.x + at[0] / self.scale, self.y + at[1] / self.scale

    def to_widget(self, point: tuple[float, float]) -> tuple[float, float]:
        """The widget's point at which a picture's point lies."""
        return (point[0] - self.x) * self.scale, (point[1] - self.y) * self.scale

    def zoomed(self, factor: float, at: tuple[float, float], least: float) -> View:
        """Closer or further away; what lies at the widget's point `at` stays there."""
        scale = min(max(self.scale * factor, least), max(MOST, least))
        x, y = self.to_picture(at)
        return View(scale, x - at[0] / scale, y - at[1] / scale)

    def moved(self, dx: float, dy: float) -> View:
        """The picture follows a movement of so many pixels of the widget."""
        return replace(self, x=self.x - dx / self.scale, y=self.y - dy / self.scale)

    def held(self, size: tuple[int, int], room: Size) -> View:
        """The same without losing the picture: the widget's middle always shows some of it."""
        middle_x, middle_y = room[0] / 2 / self.scale, room[1] / 2 / self.scale
        return View(
            self.scale,
            min(max(self.x, -middle_x), size[0] - middle_x),
            min(max(self.y, -middle_y), size[1] - middle_y),
        )


def fitted(size: tuple[int, int], room: Size, margin: float = 12.0) -> View:
    """The whole picture of `size` in the middle of a widget."""
    wide, high = max(room[0] - 2 * margin, 1.0), max(room[1] - 2 * margin, 1.0)
    scale = min(wide / max(size[0], 1), high / max(size[1], 1), MOST)
    return _centred((size[0] / 2, size[1] / 2), scale, room)


def around(rect: Rect, size: tuple[int, int], room: Size) -> View:
    """A part of the picture in the middle, with as much again around it, never further away than the whole."""
    whole = fitted(size, room)
    scale = min(room[0] / max(2.0 * rect.width, 1.0), room[1] / max(2.0 * rect.height, 1.0), GRID_FROM)
    middle = (rect.x + rect.width / 2, rect.y + rect.height / 2)
    return _centred(middle, max(scale, whole.scale), room).held(size, room)


def _centred(point: tuple[float, float], scale: float, room: Size) -> View:
    return View(scale, point[0] - room[0] / 2 / scale, point[1] - room[1] / 2 / scale)
