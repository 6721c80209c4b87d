"""The studies of the station, and the way to each of their steps."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from app.domain.calendar import station_zone
from app.domain.gauge import GaugeStudy
from ui.bridge import Bridge
from ui.reports.gauge.new import NewStudy
from ui.reports.gauge.result import ResultView
from ui.reports.gauge.trial import TrialView
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Card, Notice, clear, clock, label, row, scrolled
from ui.shared.work import Follower, JobBar

_EMPTY = (
    "A gauge study tells whether inspectors, and Linesight itself, judge parts rightly, and alike each time. It takes "
    "pictures of parts whose verdict is known; each appraiser judges them several times, blind. Begin with New study."
)


@dataclass(frozen=True, slots=True)
class _Listed:
    studies: list[GaugeStudy]
    faults: list[str]
    may_keep: bool


class GaugeView(QWidget):
    """The list, and above it whichever step is open. `judging_now` tells when a trial begins and ends: the picture then
    needs the room of what stands around it."""

    judging_now = Signal(bool)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.gauging
        self._follower = Follower(self)
        self.new = Button("New study", "primary", icon_name="plus", on=self.begin)
        self.bar = JobBar(self._follower)
        self.notice = Notice()
        self.empty = label(_EMPTY, "note", wrap=True)
        self.empty.hide()
        self.judging: dict[tuple[str, str], Button] = {}
        self.results: dict[str, Button] = {}
        self.ends: dict[str, Button] = {}
        self._sure = ""  # the study whose end has been asked for once
        content = QWidget()
        self._cards = QVBoxLayout(content)
        self._cards.setContentsMargins(0, 0, 8, 0)
        self._cards.setSpacing(16)
        self.list = QWidget()
        layout = QVBoxLayout(self.list)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row(label("Gauge studies", "heading"), 1, self.new))
        layout.addWidget(self.bar)
        layout.addWidget(self.notice)
        layout.addWidget(self.empty)
        layout.addWidget(scrolled(content), 1)
        self.making, self.trial, self.result = NewStudy(bridge), TrialView(bridge), ResultView(bridge)
        self.making.left.connect(self.show_list)
        self.making.made.connect(self.show_list)
        self.trial.left.connect(self.show_list)
        self.result.left.connect(self.show_list)
        self.stack = QStackedWidget()
        for view in (self.list, self.making, self.trial, self.result):
            self.stack.addWidget(view)
        self.stack.currentChanged.connect(
            lambda _index: self.judging_now.emit(self.stack.currentWidget() is self.trial)
        )
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)

    # -- the steps
    def show_list(self) -> None:
        self.stack.setCurrentWidget(self.list)
        self._sure = ""
        self.refresh()

    def begin(self) -> None:
        """A new study."""
        self.making.open()
        self.stack.setCurrentWidget(self.making)

    def judge(self, study: GaugeStudy, appraiser: str) -> None:
        if appraiser == study.model:
            self.notice.tell("")
            self.bar.run(lambda: self._desk.judge(study.id), lambda _study: self.refresh(), self._failed)
            return
        self.stack.setCurrentWidget(self.trial)
        self.trial.open(study, appraiser)

    def show_result(self, study: GaugeStudy) -> None:
        self.stack.setCurrentWidget(self.result)
        self.result.open(study)

    def end(self, study: GaugeStudy) -> None:
        """Asks once, and ends it at the second tap."""
        if self._sure != study.id:
            self._sure = study.id
            left = ", ".join(each for each in study.everybody if not study.finished(each))
            self.ends[study.id].setText("End it now")
            self.notice.tell(
                f"Ending {study.name} leaves out {left}. This can't be undone. Tap End it now if you mean it."
            )
            return
        self._sure = ""
        self.notice.tell("")
        self._bridge.run(lambda: self._desk.end(study.id), lambda _none: self.refresh(), self._failed)

    def take_focus(self) -> None:
        """Lets the keys answer again when somebody comes back to a trial."""
        if self.stack.currentWidget() is self.trial:
            self.trial.setFocus()

    # -- the list
    def refresh(self) -> None:
        """Reads the list again."""
        desk = self._desk
        self._bridge.run(lambda: _Listed(desk.studies(), desk.faults(), desk.may_keep()), self._show, self._failed)

    def _show(self, found: _Listed) -> None:
        clear(self._cards)
        self.judging, self.results, self.ends = {}, {}, {}
        for fault in found.faults:
            self._cards.addWidget(Notice(fault, "bad"))
        for study in found.studies:
            self._cards.addWidget(self._card(study, found.may_keep))
        self._cards.addStretch(1)
        self.empty.setVisible(not found.studies)
        self.new.setEnabled(found.may_keep)
        self.new.setToolTip("" if found.may_keep else "A manager or an engineer makes studies. Sign in as one.")

    def _card(self, study: GaugeStudy, may_keep: bool) -> Card:
        card = Card(padding=16)
        card.body.setSpacing(8)
        zone = station_zone(self._bridge.station.settings.zone)
        made = f"{len(study.parts)} parts, {study.trials} trials, made {clock(study.made_at, zone, day=True)}"
        if study.by:
            made += f" by {study.by}"
        head = row(Elided(study.name, "heading"), spacing=16)
        head.setStretch(0, 1)
        if study.complete:
            show = self.results[study.id] = Button("Result", icon_name="chart-box-outline")
            show.clicked.connect(lambda: self.show_result(study))
            head.addWidget(show)
        elif may_keep and study.answers:
            end = self.ends[study.id] = Button("End")
            end.clicked.connect(lambda: self.end(study))
            head.addWidget(end)
        card.body.addLayout(head)
        card.body.addWidget(label(f"{made}, ended early" if study.ended else made, "quiet", wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        for line, name in enumerate(study.everybody):
            grid.addWidget(Elided(name), line, 0)
            grid.addWidget(label(f"{len(study.of(name))} of {study.size}"), line, 1)
            if study.turn(name) is None:
                grid.addWidget(label("finished" if study.finished(name) else "left out", "note"), line, 2)
                continue
            words = "Let it judge" if name == study.model else "Judge" if not study.of(name) else "Go on"
            button = self.judging[study.id, name] = Button(words)
            button.setAccessibleName(f"{words}: {name}")
            button.clicked.connect(lambda _on=False, name=name: self.judge(study, name))
            grid.addWidget(button, line, 2)
        grid.setColumnStretch(0, 1)
        card.body.addLayout(grid)
        return card

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")

    def close_view(self) -> None:
        self._follower.close()
        self.making.close_view()
        self.result.close_view()
