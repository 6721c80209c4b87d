"""Barcode scanners that type: a burst of keys that ends in Enter, told from a person's typing by its speed, or by the
prefix that the scanner was set to."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QInputEvent, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit, QWidget
from shiboken6 import isValid

GAP = 0.05
"""Seconds between two keys of a scanner, at most. They send one every 1 to 20 ms; quick typists need 60 and more."""

SHORTEST = 4
"""Characters of a code told by its speed alone."""

_PREFIX_WAIT = 2.0
_ENDS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_PLAIN = Qt.KeyboardModifier.NoModifier
_TOUCHES = {
    QEvent.Type.MouseButtonPress,
    QEvent.Type.TouchBegin,
    QEvent.Type.KeyPress,
    QEvent.Type.Wheel,
}
_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QComboBox)


class Wedge(QObject):
    """Hears a window's keys before anybody else. `scanned` carries a code.

    Keys are held back until it is clear what they are: a scanner's never press a button and start no shortcut, a
    person's go on after `GAP`. With the cursor in a field, what is scanned goes into the field like anything typed.

    Args:
        window: whose keys.
        prefix: what the scanner types before a code, "" for nothing.
        clock: seconds, rising.
        at_once: keys that wait for nothing and begin no code, such as a pedal's.
        touched: told of every press, touch and turn of a wheel in the whole program. It is asked here since a second
            look at all of the program's events would cost as much as the first.
    """

    scanned = Signal(str)

    def __init__(
        self,
        window: QWidget,
        prefix: Callable[[], str] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
        at_once: Callable[[QKeyEvent], bool] = lambda event: event.key() == Qt.Key.Key_Space,
        touched: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(window)
        self._touched = touched
        self._at_once = at_once
        self._window, self._prefix, self._clock = window, prefix, clock
        self._held: list[tuple[QWidget, QKeyEvent]] = []  # with whose they were
        self._quick = True  # no gap between the keys held was longer than a scanner's
        self._last = 0.0
        self._letting = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.let_go)
        app = QApplication.instance()
        assert app is not None
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Every event of the program comes by here: what kind it is would take ten times as long to ask.
        if not isinstance(event, QInputEvent):
            return False
        kind = event.type()
        if kind in _TOUCHES:
            self._touched()
        if not isinstance(event, QKeyEvent) or self._letting:
            return False
        if kind not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        if not isinstance(watched, QWidget) or watched.window() is not self._window:
            return False
        if any(
            isinstance(one, _FIELDS) and one.property("readOnly") is not True
            for one in (watched, QApplication.focusWidget())
        ):
            return False  # also what a field has passed on
        if kind == QEvent.Type.ShortcutOverride:
            if self._is_letter(event) or (self._held and event.key() in _ENDS):
                event.accept()  # no shortcut before it is clear who pressed the key
                return True
            return False
        return self._pressed(watched, event)

    def _is_letter(self, event: QKeyEvent) -> bool:
        if not self._held and self._at_once(event):
            return False
        plain = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier) == _PLAIN
        return plain and bool(event.text()) and event.text().isprintable() and not event.isAutoRepeat()

    def _pressed(self, target: QWidget, event: QKeyEvent) -> bool:
        now = self._clock()
        if self._held and now - self._last > GAP:
            self._quick = False
        self._last = now
        if event.key() in _ENDS and self._held:
            code, prefix = "".join(one.text() for _, one in self._held), self._prefix()
            by_prefix = bool(prefix) and code.startswith(prefix) and len(code) > len(prefix)
            by_speed = not prefix and self._quick and len(code) >= SHORTEST
            if by_prefix or by_speed:
                self._forget()
                self.scanned.emit(code[len(prefix) :] if by_prefix else code)
                return True
            self.let_go()
            return False
        if not self._is_letter(event):
            if event.key() != Qt.Key.Key_Shift:  # a scanner presses it for capitals
                self.let_go()
            return False
        self._held.append((target, event.clone()))
        code, prefix = "".join(one.text() for _, one in self._held), self._prefix()
        waits = bool(prefix) and (code.startswith(prefix) or prefix.startswith(code))
        self._timer.start(round(1000 * (_PREFIX_WAIT if waits else 2 * GAP)))
        return True

    def let_go(self) -> None:
        """What was held back was typed by a person: it does what it would have done at once."""
        held = list(self._held)
        self._forget()
        self._letting = True
        try:
            for target, event in held:
                if isValid(target) and target.isVisible():
                    self._replay(target, event)
        finally:
            self._letting = False

    def _replay(self, target: QWidget, event: QKeyEvent) -> None:
        asked = QKeyEvent(QEvent.Type.ShortcutOverride, event.key(), event.modifiers(), event.text())
        asked.ignore()
        QApplication.sendEvent(target, asked)
        if asked.isAccepted():  # the page has a use of its own for this key
            QApplication.sendEvent(target, event)
            return
        wanted = QKeySequence(event.keyCombination())
        for shortcut in self._window.findChildren(QShortcut):
            owner = shortcut.parent()
            shown = isinstance(owner, QWidget) and (owner is self._window or owner.isVisible())
            if shortcut.isEnabled() and shown and wanted in list(shortcut.keys()):
                shortcut.activated.emit()
                return
        QApplication.sendEvent(target, event)

    def _forget(self) -> None:
        self._timer.stop()
        self._held.clear()
        self._quick = True

    def close(self) -> None:
        """Hears nothing more."""
        self._forget()
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
