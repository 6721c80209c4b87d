"""One part after the other: look, answer, next."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.errors import LinesightError
from app.reviewing import Answer, Look, ReviewDesk
from ui.bridge import Bridge
from ui.live.picture import Mode
from ui.review.answers import AnswerBar
from ui.review.compare import CompareView, Prepared, prepare
from ui.shared.elided import Elided
from ui.shared.shapes import VerdictShape
from ui.shared.widgets import Button, Notice, clock, label, row

_EMPTY = (
    "Nothing waits for you. Parts come here when the station asked for a retest or was not sure, when somebody sent "
    "them from the line, and a few at random, so that you know how often it is wrong. Hold a part in Live to send it."
)


class PartsView(QWidget):
    """`changed` says that an answer was kept or taken back."""

    changed = Signal()

    def __init__(self, bridge: Bridge, desk: ReviewDesk, zone: tzinfo | None) -> None:
        super().__init__()
        self._bridge, self._desk, self.zone = bridge, desk, zone
        self._busy = False
        self.view = CompareView()
        self.shape = VerdictShape(40)
        self.title = Elided("", "heading")
        self.when = Elided("", "quiet")
        self.progress = label("", "strong")
        self.why = label("", "strong", wrap=True)
        self.reason = label("", "note", wrap=True)
        self.said = label("", "quiet", wrap=True)
        self.notice = Notice()
        self.mode = Button(self.view.mode.value, icon_name="layers-outline", on=self.next_mode)
        self.mode.setAccessibleName("Show picture, heat map or outline")
        self.fit = Button("Whole picture", icon_name="fit-to-page-outline", on=self.view.whole)
        self.undo_button = Button("Take back", icon_name="undo", on=self.undo)
        self.undo_button.setToolTip("The last answer (Ctrl+Z)")
        self.bar = AnswerBar()
        self.bar.answered.connect(self.answer)
        self.bar.asking.connect(self._asking)
        self.bar.mask_wanted.connect(self._mask_wanted)
        self._lay_out()
        self.view.zoomed.connect(lambda: self.fit.setEnabled(self.view.view.near))

    def _lay_out(self) -> None:
        side = QFrame()
        side.setProperty("kind", "card")
        inner = QVBoxLayout(side)
        inner.setContentsMargins(16, 16, 16, 16)
        inner.setSpacing(8)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.title)
        names.addWidget(self.when)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.shape)
        head.addLayout(names, 1)
        inner.addLayout(head)
        inner.addWidget(self.why)
        inner.addWidget(self.reason)
        inner.addWidget(self.said)
        inner.addWidget(self.notice)
        inner.addStretch(1)
        side.setFixedWidth(280)
        self.controls = QWidget()
        """For the page's top row: progress and what is done to the pictures."""
        self.controls.setLayout(row(1, self.progress, self.mode, self.fit, self.undo_button))
        upper = QHBoxLayout()
        upper.setSpacing(16)
        upper.addWidget(self.view, 1)
        upper.addWidget(side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(upper, 1)
        layout.addWidget(self.bar)
        self._show(None)

    # -- what is shown
    @property
    def look(self) -> Look | None:
        """The part on show."""
        shown = self.view.prepared
        return shown.look if shown is not None else None

    @property
    def busy(self) -> bool:
        return self._busy

    def refresh(self) -> None:
        """Looks for a part where none is shown."""
        if self.look is None and not self._busy:
            self._run(lambda: "")

    def _run(self, work, back: str = "") -> None:  # type: ignore[no-untyped-def]
        """`work` gives words or raises; afterwards comes the next part."""
        self._busy = True
        self.bar.set_enabled(False)

        def call() -> tuple[str, Prepared | None]:
            words = ""
            again = ""
            try:
                again = work()
            except LinesightError as error:
                words = str(error)
            look = self._desk.look(again) if again else self._desk.next()
            return words, prepare(look) if look is not None else None

        self._bridge.run(call, lambda found: self._came(*found), self._failed)

    def _came(self, words: str, prepared: Prepared | None) -> None:
        self._busy = False
        self.notice.tell(words, "bad")
        self._show(prepared)
        self.changed.emit()

    def _failed(self, words: str) -> None:
        self._busy = False
        self._show(None, words)

    def _show(self, prepared: Prepared | None, words: str = "") -> None:
        look = prepared.look if prepared is not None else None
        self.view.show_part(prepared, words or _EMPTY, blind=look is not None and look.waiting.blind)
        for widget in (self.shape, self.mode, self.fit):
            widget.setVisible(look is not None)
        self.bar.setVisible(look is not None)
        if look is None:
            self.title.setText("Nothing to review" if not words else "Not now")
            for each in (self.when, self.progress, self.why, self.reason, self.said):
                each.setText("")
            return
        part, blind = look.inspection, look.waiting.blind
        types = tuple(sorted(look.types)) if blind else look.types  # the model's own stands first
        self.bar.begin(types, "" if blind else look.proposed, has_mask=bool(look.outlines))
        self.bar.set_enabled(True)
        number, of = look.place
        self.progress.setText(f"{number} of {of} today")
        self.title.setText(f"Part {part.part_id}")
        self.when.setText(f"{clock(part.captured_at, self.zone, day=True)}, {source_words(part.source)}")
        self.shape.setVisible(not blind)
        self.shape.show_verdict(None if blind else part.verdict)
        self.why.setText(look.waiting.why.value.capitalize())
        self.reason.setText(
            "What the station and others said is not shown, so that you judge for yourself." if blind else part.reason
        )
        self.said.setText("\n".join(look.said))
        self.mode.setEnabled(not blind)

    # -- what the user does
    def next_mode(self) -> None:
        self.view.set_mode(self.view.mode.following())
        self.mode.setText("Heat" if self.view.mode is Mode.OVERLAY else self.view.mode.value)

    def _asking(self, on: bool) -> None:
        look = self.look
        if look is not None and not on:
            self.view.conceal(blind=look.waiting.blind)
        self.parentWidget().setFocus()  # keys go on to the page

    def _mask_wanted(self, on: bool) -> None:
        self.view.reveal(on)

    def answer(self, said: Answer, kind: str, with_mask: bool) -> None:
        look = self.look
        if look is None or self._busy:
            return
        outlines = look.outlines if with_mask else ()

        def work() -> str:
            self._desk.answer(look.waiting, said, kind=kind, outlines=outlines)
            return ""

        self._run(work)

    def undo(self) -> None:
        if self._busy:
            return

        def work() -> str:
            again = self._desk.undo()
            if not again:
                raise LinesightError("You have answered nothing that could be taken back.")
            return again

        self._run(work)

    def leave(self) -> None:
        """Nobody looks any more: the part goes back to the queue."""
        if self.look is not None and not self._busy:
            self._show(None)
            self._bridge.run(self._desk.give_back, lambda _none: None)

    def press(self, event: QKeyEvent) -> bool:
        """A key; whether it meant something here."""
        key, modifiers = event.key(), event.modifiers()
        if key == Qt.Key.Key_Z and modifiers & Qt.KeyboardModifier.ControlModifier:
            self.undo()
        elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9 and not self._busy and self.look is not None:
            return self.bar.key(key - Qt.Key.Key_0)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.bar.asks and not self._busy:
            self.bar.take_proposed()
        elif key == Qt.Key.Key_Escape and self.bar.asks:
            self.bar.leave()
        elif key == Qt.Key.Key_M and self.mode.isEnabled():
            self.next_mode()
        elif key == Qt.Key.Key_F:
            self.view.whole()
        else:
            return self.view.press_key(event)
        return True
