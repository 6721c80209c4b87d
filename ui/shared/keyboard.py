"""The keyboard on the screen: comes when a finger taps a field, and types as a keyboard would."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from PySide6.QtCore import QEvent, QLocale, QObject, QPoint, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QInputDevice, QKeyEvent, QMouseEvent, QTouchEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QFrame,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui.shared.elided import Elided
from ui.shared.widgets import Button, row
from ui.theme import current

DIGITS = "1234567890"
LETTERS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
SIGNS = ("@:/._-+=*%", "#&()äöüß,", ";?!'\"<>")
_STILL = 16
"""Pixels that a finger may move between coming and going, and it was a tap and no scroll."""
_NAMED = {"erase": (Qt.Key.Key_Backspace, ""), "space": (Qt.Key.Key_Space, " ")}
_MASK = "\u2022"


class Keyboard(QFrame):
    """Over the lower edge of its window; the field keeps the focus, and what stands in it is shown here as well, since
    the field may lie below. `done` when the person has finished."""

    done = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setProperty("kind", "sheet")
        self.target: QWidget | None = None
        self.echo = Elided("", "heading")
        self.keys: dict[str, Button] = {}
        self._lines: list[list[Button]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 16)
        layout.setSpacing(8)
        self.end = self._button("Done", self.finish)
        self.end.set_role("primary")
        self.end.setMinimumWidth(120)
        self.end.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        head = row(self.echo, self.end, spacing=16)
        head.setStretch(0, 1)
        layout.addLayout(head)
        layout.addLayout(row(*(self._letter(sign) for sign in DIGITS)))
        german = QLocale().language() == QLocale.Language.German
        self._letters = tuple(line.translate(str.maketrans("yz", "zy")) for line in LETTERS) if german else LETTERS
        for line in self._letters:
            made = [self._letter(sign) for sign in line]
            self._lines.append(made)
            layout.addLayout(row(*made))
        self.shift = self._button("Shift", self._relabel)
        self.signs = self._button("# + =", self._relabel)
        for toggle in (self.shift, self.signs):
            toggle.setCheckable(True)
        space = self.keys["space"] = self._button("Space", lambda: self.press("space"))
        erase = self.keys["erase"] = self._button("", lambda: self.press("erase"), "backspace-outline")
        erase.setAccessibleName("Erase")
        erase.setAutoRepeat(True)
        foot = row(self.shift, self.signs, space, erase)
        for place, share in enumerate((2, 2, 5, 2)):
            foot.setStretch(place, share)
        layout.addLayout(foot)
        self.hide()

    def _button(self, text: str, on: Callable[[], object], icon_name: str = "") -> Button:
        made = Button(text, "key", icon_name, on=on)
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # a key never takes the cursor from its field
        made.setAutoDefault(False)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        return made

    def _letter(self, sign: str) -> Button:
        made = self._button(sign, lambda: self.press(made.text().replace("&&", "&")))  # Qt's way to write one
        self.keys[sign] = made
        return made

    # -- what it does
    def open(self, target: QWidget) -> None:
        """For this field, from now on."""
        self.target = target
        number = bool(target.property("number"))
        self.signs.setChecked(number)
        self.shift.setChecked(False)
        self._relabel()
        self._show_echo()
        for widget in self.findChildren(QWidget):  # the style decides their sizes, and may not have seen them yet
            widget.ensurePolished()
        window = self.window()
        layout = self.layout()
        layout.invalidate()
        layout.activate()
        width = min(max(10 * (current().metrics.touch + 8) + 24, 640), window.width() - 16)
        height = self.sizeHint().height()
        self.setGeometry((window.width() - width) // 2, window.height() - height - 8, width, height)
        self.show()
        self.raise_()

    def press(self, key: str) -> None:
        """Types a sign, "space" or "erase" into the field, by the events that a keyboard sends."""
        target = self.target
        if target is None:
            return
        code, text = _NAMED.get(key, (Qt.Key(0), key))
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(target, QKeyEvent(kind, code, Qt.KeyboardModifier.NoModifier, text))
        if self.shift.isChecked() and text.isalpha():
            self.shift.setChecked(False)
            self._relabel()
        self._show_echo()

    def finish(self) -> None:
        self.hide()
        self.target = None
        self.done.emit()

    def _relabel(self) -> None:
        rows = SIGNS if self.signs.isChecked() else self._letters
        for line, texts in zip(self._lines, rows, strict=True):
            for place, button in enumerate(line):
                text = texts[place] if place < len(texts) else ""
                upper = self.shift.isChecked() and text != "ß"
                button.setText((text.upper() if upper else text).replace("&", "&&"))
                button.setVisible(bool(text))

    def _show_echo(self) -> None:
        target = self.target
        if isinstance(target, QLineEdit):
            plain = target.echoMode() == QLineEdit.EchoMode.Normal
            self.echo.setText(target.text() if plain else _MASK * len(target.text()))
        elif isinstance(target, QPlainTextEdit):
            self.echo.setText(target.textCursor().block().text())


class TouchTyping(QObject):
    """Opens the keyboard of one window.

    Args:
        wanted: "auto" for fingers alone, "always" for a mouse, too, or "never".
    """

    def __init__(self, window: QWidget, wanted: Callable[[], str]) -> None:
        super().__init__(window)
        self._window, self._wanted = window, wanted
        self._down: QPointF | None = None
        self._watched: QObject | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._focus_moved)

    @cached_property
    def keyboard(self) -> Keyboard:
        """Made when somebody types by finger first."""
        return Keyboard(self._window)

    @property
    def _open(self) -> bool:
        return "keyboard" in self.__dict__ and self.keyboard.isVisible()

    def hide(self) -> None:
        """The keyboard goes, as it is."""
        if self._open:
            self.keyboard.hide()

    def watch(self) -> None:
        """Once the window stands: only what comes from outside is looked at, not every event of every widget."""
        handle = self._window.windowHandle()
        if handle is not None and handle is not self._watched:
            handle.installEventFilter(self)
            self._watched = handle

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QTouchEvent):
            points = event.points()
            if len(points) != 1:
                self._down = None
            elif event.type() == QEvent.Type.TouchBegin:
                self._down = points[0].position()
            elif event.type() == QEvent.Type.TouchEnd:
                self._up(points[0].position(), finger=True)
        elif isinstance(event, QMouseEvent):
            finger = event.device().type() == QInputDevice.DeviceType.TouchScreen
            if event.type() == QEvent.Type.MouseButtonPress:
                self._down = event.position()
            elif event.type() == QEvent.Type.MouseButtonRelease:
                self._up(event.position(), finger=finger)
        return False

    def _up(self, at: QPointF, *, finger: bool) -> None:
        down, self._down = self._down, None
        wanted = self._wanted()
        if down is None or wanted == "never" or not (finger or wanted == "always"):
            return
        if (at - down).manhattanLength() <= _STILL:
            place = at.toPoint()
            QTimer.singleShot(0, lambda: self._tapped(place))  # the field gets the focus first

    def _tapped(self, at: QPoint) -> None:
        target = _editor(self._window.childAt(at))
        if target is not None:
            target.setFocus(Qt.FocusReason.MouseFocusReason)
            if target is not self.keyboard.target and isinstance(target, QLineEdit):
                # A finger is no pointer to a place between two letters, and a number is mostly replaced.
                if target.property("number"):
                    target.selectAll()
                else:
                    target.end(False)
            self.keyboard.open(target)
        elif self._open and not self.keyboard.geometry().contains(at):
            self.keyboard.finish()

    def _focus_moved(self, _old: QWidget | None, new: QWidget | None) -> None:
        if self._open and new is not self.keyboard.target:
            self.keyboard.finish()


def _editor(widget: QWidget | None) -> QWidget | None:
    """The field that a tap on this widget means, where somebody may type into it."""
    while widget is not None:
        if isinstance(widget, QComboBox):
            return widget.lineEdit() if widget.isEditable() and widget.isEnabled() else None
        if isinstance(widget, QLineEdit | QPlainTextEdit):
            return widget if widget.isEnabled() and not widget.isReadOnly() else None
        if widget.isWindow():
            return None
        widget = widget.parentWidget()
    return None
