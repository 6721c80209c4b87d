"""An appraiser's trial: one picture large, two buttons. Nothing here tells what anybody else said."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from app.domain.gauge import GaugeStudy, Turn
from ui.bridge import Bridge
from ui.reports.gauge.photo import Photo
from ui.shared.elided import Elided
from ui.shared.images import to_qimage
from ui.shared.widgets import Button, Notice, label, row
from ui.theme import current

KEYS = {Qt.Key.Key_1: True, Qt.Key.Key_2: False}


class TrialView(QWidget):
    """`left` when the appraiser goes back to the list."""

    left = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.gauging
        self.study: GaugeStudy | None = None
        self.appraiser = ""
        self.shown: Turn | None = None  # the part whose picture is on show, so that it may be answered
        self._next: Turn | None = None
        self._opened = 0
        self.back = Button("Studies", icon_name="arrow-left", on=self.left.emit)
        self.who = Elided("", "heading")
        self.place = label("", "heading")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.notice = Notice()
        self.photo = Photo()
        self.go_on = Button("Next trial", "primary", on=self._go_on)
        self.good = Button("Good  (1)", icon_name="check-circle-outline", on=lambda: self.answer(True))
        self.defect = Button("Defect  (2)", icon_name="close-octagon-outline", on=lambda: self.answer(False))
        self.undo = Button("Undo", icon_name="undo", on=self.take_back)
        for button, words in ((self.good, "Good"), (self.defect, "Defect")):
            button.setAccessibleName(words)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.undo.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        top = row(self.back, self.who, self.place, spacing=16)
        top.setStretch(1, 1)
        layout.addLayout(top)
        layout.addWidget(self.progress)
        layout.addWidget(self.notice)
        layout.addWidget(self.photo, 1)
        layout.addWidget(self.go_on, 0, Qt.AlignmentFlag.AlignHCenter)
        self._answers = QWidget()
        answers = row(self.good, self.defect, self.undo)
        answers.setStretch(0, 2)
        answers.setStretch(1, 2)
        self._answers.setLayout(answers)
        layout.addWidget(self._answers)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._size()
        current().changed.connect(self._size)

    def _size(self) -> None:
        self._answers.setFixedHeight(current().metrics.touch + 32)

    def open(self, study: GaugeStudy, appraiser: str) -> None:
        """Goes on where this appraiser stopped."""
        self.study, self.appraiser = study, appraiser
        self.notice.tell("")
        self._wait()
        self._bridge.run(lambda: self._desk.turn(study.id, appraiser), self._show_turn, self._failed)
        self.setFocus()

    def _wait(self) -> None:
        self.shown = None
        for button in (self.good, self.defect, self.undo):
            button.setEnabled(False)
        self.go_on.hide()

    def answer(self, good: bool) -> None:
        """Keeps the answer, then shows the next part."""
        study, name, turn = self.study, self.appraiser, self.shown
        if study is None or turn is None:
            return
        self._wait()
        self.notice.tell("")

        def kept(after: Turn | None) -> None:
            if after is not None and after.trial == turn.trial:
                self._show_turn(after)
            else:
                self._between(turn, after)

        self._bridge.run(lambda: self._desk.answer(study.id, name, turn, good=good), kept, self._failed)

    def take_back(self) -> None:
        study, name = self.study, self.appraiser
        if study is None or not self.undo.isEnabled():
            return
        self._wait()
        self.notice.tell("")
        self._bridge.run(lambda: self._desk.undo(study.id, name), self._show_turn, self._failed)

    def _between(self, before: Turn, after: Turn | None) -> None:
        self._next = after
        self._count(before.of, before.of)
        assert self.study is not None
        if after is None:
            self.photo.show_words(f"{self.appraiser} has judged every part. Thank you. Give the place to the next one.")
            return
        self.photo.show_words(
            f"Trial {before.trial} of {self.study.trials} is done. Let some time pass, so that no part is remembered, "
            "then begin the next. The parts come in another order."
        )
        self.go_on.setText(f"Begin trial {after.trial}")
        self.go_on.show()

    def _go_on(self) -> None:
        self._show_turn(self._next)
        self.setFocus()

    def _count(self, place: int, of: int) -> None:
        self.place.setText(f"{place} of {of}")
        self.progress.setRange(0, of)
        self.progress.setValue(place)

    def _show_turn(self, turn: Turn | None) -> None:
        study = self.study
        if study is None:
            return
        self._wait()
        if turn is None:
            self.who.setText(self.appraiser)
            self.place.setText("")
            self.photo.show_words("Nothing is left to judge here. Go back to the studies.")
            return
        self.who.setText(f"{self.appraiser}, trial {turn.trial} of {study.trials}")
        self._count(turn.place, turn.of)
        self._opened += 1
        opened = self._opened

        def show(image: QImage) -> None:
            if opened != self._opened:
                return  # another part was opened meanwhile
            self.photo.show_picture(image)
            self.shown = turn
            self.good.setEnabled(True)
            self.defect.setEnabled(True)
            self.undo.setEnabled(turn.can_undo)

        def picture() -> QImage:
            return to_qimage(self._desk.picture(study.id, turn.part))

        self._bridge.run(picture, show, lambda words: self.notice.tell(words, "bad"))

    def _failed(self, words: str) -> None:
        """Shows the part again that was not kept, or whichever it is now."""
        self.notice.tell(words, "bad")
        study, name = self.study, self.appraiser
        if study is not None:
            self._bridge.run(
                lambda: self._desk.turn(study.id, name), self._show_turn, lambda why: self.notice.tell(why, "bad")
            )

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        good = KEYS.get(event.key())
        if good is not None and not event.isAutoRepeat():
            self.answer(good)
        elif event.key() == Qt.Key.Key_Backspace and not event.isAutoRepeat():
            self.take_back()
        else:
            super().keyPressEvent(event)
