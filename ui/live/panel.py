"""What stands in the picture's place while there is no picture: what happens, and the next step."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QVBoxLayout

from ui.ports import Phase, State
from ui.shared.widgets import Button, icon, label
from ui.theme import current

_TITLES = {
    Phase.IDLE: ("Nothing to inspect yet", "clipboard-check-outline"),
    Phase.TRAINING: ("Learning what a good part looks like", "school-outline"),
    Phase.STARTING: ("Starting", "progress-clock"),
    Phase.WAITING: ("Waiting for the camera", "video-off-outline"),
    Phase.STOPPED: ("Inspection is stopped", "stop-circle-outline"),
    Phase.FAULT: ("The station needs help", "alert-octagon-outline"),
    Phase.INSPECTING: ("Waiting for the first part", "eye-outline"),
    Phase.FINISHED: ("All pictures are inspected", "flag-checkered"),
}


_ROOM_FOR_ICON = 272


class StatePanel(QFrame):
    """One calm panel for every state without a picture. `acted` names the intent of a button:
    "cancel", "resume", "demo", "train", "source"."""

    acted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._phase: Phase | None = None
        self._began = 0.0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(16)
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title = label("", "title", wrap=True)
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words = label("", "note", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(480)
        self.seconds = label("", "quiet")
        self.seconds.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.first = Button("", on=lambda: self._act(0))
        self.second = Button("", on=lambda: self._act(1))
        self._acts: list[str] = []
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.first)
        buttons.addWidget(self.second)
        buttons.addStretch(1)
        layout.addStretch(1)
        layout.addWidget(self._icon)
        layout.addWidget(self.title)
        layout.addWidget(self.words)
        layout.addWidget(self.progress, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.seconds)
        layout.addSpacing(8)
        layout.addLayout(buttons)
        layout.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setInterval(250)
        self._timer.timeout.connect(self._tick)
        current().changed.connect(self._draw_icon)

    def show_state(self, state: State) -> None:
        """Takes a state over; progress of its job is read again with every call."""
        if state.phase != self._phase:
            self._phase = state.phase
            self._began = time.monotonic()
            self._draw_icon()
        self.title.setText(_TITLES[state.phase][0])
        job = state.job
        busy = state.phase in (Phase.TRAINING, Phase.STARTING)
        words = state.words
        if busy and job is not None:
            words = job.progress.words or words
        self.words.setText(words)
        self.words.setVisible(words not in ("", self.title.text()) and state.phase != Phase.INSPECTING)
        self.progress.setVisible(busy)
        self.seconds.setVisible(busy)
        if busy:
            fraction = job.progress.fraction if job is not None else None
            self.progress.setRange(0, 0 if fraction is None else 1000)
            if fraction is not None:
                self.progress.setValue(round(1000 * fraction))
            self._tick()
        offers = {
            Phase.TRAINING: [("cancel", "Cancel")],
            Phase.STOPPED: [("resume", "Resume inspection"), ("source", "Choose another source")],
            Phase.IDLE: [("demo", "Try the demo line"), ("train", "Inspect your own parts")],
            Phase.WAITING: [("source", "Check the source")],
            Phase.FAULT: [("resume", "Try again"), ("source", "Check the source")],
            Phase.FINISHED: [("resume", "Inspect it again"), ("source", "Choose another source")],
        }.get(state.phase, [])
        self._acts = [act for act, _ in offers]
        for index, button in enumerate((self.first, self.second)):
            button.setVisible(index < len(offers))
            if index < len(offers):
                button.setText(offers[index][1])
        self.first.set_role("primary" if len(offers) == 2 else "plain")  # what will most often be wanted
        if state.phase == Phase.TRAINING and job is not None and job.cancelled:
            self.first.setEnabled(False)
            self.first.setText("Stopping")
        else:
            self.first.setEnabled(True)
        if busy and self.isVisible():
            self._timer.start()
        elif not busy:
            self._timer.stop()

    @property
    def phase(self) -> Phase | None:
        """The state on show."""
        return self._phase

    @property
    def offers_a_step(self) -> bool:
        """Whether the first button is what should be done next."""
        return len(self._acts) == 2

    def _act(self, index: int) -> None:
        if index < len(self._acts):
            self.acted.emit(self._acts[index])

    def _tick(self) -> None:
        self.seconds.setText(f"{time.monotonic() - self._began:.0f} s so far")

    def showEvent(self, _event: object) -> None:
        if self._phase in (Phase.TRAINING, Phase.STARTING):
            self._timer.start()

    def resizeEvent(self, _event: object) -> None:
        self._icon.setVisible(self.height() >= _ROOM_FOR_ICON + 2 * current().metrics.touch)

    def hideEvent(self, _event: object) -> None:
        self._timer.stop()

    def _draw_icon(self) -> None:
        if self._phase is not None:
            self._icon.setPixmap(icon(_TITLES[self._phase][1], "quiet").pixmap(64, 64))
