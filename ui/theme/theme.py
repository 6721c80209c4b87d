"""Puts fonts, palette and style sheet on the application, and tells painters the colours in use."""

from __future__ import annotations

import logging
from weakref import WeakSet

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from app.paths import RESOURCES
from ui.theme.metrics import USUAL_PIXELS_PER_MM, Metrics, pixels_per_mm
from ui.theme.sheet import style_sheet
from ui.theme.tokens import DARK, LIGHT, Tokens

log = logging.getLogger(__name__)

FAMILY = "Inter"


class Theme(QObject):
    """The look in use. `changed` tells widgets that paint themselves to take the new colours."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tokens: Tokens = DARK
        self.metrics = Metrics(USUAL_PIXELS_PER_MM)
        self.sheet = ""
        """The style sheet in use."""
        self._windows: WeakSet[QWidget] = WeakSet()

    def apply(self, app: QApplication, name: str, pixels_per_mm_setting: float = 0.0) -> None:
        """Sets the whole application to theme `name` ("dark" or "light")."""
        load_fonts()
        self.tokens = LIGHT if name == "light" else DARK
        self.metrics = Metrics(pixels_per_mm(pixels_per_mm_setting, app.primaryScreen()))
        sheet = style_sheet(self.tokens, self.metrics)
        if self.sheet == sheet:
            return  # the look has not changed: every widget would be polished again for nothing
        windows = [window for window in self._windows if isValid(window)]
        for window in windows:
            window.setStyleSheet("")  # or the font and the palette polish each widget again on their way
        app.setStyle("Fusion")
        app.setFont(font(16))
        app.setPalette(_palette(self.tokens))
        self.sheet = sheet
        for window in windows:
            window.setStyleSheet(sheet)
        self.changed.emit()

    def dress(self, window: QWidget) -> None:
        """Puts the style sheet on a widget and all in it, now and after each change of look.

        On the widget rather than on the application: with a sheet on the application Qt polishes each widget of a
        page again whenever one above it gets a parent, and a page takes four times as long to make.
        """
        window.setStyleSheet(self.sheet)
        self._windows.add(window)

    def colour(self, name: str) -> QColor:
        """A token as QColor, e.g. colour("quiet")."""
        return QColor(getattr(self.tokens, name))


_theme: Theme | None = None
_fonts_loaded = False


def current() -> Theme:
    """The one theme of this process."""
    global _theme
    if _theme is None:
        _theme = Theme()
    return _theme


def load_fonts() -> None:
    """Registers the bundled Inter: a clean machine has no fonts at all."""
    global _fonts_loaded
    if _fonts_loaded:
        return
    for file in sorted((RESOURCES / "fonts").glob("*.otf")):
        if QFontDatabase.addApplicationFont(str(file)) < 0:
            log.warning("the font %s could not be loaded", file)
    _fonts_loaded = True


def font(pixels: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Inter at a size in pixels, with tabular figures so that changing numbers stand still."""
    made = QFont(FAMILY)
    made.setPixelSize(pixels)
    made.setWeight(weight)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def _palette(tokens: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for where, colour in (
        (role.Window, tokens.ground),
        (role.WindowText, tokens.text),
        (role.Base, tokens.surface),
        (role.AlternateBase, tokens.raised),
        (role.Text, tokens.text),
        (role.Button, tokens.raised),
        (role.ButtonText, tokens.text),
        (role.ToolTipBase, tokens.raised),
        (role.ToolTipText, tokens.text),
        (role.PlaceholderText, tokens.quiet),
        (role.Highlight, tokens.action),
        (role.HighlightedText, tokens.on_fill),
        (role.Link, tokens.action),
        (role.LinkVisited, tokens.action),
        (role.Light, tokens.line),
        (role.Mid, tokens.line),
        (role.Dark, tokens.line),
    ):
        palette.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, where, QColor(tokens.quiet))
    return palette
