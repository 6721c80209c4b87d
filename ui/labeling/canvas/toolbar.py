"""The tools as a column beside the picture, or as a row under the thumb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QBoxLayout, QSizePolicy, QWidget

from ui.labeling.canvas.tools import Tool
from ui.shared.widgets import Button, icon
from ui.theme import current
from ui.theme.theme import font

_WIDTH = 64
_GAP = 8
TEN_INCH = 72
"""Touch targets above so many pixels mean a screen that is held or touched: tools go under the thumb."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool or an action: its word, icon and key, and what it is called where there is room."""

    key: str
    word: str
    icon: str
    shortcut: str
    name: str = ""


TOOLS = (
    Offer(Tool.BRUSH, "Brush", "brush", "B"),
    Offer(Tool.ERASER, "Eraser", "eraser", "E"),
    Offer(Tool.POLYGON, "Polygon", "vector-polygon", "P"),
    Offer(Tool.WAND, "Wand", "auto-fix", "W"),
    Offer(Tool.BOX, "Box", "selection-drag", "G"),
    Offer(Tool.HEAT, "Heat", "fire", "H", "Take the heat map"),
)
ACTIONS = (
    Offer("undo", "Undo", "undo", "Ctrl+Z"),
    Offer("redo", "Redo", "redo", "Ctrl+Shift+Z"),
    Offer("fit", "Fit", "fit-to-screen-outline", "F"),
)


class ToolButton(QAbstractButton):
    """Icon and word; the chosen one is marked by its frame and weight, not by colour alone."""

    def __init__(self, offer: Offer, lasting: bool) -> None:
        super().__init__()
        self._offer = offer
        self.setCheckable(lasting)
        self.setText(offer.word)
        self.setAccessibleName(offer.name or offer.word)
        self.setToolTip(f"{offer.name or offer.word} ({offer.shortcut})")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.resize_to_touch()

    def resize_to_touch(self) -> None:
        touch = current().metrics.touch
        self.setFixedSize(QSize(max(_WIDTH, touch), touch))

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            event.ignore()  # every other key is one of the canvas

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        chosen = self.isChecked()
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if chosen or self.isDown() or self.underMouse():
            painter.setBrush(theme.colour("raised" if chosen or self.isDown() else "surface"))
            edge = "action" if self.hasFocus() else "text" if chosen else "line"
            painter.setPen(QPen(theme.colour(edge), 2 if chosen or self.hasFocus() else 1))
            painter.drawRoundedRect(box, 8, 8)
        elif self.hasFocus():
            painter.setPen(QPen(theme.colour("action"), 2))
            painter.drawRoundedRect(box, 8, 8)
        ink = "line" if not self.isEnabled() else "text" if chosen else "quiet"
        top = self.height() // 2 - 22
        icon(self._offer.icon, ink).paint(painter, (self.width() - 24) // 2, top, 24, 24)
        painter.setPen(theme.colour(ink))
        painter.setFont(font(14, QFont.Weight.DemiBold if chosen else QFont.Weight.Medium))
        painter.drawText(QRect(0, top + 25, self.width(), 20), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()


class SquareButton(Button):
    """An icon alone, as wide as it is high; its words are what a screen reader and a resting mouse are told."""

    def __init__(self, words: str, icon_name: str, on: Callable[[], object]) -> None:
        super().__init__("", icon_name=icon_name, on=on)
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.setStyleSheet("padding: 0;")
        current().changed.connect(self._square)
        self._square()

    def _square(self) -> None:
        self.setFixedWidth(current().metrics.touch)


class ToolBar(QWidget):
    """`chosen` carries a tool, `acted` an action ("undo", "redo", "fit")."""

    chosen = Signal(str)
    acted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._layout = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(_GAP)
        # Where the column does not fit, the editor lays it below the picture; it must not hold the window open.
        self._layout.setSizeConstraint(QBoxLayout.SizeConstraint.SetNoConstraint)
        self.buttons: dict[str, ToolButton] = {}
        for offer in TOOLS:
            self._add(offer, True).clicked.connect(lambda _checked=False, key=offer.key: self.chosen.emit(str(key)))
        self._layout.addStretch(1)
        for offer in ACTIONS:
            self._add(offer, False).clicked.connect(lambda _checked=False, key=offer.key: self.acted.emit(key))
        current().changed.connect(self._dress)
        self.lie(False)

    def _add(self, offer: Offer, lasting: bool) -> ToolButton:
        button = ToolButton(offer, lasting)
        self.buttons[str(offer.key)] = button
        self._layout.addWidget(button)
        return button

    def mark(self, tool: str) -> None:
        """Shows which tool is taken; a tap on it again does not put it down."""
        for offer in TOOLS:
            self.buttons[str(offer.key)].setChecked(str(offer.key) == tool)

    def lie(self, lying: bool) -> None:
        """A row instead of a column."""
        direction = QBoxLayout.Direction.LeftToRight if lying else QBoxLayout.Direction.TopToBottom
        self._layout.setDirection(direction)
        fixed, free = QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored
        self.setSizePolicy(free if lying else fixed, fixed if lying else free)
        self.buttons["fit"].setVisible(not lying)  # so that the row fits a 10-inch screen; the editor has it elsewhere
        self.updateGeometry()

    @property
    def lying(self) -> bool:
        return self._layout.direction() == QBoxLayout.Direction.LeftToRight

    def length(self) -> int:
        """How long it is, as a column or as a row."""
        button = self.buttons["undo"]
        side = button.width() if self.lying else button.height()
        return (len(self.buttons) - self.lying) * (side + _GAP)

    def sizeHint(self) -> QSize:
        button = self.buttons["undo"]
        return QSize(self.length(), button.height()) if self.lying else QSize(button.width(), self.length())

    def minimumSizeHint(self) -> QSize:
        return self.buttons["undo"].size()

    def _dress(self) -> None:
        for button in self.buttons.values():
            button.resize_to_touch()
            button.update()
        self.updateGeometry()
