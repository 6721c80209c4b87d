"""How parts come to the first camera: by themselves, by hand, by a timer, seen in the picture, or by their code."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from app.domain.errors import LinesightError
from app.jobs import Job
from ui.bridge import Bridge
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Button, Card, Choice, Notice, label, row
from ui.shared.work import Follower

_WAYS = [
    ("source", "By themselves"),
    ("hand", "Button"),
    ("presence", "Seen in the picture"),
    ("code", "By code"),
    ("timer", "Timer"),
]
_EXPLAINED = {
    "source": "As the source gives them: each picture of a folder is a part; a camera is watched all the time.",
    "hand": "The button on Live, the space bar, or the pedal that was learned on Bench.",
    "presence": (
        "A part comes, stands still and is inspected once; the next one when it has been taken away. First show the "
        "camera the empty place. Pictures of a folder are parts unless they show the empty place."
    ),
    "code": (
        "A bar or matrix code, scanned or held before the camera, names the part and inspects it. The same code counts "
        "again after it was out of sight for two seconds."
    ),
    "timer": "One part each so many seconds.",
}
_EVERY = 300  # ms


class TriggerCard(Card):
    """`saved` after the settings were written."""

    saved = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("How parts come")
        self._bridge, self._desk = bridge, bridge.station.triggering
        settings = bridge.station.settings
        self.way = Choice(_WAYS, settings.trigger, columns=3)
        self.explained = label("", "note", wrap=True)
        self.seconds = number_field(settings.trigger_seconds, "Seconds from part to part")
        self.percent = number_field(settings.presence_percent, "Smallest part")
        self.still = number_field(settings.presence_still, "Stands still for")
        self.teach = Button("Teach the empty place", icon_name="target", on=self._teach)
        self.stop = Button("Stop", on=self._stop)
        self.state = label("", "strong", wrap=True)
        self.counts = label("", "quiet", wrap=True)
        self.save = Button("Save how parts come", on=self._save)
        self.words = Notice()
        self._job: Job[float] | None = None
        self._follower = Follower(self)
        self._timer_row = self._line("One part each", self.seconds, "s")
        self._percent_row = self._line("A part covers at least", self.percent, "% of the picture")
        self._still_row = self._line("It stands still for", self.still, "s")
        self.body.addWidget(self.way)
        self.body.addWidget(self.explained)
        for each in (self._timer_row, self._percent_row, self._still_row):
            self.body.addWidget(each)
        self.body.addWidget(self.state)
        self.body.addWidget(self.counts)
        self.body.addLayout(row(self.save, self.teach, self.stop, 1))
        self.body.addWidget(self.words)
        self.way.chosen.connect(lambda _key: self._show())
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self.refresh)
        self._show()

    @staticmethod
    def _line(words: str, editor: QWidget, unit: str) -> QWidget:
        made = QWidget()
        layout = row(label(words, "strong"), editor, label(unit, "note"), 1)
        layout.setContentsMargins(0, 0, 0, 0)
        made.setLayout(layout)
        return made

    def _show(self) -> None:
        way = self.way.value()
        self.explained.setText(_EXPLAINED[way])
        self._timer_row.setVisible(way == "timer")
        self._percent_row.setVisible(way == "presence")
        self._still_row.setVisible(way == "presence")
        self.refresh()

    def refresh(self) -> None:
        """Shows what is waited for now, from memory."""
        state = self._desk.state()
        mine = self.way.value() == self._bridge.station.settings.trigger
        presence = self.way.value() == "presence"
        self.teach.setVisible(presence and mine and self._job is None)
        self.stop.setVisible(self._job is not None)
        self.state.setText(state.words if mine else "")
        self.state.setVisible(bool(self.state.text()))
        counts = state.counts
        self.counts.setText(
            f"Since the start: {counts.taken:,} parts, {counts.busy:,} triggers while busy, "
            f"{counts.bounced:,} bounced, {counts.missed:,} missed."
        )

    # -- what the user does
    def changes(self) -> dict[str, Any]:
        """The settings as the fields have them; LinesightError naming a field that is no number."""
        return {
            "trigger": self.way.value(),
            "trigger_seconds": number_of(self.seconds, "One part each"),
            "presence_percent": number_of(self.percent, "A part covers at least"),
            "presence_still": number_of(self.still, "It stands still for"),
        }

    def _save(self) -> None:
        try:
            changes = self.changes()
        except LinesightError as error:
            self.words.tell(str(error), "bad")
            return
        self.save.setEnabled(False)

        def done(words: str, kind: str) -> None:
            self.save.setEnabled(True)
            self.words.tell(words, kind)
            self.refresh()
            if kind == "good":
                self.saved.emit()

        self._bridge.run(
            lambda: self._bridge.station.save_settings(**changes),
            lambda _none: done("Saved.", "good"),
            lambda words: done(words, "bad"),
        )

    def _teach(self) -> None:
        def ended(words: str, kind: str) -> None:
            self._job = None
            self.words.tell(words, kind)
            self.refresh()

        self.words.tell("Looking at the empty place. Keep hands away.")
        self._job = self._follower.follow(
            self._desk.teach,
            lambda noise: ended(
                f"Learned. The camera's noise is {noise:.1f} grey levels. Now lay a part there.", "good"
            ),
            lambda words: ended(words, "bad"),
        )
        self.refresh()

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def close_page(self) -> None:
        self._timer.stop()
        self._follower.close()
        self._stop()
