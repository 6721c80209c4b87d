"""Whether the station is released: why not, the check of the challenge parts, and a release by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLineEdit, QVBoxLayout, QWidget

from app.domain.challenge import Shown
from app.domain.person import Action
from app.domain.reference import told_together
from ui.bridge import Bridge
from ui.shared.widgets import Button, Notice, label, row, set_kind

T = TypeVar("T")

_SHOWN = 2  # wrong parts that are named
_WRONG = "Not released: the check has not passed"
_AGAIN = "Look at part, light and camera, then check again."
_LIES = "It lies there: judge it"
_LOOK = "It lies there: compare it"
_NAMING = "Release without a check"


class ReleaseBar(QFrame):
    """Hidden where the station is released and no check runs. `asks` tells that its primary button came or went;
    `told` carries words while it is hidden."""

    asks = Signal()
    told = Signal(str)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.challenging
        self._naming = False  # somebody writes why it is released without a check
        self._busy = False
        self._asked = False
        self.words = label("", "heading", wrap=True)
        self.note = label("", "note", wrap=True)
        self.said = Notice()
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("Why it is released without a check")
        self.reason.setMaxLength(200)
        self.check = Button("Run the check", "primary", icon_name="clipboard-check-outline", on=self.begin)
        self.judge = Button(_LIES, "primary", icon_name="target", on=self._judge)
        self.give_up = Button("Give up", on=self._give_up)
        self.by_name = Button("Release by name", on=lambda: self._name(True))
        self.release = Button("Release", "primary", on=self._release)
        self.back = Button("Back", on=lambda: self._name(False))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(self.words)
        layout.addWidget(self.note)
        layout.addWidget(self.said)
        buttons = row(self.check, self.judge, self.give_up, self.by_name)
        buttons.addWidget(self.reason, 1)
        buttons.addWidget(self.release)
        buttons.addWidget(self.back)
        self._rest = QWidget()  # takes the room where nobody writes a reason
        buttons.addWidget(self._rest, 1)
        layout.addLayout(buttons)
        set_kind(self, "card")
        bridge.check.connect(self.refresh)
        bridge.state.connect(self.refresh)
        self.refresh()

    @property
    def asking(self) -> bool:
        """Whether its primary button is on the screen."""
        return self._asked

    def refresh(self) -> None:
        """From memory; also once a second, since a release runs out."""
        desk, people = self._desk, self._bridge.station.people
        part, why = desk.waiting(), desk.withheld()
        running = part is not None
        self._naming = self._naming and bool(why) and not running
        step = desk.step()
        if part is not None and step is not None and desk.picture_waits():
            off = f"The picture is not as at the reference of {step.day}"
            self.words.setText(off if step.wrong else "First the picture: put a good part in its place")
            told = told_together(step.wrong) if step.wrong else ""
            asked = f"It is compared with the reference of {step.day}: focus, light and place."
            self.note.setText(f"{told}." if told else asked)
        elif part is not None:
            product = self._bridge.station.state().product
            done, count = len(desk.results()), len(desk.parts(product))
            self.words.setText(f"Part {done + 1} of {count}: put {part.name} under the camera")
            expected = f"{part.expect} ({part.defect})" if part.defect else part.expect.value
            last = desk.results()[-1] if done else None
            before = f" {_mark(last)} {last.words}." if last else f" {step.words}." if step is not None else ""
            self.note.setText(f"It must be {expected}.{before}")
        else:
            wrong = [each.words for each in desk.results() if not each.right] if why else []
            wrong = [*([told_together(step.wrong)] if step is not None and step.wrong and why else []), *wrong]
            self.words.setText(_NAMING if self._naming else _WRONG if wrong else why)
            more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            told = f"{'; '.join(wrong[:_SHOWN])}{more}. {_AGAIN}"
            self.note.setText(told if wrong and not self._naming else "")
        self.note.setVisible(bool(self.note.text()))
        has_list = bool(desk.parts(self._bridge.station.state().product))
        self.check.setVisible(not running and not self._naming and has_list)
        self.by_name.setVisible(not running and not self._naming and people.may(Action.RELEASE))
        for each in (self.judge, self.give_up):
            each.setVisible(running)
        if not self._busy:
            self.judge.setText(_LOOK if desk.picture_waits() else _LIES)
        for widget in (self.reason, self.release, self.back):
            widget.setVisible(self._naming)
        self._rest.setVisible(not self._naming)
        if not (running or has_list or self._naming) and why:
            self.note.setText("This product has no challenge parts yet. Add them: Set-up, Line.")
            self.note.setVisible(True)
        shown = running or bool(why)
        self.setVisible(shown)
        if shown != self._asked:
            self._asked = shown
            self.asks.emit()

    # -- what the user does
    def begin(self) -> None:
        self._do(self._desk.begin, lambda _part: None)

    def _judge(self) -> None:
        self.judge.setText("Looking at it")
        if self._desk.picture_waits():
            self._do(self._desk.look, lambda _step: None)
        else:
            self._do(self._desk.show, lambda _found: None)

    def _give_up(self) -> None:
        self._do(self._desk.give_up, lambda _none: None)

    def _name(self, on: bool) -> None:
        self._naming = on
        self.said.tell("")
        self.refresh()
        if on:
            self.reason.setFocus()

    def _release(self) -> None:
        reason = self.reason.text()

        def done(_release: object) -> None:
            self._naming = False
            self.reason.clear()

        self._do(lambda: self._desk.release(reason), done)

    def _do(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        if self._busy:
            return
        self._enable(False)

        def done(result: T) -> None:
            self._enable(True)
            self.said.tell("")
            then(result)
            self.refresh()

        def failed(words: str) -> None:
            self._enable(True)
            self.refresh()
            if self._asked:
                self.said.tell(words, "bad")
            else:
                self.told.emit(words)

        self._bridge.run(work, done, failed)

    def _enable(self, on: bool) -> None:
        self._busy = not on
        for each in (self.check, self.judge, self.give_up, self.release):
            each.setEnabled(on)


def _mark(found: Shown) -> str:
    return "Right:" if found.right else "Wrong:"
