"""A candidate beside the released version on the live line: it sees the same parts and decides nothing."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.domain.versions import Shadow, Version
from app.domain.words import number
from app.improving import ImproveDesk
from ui.bridge import Bridge
from ui.shared.widgets import Button, Card, clear, label, row
from ui.shared.work import JobBar

_SHOWN = 12


class ShadowCard(Card):
    """`said` carries words and the kind of notice."""

    said = Signal(str, str)

    def __init__(self, bridge: Bridge, desk: ImproveDesk, job: JobBar) -> None:
        super().__init__("Shadow on the live line", padding=16)
        self._bridge, self._desk, self._job = bridge, desk, job
        self._version: Version | None = None
        self._told: Shadow | None = None
        self.words = label("", wrap=True)
        self.start = Button("", icon_name="eye-outline", on=self._start)
        self.stop = Button("Stop", on=self._stop)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(4)
        lines = QWidget()
        lines.setLayout(self._lines)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self.body.addWidget(self.words)
        self.body.addWidget(lines)
        self.body.addLayout(row(self.start, self.stop, 1))

    def show_version(self, version: Version) -> None:
        self._version = version
        self.show_shadow(self._told)

    def show_shadow(self, told: Shadow | None) -> None:
        version, self._told = self._version, told
        if version is None:
            return
        mine = told is not None and told.version == version.name
        running = told is not None and told.running
        self.start.setText(f"Shadow v{version.number}" + (" instead" if running else ""))
        self.start.setVisible(not version.released and not version.problem and not (mine and running))
        self.stop.setVisible(running)
        clear(self._lines)
        if told is None or (not mine and not running):
            words = "A candidate judges the live parts in spare time. It reaches neither the outputs nor the record."
            self.words.setText(words + (" Choose a version that is not released." if version.released else ""))
        elif not mine:
            self.words.setText(f"{told.version} runs as a shadow now. {told.words}")
        else:
            self.words.setText(told.words)
            for each in told.recent[:_SHOWN]:
                live = f"{each.live.verdict.value} {number(each.live.score)}"
                other = f"{each.candidate.verdict.value} {number(each.candidate.score)}"
                when = each.at.astimezone().strftime("%H:%M:%S")
                part = each.part_id or "not on record"
                self._lines.addWidget(label(f"{when}  {part}: line {live}, candidate {other}", "note", wrap=True))

    def _start(self) -> None:
        if (version := self._version) is not None:
            self._job.run(
                lambda: self._desk.start_shadow(version.name),
                self.show_shadow,
                lambda words: self.said.emit(words, "bad"),
            )

    def _stop(self) -> None:
        self._bridge.run(self._desk.stop_shadow, lambda _none: None, lambda words: self.said.emit(words, "bad"))
