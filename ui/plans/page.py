"""The place Plans: the day's rounds, a round, the day's list, plans and their import."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.domain.plan import DayResult, Plan, Round, RoundState
from app.jobs import Job
from app.rounds import Matched
from ui.bridge import Bridge
from ui.plans.editor import PlanEditor
from ui.plans.folder import FolderView
from ui.plans.importing import ImportView
from ui.plans.result import ResultView
from ui.plans.step import StepView
from ui.plans.today import EmptyPlans, PlanCards, RoundCards
from ui.plans.words import day_words
from ui.shared.elided import Elided
from ui.shared.toast import Toast, open_folder
from ui.shared.widgets import Button, Choice, Notice, column, page_layout, row
from ui.shared.work import Follower, JobBar
from ui.theme import current

_WORKBOOK = "Excel workbook (*.xlsx)"
_Rounds = list[tuple[Round, RoundState]]
_Plans = list[tuple[Plan, datetime | None]]


class PlansPage(QWidget):
    """One view at a time; each leads back to the rounds."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.rounds
        self._follower = Follower(self)
        self._result: DayResult | None = None
        self._reading = False
        self._again = False
        self.plans: _Plans | None = None
        self._build()
        bridge.rounds.connect(self._news)

    def _build(self) -> None:
        self.view = Choice([("today", "Today"), ("yesterday", "Yesterday"), ("plans", "Plans")], "today")
        self.view.chosen.connect(lambda _key: self.refresh())
        self.words = Elided("", "note")
        self.rounds = RoundCards()
        self.rounds.opened.connect(self.open_round)
        self.cards = PlanCards()
        self.cards.begun.connect(self._begin_now)
        self.cards.edited.connect(self.edit)
        self.empty = EmptyPlans()
        self.empty.imported.connect(self.choose_workbook)
        self.empty.template.connect(self._save_template)
        self.empty.made.connect(lambda: self.edit(None))
        self.lists = QStackedWidget()
        for each in (self.rounds, self.cards, self.empty):
            self.lists.addWidget(each)
        self.notice = Notice()
        self.bar = JobBar(self._follower)
        self.new = Button("New plan", icon_name="plus", on=lambda: self.edit(None))
        self.bring = Button("Import", icon_name="file-import-outline", on=self.choose_workbook)
        self.export = Button("Export", icon_name="file-export-outline", on=self._save_plans)
        self.template = Button("Template", icon_name="file-download-outline", on=self._save_template)
        self.show_day = Button("The day's list", on=self._open_day)
        self.primary = Button("Judge the day", "primary", on=self._judge)
        self.home = QWidget()
        layout = QVBoxLayout(self.home)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        self.top = QWidget()
        head = QHBoxLayout(self.top)
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.view)
        layout.addWidget(self.top)
        layout.addWidget(self.words)
        layout.addWidget(self.notice)
        layout.addWidget(self.lists, 1)
        layout.addWidget(self.bar)
        layout.addLayout(row(self.new, self.bring, self.export, self.template, 1, self.show_day, self.primary))
        self.step = StepView(self._bridge)
        self.folder = FolderView(self._bridge)
        self.result = ResultView(self._bridge)
        self.editor = PlanEditor(self._bridge)
        self.importing = ImportView(self._bridge)
        self.stack = QStackedWidget()
        for view in (self.home, self.step, self.folder, self.result, self.editor, self.importing):
            self.stack.addWidget(view)
        for left in (self.step.left, self.result.left, self.editor.left, self.importing.left):
            left.connect(self.go_home)
        self.step.folder_wanted.connect(self.look_at_folder)
        self.folder.left.connect(lambda: self.stack.setCurrentWidget(self.step))
        self.folder.taken.connect(self._photographs_taken)
        self.result.step_wanted.connect(self._open_step)
        self.importing.other_wanted.connect(self.choose_workbook)
        page_layout(self).addLayout(column(self.stack))
        self.toast = Toast(self)
        self._update()

    # -- the rounds of a day
    @property
    def day(self) -> date:
        today = self._bridge.station.today()
        return today - timedelta(days=1) if self.view.value() == "yesterday" else today

    @property
    def reading(self) -> bool:
        """Whether the rounds and plans are being read, so that the cards on show may be replaced."""
        return self._reading

    def refresh(self) -> None:
        """Reads the rounds and plans again, once more where they change meanwhile."""
        if self._reading:
            self._again = True
            return
        self._reading, day = True, self.day

        def read() -> tuple[_Rounds, _Plans, DayResult]:
            rounds = [(each, self._desk.state(each)) for each in self._desk.rounds(day)]
            plans = [(plan, self._desk.next_due(plan)) for plan in self._desk.plans()]
            return rounds, plans, self._desk.result(day)

        self._bridge.run(read, self._show, self._read_failed)

    def _show(self, found: tuple[_Rounds, _Plans, DayResult]) -> None:
        self._reading = False
        rounds, self.plans, self._result = found
        zone, closed = self._desk.zone, self._result.closed
        words = "No round is due on this day. Begin one out of turn under Plans."
        self.rounds.show_rounds(rounds, zone, closed=closed, words=words)
        self.cards.show_plans(self.plans, zone)
        self._update()
        if self._again:
            self._again = False
            self.refresh()

    def _read_failed(self, words: str) -> None:
        self._reading = False
        self.notice.tell(words, "bad")

    def _news(self) -> None:
        if not self.isVisible():
            return
        self.refresh()
        if self.stack.currentWidget() is self.result:
            self.result.refresh()

    def _update(self) -> None:
        result = self._result
        nothing = self.plans is not None and not self.plans and not self.rounds.cards
        on_plans = self.view.value() == "plans"
        shown: QWidget = self.empty if nothing else self.cards if on_plans else self.rounds
        self.lists.setCurrentWidget(shown)
        self.words.setText("" if nothing or on_plans or result is None else day_words(result, self._desk.zone))
        self.words.setVisible(bool(self.words.text()))
        self.top.setVisible(not nothing)
        for button in (self.new, self.bring, self.export, self.template):
            button.setVisible(on_plans and not nothing)
        self.show_day.setVisible(not on_plans and not nothing)
        closed = result is not None and result.closed
        self.primary.setVisible(not on_plans and not nothing and not closed)

    def go_home(self) -> None:
        self.stack.setCurrentWidget(self.home)
        self.refresh()

    # -- a round
    def open_round(self, each: Round, component: str = "") -> None:
        """Begins a round, or goes on where it was left; of a day that is over it is only shown."""
        closed = self._result is not None and self._result.closed
        if closed:
            self._show_step(each, component, closed=True)
            return
        self.notice.tell("")
        self._bridge.run(
            lambda: self._desk.begin_round(each),
            lambda begun: self._show_step(begun, component, closed=False),
            self._failed,
        )

    def _open_step(self, each: Round, component: str) -> None:
        self.open_round(each, component)

    def _show_step(self, each: Round, component: str, *, closed: bool) -> None:
        self.step.open(each, component, closed=closed)
        self.stack.setCurrentWidget(self.step)

    def _begin_now(self, plan: Plan) -> None:
        self._bridge.run(
            lambda: self._desk.begin_now(plan), lambda begun: self._show_step(begun, "", closed=False), self._failed
        )

    def look_at_folder(self, folder: Path) -> None:
        """Matches a folder's photographs to the open steps of the round on show."""
        each = self.step.round
        if each is None:
            return

        def show(matched: Matched) -> None:
            self.folder.open(each, matched)
            self.stack.setCurrentWidget(self.folder)

        self.step.bar.run(lambda: self._desk.look_at_folder(each, folder), show, self.step._failed)

    def _photographs_taken(self, each: Round) -> None:
        self._show_step(each, "", closed=False)

    # -- the end of the day
    def _open_day(self) -> None:
        self.result.open(self.day)
        self.stack.setCurrentWidget(self.result)

    def _judge(self) -> None:
        self.result.open(self.day, judge=True)
        self.stack.setCurrentWidget(self.result)

    # -- plans
    def edit(self, plan: Plan | None) -> None:
        self.editor.open(plan)
        self.stack.setCurrentWidget(self.editor)

    def choose_workbook(self) -> None:
        dialog = QFileDialog(self, "Plans to import", str(Path.home()), f"{_WORKBOOK};;All files (*)")
        dialog.resize(880, 600)
        dialog.fileSelected.connect(lambda file: self.import_workbook(Path(file)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def import_workbook(self, path: Path) -> None:
        """Shows what a workbook would make."""
        self.stack.setCurrentWidget(self.importing)
        self.importing.open(path)

    def _save_template(self) -> None:
        self._save("Plans.xlsx", "Save the template", self._desk.write_template)

    def _save_plans(self) -> None:
        self._save(f"Plans {self._bridge.station.today()}.xlsx", "Save the plans", self._desk.export_plans)

    def _save(self, name: str, title: str, write: Callable[[Path], Job[Path]]) -> None:
        dialog = QFileDialog(self, title, str(self._bridge.station.data.reports / name), _WORKBOOK)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("xlsx")
        dialog.selectFile(name)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(lambda file: self.bar.run(lambda: write(Path(file)), self._saved, self._failed))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _saved(self, out: Path) -> None:
        height = current().metrics.touch + 16
        above = self.stack.mapTo(self, QPoint(0, self.stack.height() - height))
        area = QRect(above.x(), above.y(), self.stack.width(), height)
        self.toast.tell(f"Saved as {out}", area, "Open folder", lambda: open_folder(out.parent))

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")
        if self.stack.currentWidget() is self.result:
            self.result.notice.tell(words, "bad")

    def close_page(self) -> None:
        """Ends what waits; work that is under way belongs to the station."""
        self._follower.close()
        for view in (self.step, self.folder, self.result, self.importing, self.editor):
            view.close_view()
