"""No lot is open: open one, or look at one that was decided."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from app.domain.lot import Choice, LotState
from ui.bridge import Bridge
from ui.shared.widgets import Button, Card, Notice, clear, clock, label, row, scrolled
from ui.theme import current
from ui.theme.theme import font

RESULT = {
    Choice.APPROVE: "accepted",
    Choice.REJECT: "rejected",
    Choice.REWORK: "rework",
    Choice.CONCESSION: "concession",
}
COLOUR = {Choice.APPROVE: "passed", Choice.REJECT: "failed", Choice.REWORK: "retest", Choice.CONCESSION: "retest"}


class LotRow(QAbstractButton):
    """One lot of the list."""

    def __init__(self, state: LotState, zone: tzinfo | None) -> None:
        super().__init__()
        self.state = state
        self._when = clock(state.lot.opened_at, zone, day=True)
        self.setFixedHeight(max(72, current().metrics.touch))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        result = RESULT[state.closing.choice] if state.closing else "open"
        self.setAccessibleName(f"Lot {state.lot.order.number}, {result}")

    def sizeHint(self) -> QSize:
        return QSize(300, self.height())

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, state = current(), self.state
        painter.setPen(QPen(theme.colour("action" if self.hasFocus() else "line"), 2 if self.hasFocus() else 1))
        painter.setBrush(theme.colour("raised" if self.isDown() else "surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        middle = self.height() / 2
        order = state.lot.order
        painter.setPen(theme.colour("text"))
        painter.setFont(font(16, QFont.Weight.DemiBold))
        room = self.width() - 300
        number = painter.fontMetrics().elidedText(f"Lot {order.number}", Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(20, middle - 26, room, 24), Qt.AlignmentFlag.AlignVCenter, number)
        painter.setFont(font(14))
        painter.setPen(theme.colour("quiet"))
        about = f"{order.material}, {order.supplier}. {state.decided} of {state.lot.plan.sample} parts, {self._when}"
        about = painter.fontMetrics().elidedText(about, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(20, middle + 2, room, 22), Qt.AlignmentFlag.AlignVCenter, about)
        word = RESULT[state.closing.choice] if state.closing else "open"
        painter.setPen(theme.colour(COLOUR[state.closing.choice] if state.closing else "text"))
        painter.setFont(font(16, QFont.Weight.DemiBold))
        painter.drawText(
            QRectF(self.width() - 260, 0, 240, self.height()),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
            word,
        )
        painter.end()


class StartView(QWidget):
    """`wanted` asks for the form, `opened` carries the id of a lot to look at, `learn` wants the pedal's key."""

    wanted = Signal()
    opened = Signal(str)
    learn = Signal()

    def __init__(self, bridge: Bridge, zone: tzinfo | None) -> None:
        super().__init__()
        self._bridge, self.zone = bridge, zone
        self.open = Button("Open a lot", "primary", icon_name="tray-arrow-down", on=self.wanted.emit)
        self.open.setMinimumWidth(224)
        head = row(label("Bench", "title"), 1, self.open)
        self.words = label("", "note", wrap=True)
        self.notice = Notice()
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        content = QWidget()
        holder = QVBoxLayout(content)
        holder.setContentsMargins(0, 0, 8, 0)
        holder.addLayout(self._list)
        holder.addStretch(1)
        self.pedal = label("", wrap=True)
        self.learn_button = Button("Learn the pedal", icon_name="foot-print", on=self.learn.emit)
        card = Card(padding=16)
        line = row(self.pedal, self.learn_button, spacing=16)
        line.setStretch(0, 1)
        card.body.addLayout(line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(16)
        layout.addLayout(head)
        layout.addWidget(self.words)
        layout.addWidget(self.notice)
        layout.addWidget(scrolled(content), 1)
        layout.addWidget(card)

    def refresh(self, pedal_key: str) -> None:
        key = (
            f"The pedal's key is {pedal_key}; the space bar works too." if pedal_key else "The space bar is the pedal."
        )
        self.pedal.setText(f"{key} A short press takes the next step, holding it takes the other one.")
        self._bridge.run(self._bridge.station.lots.newest, self._show, lambda words: self.notice.tell(words, "bad"))

    def show_learning(self, learning: bool) -> None:
        if learning:
            self.pedal.setText("Press the pedal once now. Esc leaves it as it is, the space bar forgets the pedal.")
        else:
            self.refresh(self._bridge.station.settings.pedal_key)

    def _show(self, lots: list[LotState]) -> None:
        clear(self._list)
        self.words.setText(
            "Raw parts are inspected here, lot by lot: a sample after ISO 2859-1, a decision on each part, and a "
            "certificate at the end. Open a lot, place a part, press the pedal."
            if not lots
            else "Lots of this station, newest first. Tap one for its result and certificate."
        )
        for state in lots:
            made = LotRow(state, self.zone)
            made.clicked.connect(lambda _checked=False, state=state: self.opened.emit(state.lot.id))
            self._list.addWidget(made)
