"""Keys on the screen for fingers in gloves: a number pad for PINs, and a small keyboard for names and codes."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from ui.shared.widgets import Button, label, row
from ui.theme import current

_LONGEST = 12
_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl-", "zxcvbnm.'_")


class _Key(Button):
    """A key without the room that a button keeps beside its words; touches never take the cursor from its field."""

    def __init__(self, text: str, icon_name: str = "") -> None:
        super().__init__(text, "key", icon_name)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)


class NumberPad(QWidget):
    """Collects a PIN, of which only its length is shown. `entered` carries it, and the pad is empty again.

    Digits, Backspace and Enter of a keyboard do the same while the pad has the focus.
    """

    entered = Signal(str)

    def __init__(self, done: str = "Sign in") -> None:
        super().__init__()
        self._pin = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.shown = QLineEdit()
        self.shown.setReadOnly(True)
        self.shown.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.shown.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.shown.setPlaceholderText("PIN")
        self.shown.setAccessibleName("PIN")
        self.keys: dict[str, Button] = {}
        grid = QGridLayout()
        grid.setSpacing(8)
        for index, digit in enumerate("123456789"):
            grid.addWidget(self._key(digit), index // 3, index % 3)
        erase = _Key("", "backspace-outline")
        erase.setAccessibleName("Erase")
        erase.clicked.connect(lambda _checked=False: self._set(self._pin[:-1]))
        self.keys["erase"] = erase
        grid.addWidget(erase, 3, 0)
        grid.addWidget(self._key("0"), 3, 1)
        self.done = Button(done, "primary", on=self._enter)
        self.done.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        grid.addWidget(self.done, 3, 2)
        for at in range(3):
            grid.setColumnStretch(at, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.shown)
        layout.addLayout(grid)
        self._set("")

    def _key(self, digit: str) -> Button:
        key = _Key(digit)
        key.clicked.connect(lambda _checked=False: self._set(self._pin + digit))
        self.keys[digit] = key
        return key

    def clear(self) -> None:
        self._set("")

    def set_busy(self, busy: bool) -> None:
        """While a PIN is being looked at, no other is taken."""
        self.setEnabled(not busy)

    def _set(self, pin: str) -> None:
        self._pin = pin[:_LONGEST]
        self.shown.setText("\u25cf" * len(self._pin))
        self.done.setEnabled(len(self._pin) >= 4)

    def _enter(self) -> None:
        if len(self._pin) >= 4:
            pin = self._pin
            self._set("")
            self.entered.emit(pin)

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.text() and event.text() in "0123456789":
            self._set(self._pin + event.text())
        elif event.key() == Qt.Key.Key_Backspace:
            self._set(self._pin[:-1])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._enter()
        else:
            super().keyPressEvent(event)


class PadSheet(QFrame):
    """A pad over the lower edge of the window. On a page that a finger scrolls a pad would lose quick taps, since each
    could be the beginning of a scroll."""

    def __init__(self, pad: QWidget, near: QWidget) -> None:
        super().__init__()
        self.setProperty("kind", "sheet")
        self._near = near
        self.pad = pad
        self.title = label("", "heading")
        self.words = label("", "note", wrap=True)
        if isinstance(pad, LetterPad):
            pad.field.textChanged.connect(self.words.setText)  # the field itself may lie below
            pad.done.connect(self.hide)
        self.close_button = Button("Close", icon_name="close", on=self.hide)
        head = row(self.title, self.words, self.close_button, spacing=16)
        head.setStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(pad)
        self.hide()

    def open(self, title: str, words: str = "") -> None:
        """Shows the pad."""
        self.title.setText(title)
        self.words.setText(self.pad.field.text() if isinstance(self.pad, LetterPad) else words)
        window = self._near.window()
        self.setParent(window)
        if isinstance(self.pad, LetterPad):
            self.pad.setMinimumWidth(min(10 * (current().metrics.touch + 8), window.width() - 64))
        for widget in self.findChildren(QWidget):  # the style decides their sizes, and has not seen them yet
            widget.ensurePolished()
            if (inner := widget.layout()) is not None:
                inner.invalidate()
        outer = self.layout()
        outer.invalidate()
        outer.activate()
        width = min(max(self.sizeHint().width(), 480), window.width() - 32)
        height = self.sizeHint().height()
        self.setGeometry((window.width() - width) // 2, window.height() - height - 16, width, height)
        self.show()
        self.raise_()
        self.pad.setFocus(Qt.FocusReason.OtherFocusReason)


class LetterPad(QWidget):
    """Letters and digits for one field; `done` when the person has finished."""

    done = Signal()

    def __init__(self, field: QLineEdit) -> None:
        super().__init__()
        self.field = field
        self._letters: list[Button] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for line in _ROWS:
            keys = []
            for letter in line:
                key = _Key(letter)
                key.clicked.connect(lambda _checked=False, key=key: self._insert(key.text()))
                keys.append(key)
            self._letters += keys
            layout.addLayout(row(*keys))
        self.shift = _Key("Capitals")
        self.shift.setCheckable(True)
        self.shift.toggled.connect(self._capitals)
        space = _Key("Space")
        space.clicked.connect(lambda _checked=False: self._insert(" "))
        erase = _Key("", "backspace-outline")
        erase.setAccessibleName("Erase")
        erase.clicked.connect(lambda _checked=False: self.field.backspace())
        end = _Key("Done")
        end.clicked.connect(lambda _checked=False: self.done.emit())
        layout.addLayout(row(self.shift, space, erase, end))

    def key(self, letter: str) -> Button:
        return next(one for one in self._letters if one.text().lower() == letter.lower())

    def _insert(self, text: str) -> None:
        self.field.insert(text)
        if self.shift.isChecked():
            self.shift.setChecked(False)

    def _capitals(self, on: bool) -> None:
        for key in self._letters:
            key.setText(key.text().upper() if on else key.text().lower())
