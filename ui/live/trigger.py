"""How parts are triggered, on Live: what is waited for, the counts, and the button where a hand does it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout

from app.jobs import Job
from ui.bridge import Bridge
from ui.shared.elided import Elided
from ui.shared.widgets import Button, row, set_kind
from ui.shared.work import Follower


class TriggerBar(QFrame):
    """Hidden where parts come by themselves. `told` carries words for the strip; `changed` that it came or went."""

    told = Signal(str)
    changed = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.triggering
        self._job: Job[float] | None = None
        self._follower = Follower(self)
        self.words = Elided("", "heading")
        self.note = Elided("", "quiet")
        self.inspect = Button("Inspect", "primary", icon_name="target", on=self.press)
        self.inspect.setMinimumWidth(160)
        self.teach = Button("Teach the empty place", "primary", icon_name="target", on=self._teach)
        self.stop = Button("Stop", on=self._stop)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self.words)
        texts.addWidget(self.note)
        layout = row(spacing=16)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.addLayout(texts, 1)
        for button in (self.inspect, self.teach, self.stop):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setLayout(layout)
        set_kind(self, "card")
        self._asked = False
        self.refresh()

    @property
    def asking(self) -> bool:
        """Whether its primary button is on the screen."""
        return self._asked

    @property
    def pressable(self) -> bool:
        """Whether the space bar and the pedal trigger now."""
        return self._desk.state().pressable

    @property
    def untaught(self) -> bool:
        """Whether no part can be found before the empty place was shown."""
        return self._desk.state().untaught

    def refresh(self, *, room: bool = True) -> None:
        """From memory; `room`: nothing more urgent stands in its place."""
        state = self._desk.state()
        counts = state.counts
        self.words.setText(state.words)
        self.note.setText(
            f"{counts.taken:,} triggered, {counts.busy:,} while busy, {counts.bounced:,} bounced, "
            f"{counts.missed:,} missed"
        )
        learning = self._job is not None
        self.inspect.setVisible(state.pressable)
        self.teach.setVisible(state.untaught and not learning)
        self.stop.setVisible(learning)
        self.setVisible(state.way != "source" and room)
        asked = not self.isHidden() and (state.pressable or (state.untaught and not learning))
        if asked != self._asked:
            self._asked = asked
            self.changed.emit()

    # -- what the user does
    def press(self) -> None:
        self._bridge.run(self._desk.press, lambda _none: self.refresh(), self.told.emit)

    def _teach(self) -> None:
        def ended(words: str) -> None:
            self._job = None
            self.told.emit(words)
            self.refresh()

        self._job = self._follower.follow(
            self._desk.teach, lambda _noise: ended("Learned. Now lay a part there."), ended
        )
        self.refresh()

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def close_bar(self) -> None:
        self._follower.close()
        self._stop()
