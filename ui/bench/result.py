"""A lot that was decided: the result, its numbers, and the certificate."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from app.domain.lot import Choice, LotState
from app.domain.person import Action
from ui.bench.gauges import CountBar
from ui.bench.start import COLOUR
from ui.bridge import Bridge
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Card, Notice, clear, clock, label, row
from ui.shared.work import Follower, JobBar
from ui.theme import current
from ui.theme.theme import font

_WORDS = {
    Choice.APPROVE: "ACCEPTED",
    Choice.REJECT: "REJECTED",
    Choice.REWORK: "REWORK",
    Choice.CONCESSION: "CONCESSION",
}


class ResultTile(QWidget):
    """The result in one word, read from afar."""

    def __init__(self) -> None:
        super().__init__()
        self._choice: Choice | None = None
        self.setFixedHeight(128)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_choice(self, choice: Choice | None) -> None:
        self._choice = choice
        self.setAccessibleName(_WORDS[choice] if choice else "Open")
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(COLOUR[self._choice] if self._choice else "surface"))
        painter.drawRoundedRect(QRectF(self.rect()), 8, 8)
        painter.setPen(theme.colour("on_fill" if self._choice else "quiet"))
        painter.setFont(font(44, QFont.Weight.Bold))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, _WORDS[self._choice] if self._choice else "OPEN")
        painter.end()


class ResultView(QWidget):
    """`next_lot` wants the form, `left` the list, `folder` the place of a certificate; `reopened` carries the id of a
    lot whose decision was taken back."""

    next_lot = Signal()
    left = Signal()
    folder = Signal(str)
    reopened = Signal(str)

    def __init__(self, bridge: Bridge, zone: tzinfo | None) -> None:
        super().__init__()
        self._bridge, self.zone = bridge, zone
        self._follower = Follower(self)
        self.id = ""
        self.files: tuple[Path, Path] | None = None
        self.title = Elided("", "title")
        back = Button("All lots", icon_name="chevron-left", on=self.left.emit)
        head = row(self.title, back)
        head.setStretch(0, 1)
        self.tile = ResultTile()
        self.words = label("", wrap=True)
        self._counts = QVBoxLayout()
        self._counts.setSpacing(8)
        self.facts = label("", "note", wrap=True)
        card = Card(padding=24)
        card.body.addWidget(self.words)
        card.body.addLayout(self._counts)
        card.body.addWidget(self.facts)
        card.body.addStretch(1)
        self.notice = Notice()
        self.bar = JobBar(self._follower)
        self.certificate = Button(
            "Certificate, PDF and xlsx", "primary", icon_name="certificate-outline", on=self._write
        )
        self.show_folder = Button("Open folder", icon_name="folder-open-outline", on=self._folder)
        self.show_folder.hide()
        self.undo = Button("Take back", icon_name="undo", on=self._ask_why)
        self.reason = QLineEdit()
        self.reason.setMaxLength(200)
        self.reason.setAccessibleName("Why the decision is taken back")
        self.reason.setPlaceholderText("Why? The lot is then open again, and the decision stays on record.")
        self.reason.returnPressed.connect(self._take_back)
        self.reopen = Button("Open the lot again", on=self._take_back)
        self._why = QWidget()
        why = row(self.reason, self.reopen, spacing=16)
        why.setContentsMargins(0, 0, 0, 0)
        why.setStretch(0, 1)
        self._why.setLayout(why)
        self._why.hide()
        self.next = Button("Next lot", icon_name="tray-arrow-down", on=self.next_lot.emit)
        bottom = row(self.next, self.undo, self.bar, 1, self.show_folder, self.certificate, spacing=16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(16)
        layout.addLayout(head)
        layout.addWidget(self.tile)
        layout.addWidget(card, 1)
        layout.addWidget(self._why)
        layout.addWidget(self.notice)
        layout.addLayout(bottom)

    def show_lot(self, id: str) -> None:
        self.id, self.files = id, None
        self.title.setText("")
        self.notice.tell("")
        self.show_folder.hide()
        self.certificate.setEnabled(False)
        self._why.hide()
        self.undo.setVisible(self._bridge.station.people.may(Action.REOPEN))
        self.undo.setEnabled(False)
        self._bridge.run(
            lambda: self._bridge.station.lots.state(id), self._show, lambda words: self.notice.tell(words, "bad")
        )

    def _show(self, state: LotState | None) -> None:
        if state is None or state.lot.id != self.id:
            return
        order, plan, closing = state.lot.order, state.lot.plan, state.closing
        self.title.setText(f"Lot {order.number}")
        self.tile.show_choice(closing.choice if closing else None)
        self.words.setText(state.words + (f" Reason: {closing.reason}." if closing and closing.reason else ""))
        clear(self._counts)
        for tally in state.tallies:
            bar = CountBar()
            bar.show_tally(tally)
            self._counts.addWidget(bar)
        bad = sum(part.bad for part in state.parts)
        who = closing.person or "nobody" if closing else ""
        decided = f" Decided {clock(closing.at, self.zone, day=True)} by {who}." if closing else ""
        self.facts.setText(
            f"{order.material} of {order.supplier}. {len(state.parts)} parts inspected, {bad} nonconforming. "
            f"Level {plan.level}, {plan.severity} inspection.{decided}"
        )
        self.certificate.setEnabled(closing is not None)
        self.undo.setEnabled(closing is not None)

    def _ask_why(self) -> None:
        self.reason.clear()
        self._why.setVisible(self._why.isHidden())
        if not self._why.isHidden():
            self.reason.setFocus()

    def _take_back(self) -> None:
        id, reason = self.id, self.reason.text()
        self.reopen.setEnabled(False)

        def done(state: LotState) -> None:
            self.reopen.setEnabled(True)
            self._why.hide()
            self.reopened.emit(state.lot.id)

        def failed(words: str) -> None:
            self.reopen.setEnabled(True)
            self.notice.tell(words, "bad")

        self._bridge.run(lambda: self._bridge.station.lots.take_back(id, reason), done, failed)

    def _write(self) -> None:
        self.notice.tell("")
        self.certificate.setEnabled(False)
        id = self.id

        def done(files: tuple[Path, Path]) -> None:
            self.certificate.setEnabled(True)
            if id == self.id:
                self.files = files
                self.show_folder.show()
                self.notice.tell(f"Saved: {files[0].name} and {files[1].name} in {files[0].parent}", "good")

        def failed(words: str) -> None:
            self.certificate.setEnabled(True)
            self.notice.tell(words, "bad")

        self.bar.run(lambda: self._bridge.station.lots.certificate(id), done, failed)

    def _folder(self) -> None:
        if self.files is not None:
            self.folder.emit(str(self.files[0]))

    def close_page(self) -> None:
        self._follower.close()
