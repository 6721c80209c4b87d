"""Small building blocks: labels, buttons, cards, choices, scroll areas that follow a finger."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from datetime import datetime, tzinfo
from typing import TypeVar

os.environ.setdefault("QT_API", "pyside6")

import qtawesome
from PySide6.QtCore import QMargins, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QBoxLayout,
    QButtonGroup,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QScroller,
    QScrollerProperties,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui.theme import current


def icon(name: str, colour: str = "text") -> QIcon:
    """A Material Design icon by its name in the "mdi6" set, in a token's colour."""
    tokens = current().tokens
    made: QIcon = qtawesome.icon(f"mdi6.{name}", color=getattr(tokens, colour), color_disabled=tokens.quiet)
    return made


def label(text: str = "", kind: str = "", *, wrap: bool = False) -> QLabel:
    """A plain-text label of a kind from the style sheet."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)  # names and messages are never markup
    if kind:
        made.setProperty("kind", kind)
    made.setWordWrap(wrap)
    return made


def set_kind(widget: QWidget, kind: str) -> None:
    """Changes a widget's kind and takes the look at once."""
    if widget.property("kind") == kind:
        return
    widget.setProperty("kind", kind)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Button(QPushButton):
    """A touch-sized button. Space is kept for the trigger: Enter presses."""

    def __init__(
        self, text: str, kind: str = "plain", icon_name: str = "", on: Callable[[], object] | None = None
    ) -> None:
        super().__init__(text)
        self.setProperty("kind", kind)
        self._icon_name = icon_name
        self.setIconSize(QSize(24, 24))
        self.setAutoDefault(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a finger leaves no focus ring behind, keys do
        self._colour_icon()
        current().changed.connect(self._colour_icon)
        if on is not None:
            self.clicked.connect(lambda _checked=False: on())

    def set_icon(self, name: str) -> None:
        self._icon_name = name
        self._colour_icon()

    def set_role(self, kind: str) -> None:
        """ "primary" or "plain"."""
        if self.property("kind") != kind:
            set_kind(self, kind)
            self._colour_icon()

    def _colour_icon(self) -> None:
        if self._icon_name:
            self.setIcon(icon(self._icon_name, "on_fill" if self.property("kind") == "primary" else "text"))

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Space:
            event.ignore()
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()
            return
        super().keyPressEvent(event)


class Combo(QComboBox):
    """A drop-down list; the style sheet's own arrow would be none, so it is painted in the theme's colour."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(8)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        current().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        paint_chevron(self)

    def wheelEvent(self, event):  # type: ignore[no-untyped-def]
        event.ignore()  # scrolling the page must not change what is chosen


def paint_chevron(widget: QWidget) -> None:
    """The arrow at the right end of a field that opens a list or a calendar. To be called while it is painted."""
    painter = QPainter(widget)
    mark = icon("chevron-down", "text" if widget.isEnabled() else "quiet")
    mark.paint(painter, widget.width() - 40, (widget.height() - 24) // 2, 24, 24)
    painter.end()


class Notice(QWidget):
    """A line of words with a coloured edge: "bad", "good" or "mention". Hidden while empty."""

    def __init__(self, words: str = "", kind: str = "mention") -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self._edge = QFrame()
        self._edge.setFixedWidth(4)
        self._words = label("", wrap=True)
        layout.addWidget(self._edge)
        layout.addWidget(self._words, 1)
        set_kind(self._edge, f"edge-{kind}")
        self._words.setText(words)
        if not words:
            self.hide()  # never shown here: without a parent it would be a window of its own

    def text(self) -> str:
        return self._words.text()

    @property
    def kind(self) -> str:
        return str(self._edge.property("kind")).removeprefix("edge-")

    def tell(self, words: str, kind: str = "mention") -> None:
        set_kind(self._edge, f"edge-{kind}")
        self._words.setText(words)
        self.setVisible(bool(words))


class _RoomyChip(Button):
    def sizeHint(self) -> QSize:
        size, plain, bold = super().sizeHint(), QFont(self.font()), QFont(self.font())
        plain.setWeight(QFont.Weight.Normal)
        bold.setWeight(QFont.Weight.DemiBold)
        narrow, wide = (QFontMetrics(each).horizontalAdvance(self.text()) for each in (plain, bold))
        return size.grownBy(QMargins(0, 0, max(0, wide - narrow), 0))


class Choice(QWidget):
    """A row of chips of which one is chosen; the chosen one is marked by its frame and weight."""

    chosen = Signal(str)

    def __init__(self, options: list[tuple[str, str]], value: str, *, columns: int = 0, roomy: bool = False) -> None:
        """`options` are (key, words); with `columns` several rows of so many instead of one; `roomy`: each is as wide
        as its words are when they are bold, for long words."""
        super().__init__()
        row = QGridLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, Button] = {}
        for number, (key, words) in enumerate(options):
            chip = (_RoomyChip if roomy else Button)(words, "chip")
            chip.setCheckable(True)
            chip.clicked.connect(lambda _checked=False, key=key: self.chosen.emit(key))
            self._group.addButton(chip)
            self._buttons[key] = chip
            row.addWidget(chip, *divmod(number, columns or len(options)))
        if not columns:
            row.setColumnStretch(len(options), 1)
        self.set_value(value)

    def button(self, key: str) -> Button:
        return self._buttons[key]

    def value(self) -> str:
        return next((key for key, chip in self._buttons.items() if chip.isChecked()), "")

    def set_value(self, key: str) -> None:
        if key in self._buttons:
            self._buttons[key].setChecked(True)


class Picks(QWidget):
    """Chips of which any number is chosen, each marked by its frame and weight."""

    def __init__(self, options: list[tuple[str, str]], chosen: Collection[str], *, columns: int) -> None:
        """`options` are (key, words), so many in a row."""
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        self._buttons: dict[str, Button] = {}
        for number, (key, words) in enumerate(options):
            chip = _RoomyChip(words, "chip")
            chip.setCheckable(True)
            chip.setChecked(key in chosen)
            self._buttons[key] = chip
            grid.addWidget(chip, *divmod(number, columns))

    def button(self, key: str) -> Button:
        return self._buttons[key]

    def values(self) -> list[str]:
        """Keys of those that are chosen, in their order."""
        return [key for key, chip in self._buttons.items() if chip.isChecked()]


class Card(QFrame):
    """A surface with a heading; `body` takes the content."""

    def __init__(self, heading: str = "", *, padding: int = 24) -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(padding, padding, padding, padding)
        self.body.setSpacing(16)
        if heading:
            self.body.addWidget(label(heading, "heading"))


_Layout = TypeVar("_Layout", bound=QBoxLayout)


def row(*items: QWidget | int, spacing: int = 8) -> QHBoxLayout:
    """Widgets side by side; a number is a stretch."""
    return _fill(QHBoxLayout(), items, spacing)


def column(*items: QWidget | int, spacing: int = 8) -> QVBoxLayout:
    """Widgets one below the other; a number is a stretch."""
    return _fill(QVBoxLayout(), items, spacing)


def _fill(layout: _Layout, items: tuple[QWidget | int, ...], spacing: int) -> _Layout:
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for item in items:
        if isinstance(item, int):
            layout.addStretch(item)
        else:
            layout.addWidget(item)
    return layout


def field(words: str, editor: QWidget, hint: str = "") -> QWidget:
    """An editor with its name above and a hint below."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    name = label(words, "strong")
    name.setBuddy(editor)
    editor.setAccessibleName(words)
    layout.addWidget(name)
    layout.addWidget(editor)
    if hint:
        layout.addWidget(label(hint, "quiet", wrap=True))
    return box


def finger_scroll(area: QAbstractScrollArea) -> None:
    """Lets a list be dragged by a finger or the mouse. Wheel and keys keep working."""
    if isinstance(area, QAbstractItemView):
        area.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        area.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    # Presses held back until it is clear whether they scroll get lost now and then: they are given at once instead,
    # and Qt takes one back when it becomes a scroll.
    scroller = QScroller.scroller(area.viewport())
    properties = scroller.scrollerProperties()
    properties.setScrollMetric(QScrollerProperties.ScrollMetric.MousePressEventDelay, 0.0)
    scroller.setScrollerProperties(properties)
    QScroller.grabGesture(area.viewport(), QScroller.ScrollerGestureType.LeftMouseButtonGesture)


def scrolled(content: QWidget, *, on_card: bool = False) -> QScrollArea:
    """A page that scrolls up and down when it is higher than the screen; `on_card`: as a part of a card."""
    content.setProperty("kind", "" if on_card else "ground")
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(content)
    if on_card:
        content.setAutoFillBackground(False)
        area.viewport().setAutoFillBackground(False)
    finger_scroll(area)
    return area


def tall(item: QListWidgetItem, height: int) -> QListWidgetItem:
    """Gives a list's line its height in pixels."""
    item.setSizeHint(QSize(64, height))
    return item


def clear(layout: QLayout) -> None:
    """Takes everything out of a layout and lets it go."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
        elif (inner := item.layout()) is not None:
            clear(inner)


def grow(widget: QWidget, stretch: bool = True) -> QWidget:
    """Lets a widget take the room there is."""
    policy = QSizePolicy.Policy.Expanding if stretch else QSizePolicy.Policy.Preferred
    widget.setSizePolicy(policy, widget.sizePolicy().verticalPolicy())
    return widget


def page_layout(page: QWidget, direction: QBoxLayout.Direction = QBoxLayout.Direction.TopToBottom) -> QBoxLayout:
    """The margins every workspace keeps."""
    page.setProperty("kind", "ground")
    page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    layout = QBoxLayout(direction, page)
    layout.setContentsMargins(24, 24, 24, 24)
    layout.setSpacing(16)
    return layout


def clock(moment: datetime, zone: tzinfo | None, *, day: bool = False) -> str:
    """A UTC time as read at the station, e.g. "14:03:22" or "22 Nov, 14:03"."""
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b, %H:%M}" if day else f"{local:%H:%M:%S}"
