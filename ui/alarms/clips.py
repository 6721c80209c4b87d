"""The videos of one alarm's defects: those that are kept here, and the one that a stream still has."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.domain.alarm import Alarm
from app.linking import moment_of_clip
from ui.bridge import Bridge
from ui.shared.widgets import Button, Notice, clear, clock, label
from ui.shared.work import Follower, JobBar

_COLUMNS = 2
_LOOK_AGAIN = 2000  # milliseconds
_SOON = 30.0  # seconds after a defect until which its clip may still be written
_OFF = (
    "No video of it. Switch on Clips of defects under Set-up, Cloud: the next defects have ten seconds each, kept on "
    "this computer."
)
_SOON_WORDS = "The video of it is being written: its last seconds are still coming."
_NONE = "No video of it was kept."


class ClipSection(QWidget):
    """`wanted` with the file of a clip that is to be played."""

    wanted = Signal(Path)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.linking
        self._zone: tzinfo | None = None
        self._alarm: Alarm | None = None
        self._known: list[Path] | None = None
        self._follower = Follower(self)
        self.title = label("Video", "strong")
        self.words = label("", "quiet", wrap=True)
        self.buttons: list[Button] = []
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        self.fetch = Button("Get the clip from the stream", icon_name="cloud-download-outline", on=self._fetch)
        self.bar = JobBar(self._follower)
        self.said = Notice()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.title)
        layout.addWidget(self.words)
        layout.addLayout(self._grid)
        layout.addWidget(self.fetch)
        layout.addWidget(self.bar)
        layout.addWidget(self.said)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_LOOK_AGAIN)
        self._again.timeout.connect(self._look)

    def show_alarm(self, alarm: Alarm, zone: tzinfo | None) -> None:
        """What there is of an alarm; nothing where it is not of a part."""
        if self._alarm is None or self._alarm.id != alarm.id:
            self.said.tell("")
            self._known = None
            self._fill([])
            self.words.setText("")
            self.fetch.setVisible(False)  # of the same alarm it stays: a finger may be on its way to it
        self._alarm, self._zone = alarm, zone
        self.setVisible(bool(alarm.inspection_id))
        if alarm.inspection_id:
            self._look()

    def _look(self) -> None:
        alarm = self._alarm
        if alarm is not None:
            self._bridge.run(lambda: self._desk.clips_of(alarm.id), lambda found: self._show(alarm, found))

    def _show(self, alarm: Alarm, found: list[Path]) -> None:
        if self._alarm is None or self._alarm.id != alarm.id:
            return
        if found != self._known:
            self._known = found
            self._fill(found)
        age = (datetime.now(UTC) - alarm.last_at).total_seconds()
        on = self._bridge.station.settings.video_clips
        stream = self._desk.stream_of(alarm)
        soon = on and not found and age < _SOON
        if soon and self.isVisible():
            self._again.start()
        none = _SOON_WORDS if soon else (_NONE if on or stream else _OFF)
        self.words.setText("" if found else f"{none} {self._desk.clips.trouble}".strip())
        self.words.setVisible(not found)
        self.fetch.setVisible(bool(stream) and not self.bar.busy)
        self.fetch.setToolTip(f"The ten seconds around the newest defect, as {stream} keeps them.")

    def _fill(self, found: list[Path]) -> None:
        clear(self._grid)
        self.buttons = []
        for place, path in enumerate(found):
            moment = moment_of_clip(path)
            words = clock(moment, self._zone) if moment is not None else path.stem
            words += ", stream" if "-" in path.stem else ""  # else from the camera itself
            button = Button(words, icon_name="play", on=lambda path=path: self.wanted.emit(path))
            button.setAccessibleName(f"Play the video of {words}")
            self.buttons.append(button)
            self._grid.addWidget(button, place // _COLUMNS, place % _COLUMNS)

    def _fetch(self) -> None:
        alarm = self._alarm
        stream = self._desk.stream_of(alarm) if alarm is not None else ""
        if alarm is None or not stream:
            return

        def done(path: Path) -> None:
            self._look()
            if self._alarm is not None and self._alarm.id == alarm.id:
                self.said.tell("")
                self.wanted.emit(path)

        def failed(words: str) -> None:
            self._look()
            if self._alarm is not None and self._alarm.id == alarm.id:
                self.said.tell(words, "bad")

        self.said.tell("")
        self.bar.run(lambda: self._desk.clip_from_stream(stream, alarm.last_at, alarm_id=alarm.id), done, failed)
        self.fetch.setVisible(not self.bar.busy)

    def close_section(self) -> None:
        self._again.stop()
        self._follower.close()
