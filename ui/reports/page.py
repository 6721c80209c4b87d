"""Choose a period, see its figures, export them; and the way to the merging of spreadsheets."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.domain.periods import Period
from app.domain.verdict import Verdict
from app.domain.words import number, percent
from app.reports.figures import Figures
from app.reports.plan_words import Line
from ui.bridge import Bridge
from ui.records import RecordsView
from ui.reports.fleet import FleetView
from ui.reports.gauge import GaugeView
from ui.reports.merge import MergeView
from ui.reports.schedule import FORMATS, ScheduleSheet
from ui.reports.ticks import Ticks
from ui.reports.views import Breakdown, Control, Overview, PlanView
from ui.shared.dates import DateField
from ui.shared.exporting import Exporter
from ui.shared.shapes import VerdictShape
from ui.shared.thumbs import Thumbs
from ui.shared.toast import open_folder
from ui.shared.widgets import Button, Card, Choice, Notice, finger_scroll, label, row, scrolled, tall
from ui.theme import current

_RECENT = 8
_ENDINGS = {f".{key}" for key, _ in FORMATS}
_REFRESH_MS = 2000
_STEPS = 600  # pixels that the three steps of a merge need
VIEWS = (("figures", "Figures"), ("records", "Records"), ("merge", "Merge"), ("fleet", "Fleet"), ("gauge", "Gauge"))
PARTS = (
    ("overview", "Overview"),
    ("breakdown", "By whom and where"),
    ("control", "Control chart"),
    ("plan", "What it means"),
)


class ReportsPage(QWidget):
    """Left the figures, right the export and the files; or the records; or the merging of spreadsheets.
    `part_opened` carries the id of a part."""

    part_opened = Signal(str)

    def __init__(self, bridge: Bridge, thumbs: Thumbs | None = None) -> None:
        super().__init__()
        self._bridge, self._thumbs = bridge, thumbs or Thumbs(bridge)
        self.records: RecordsView | None = None
        self._asking = self._again = False
        self.figures: Figures | None = None
        self.merge: MergeView | None = None
        self.fleet: FleetView | None = None
        self.gauge: GaugeView | None = None
        self.exporter = Exporter(bridge, self)
        self.exporter.changed.connect(self._progressed)
        self.exporter.ended.connect(self._exported)
        self.setProperty("kind", "ground")
        self.setAcceptDrops(True)
        self._build()
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.setInterval(_REFRESH_MS)
        self._refresh_timer.timeout.connect(self._ask)
        bridge.outcome.connect(self._outcome)

    def _build(self) -> None:
        self.period = Choice(
            [
                ("shift", "Shift"),
                ("today", "Today"),
                ("yesterday", "Yesterday"),
                ("week", "7 days"),
                ("own", "Own dates"),
            ],
            "today",
        )
        self.period.chosen.connect(lambda _key: self._period_chosen())
        self._back = 0  # shifts back from the newest one
        self.earlier = Button("Earlier", icon_name="chevron-left", on=lambda: self._step_shift(1))
        self.later = Button("Later", icon_name="chevron-right", on=lambda: self._step_shift(-1))
        today = self._bridge.station.today()
        self.first, self.last = DateField("From", today), DateField("To", today)
        for editor in (self.first, self.last):
            editor.dateChanged.connect(lambda _date: self.refresh())
        self.own = QWidget()
        self.own.setLayout(row(label("from"), self.first, label("to"), self.last, 1))
        self.own.hide()
        counts = Card(padding=16)
        self.title = label("Today", "heading")
        self.steps = QWidget()
        self.steps.setLayout(row(self.earlier, self.later))
        self.steps.hide()
        counts.body.addLayout(row(self.title, 1, self.steps))
        counts.body.addWidget(self.own)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        self.values = {}
        columns: list[tuple[str, str, Verdict | None]] = [
            ("total", "Parts", None),
            ("passed", "Good", Verdict.PASS),
            ("failed", "Defect", Verdict.FAIL),
            ("retest", "Retest", Verdict.RETEST),
            ("error", "No answer", Verdict.ERROR),
            ("yield", "Yield", None),
        ]
        for at, (key, words, verdict) in enumerate(columns):
            name = label(words, "quiet")
            head = row(*([VerdictShape(20, verdict)] if verdict else []), name, 1)
            grid.addLayout(head, 0, at)
            self.values[key] = label("\u2013", "figure")
            grid.addWidget(self.values[key], 1, at)
            grid.setColumnStretch(at, 1)
        counts.body.addLayout(grid)
        self.spread = label("", "quiet", wrap=True)
        counts.body.addWidget(self.spread)
        self.overview, self.breakdown, self.control, self.plan = Overview(), Breakdown(), Control(), PlanView()
        self.part = Choice(list(PARTS), "overview")
        self.part.chosen.connect(self.show_part)
        self.parts = QStackedWidget()
        self.parts.setMinimumHeight(240)
        for each in (self.overview, self.breakdown, self.control, self.plan):
            self.parts.addWidget(each)

        export = Card("Report", padding=16)
        self.formats = Ticks(FORMATS, ("xlsx",), least=1)
        export.body.addWidget(self.formats)
        self.primary = Button("Export", "primary", on=self._export)
        self.stop = Button("Stop", on=self.exporter.cancel)
        self.stop.hide()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.words = Notice()
        self.open = Button("Folder", icon_name="folder-open-outline", on=self._open)
        export.body.addLayout(row(self.primary, self.stop))
        export.body.addWidget(self.progress)
        export.body.addWidget(self.words)
        self.schedule = Button("Schedule", icon_name="calendar-clock", on=self._schedule)
        export.body.addLayout(row(self.open, self.schedule))
        files = Card("Exported files", padding=16)
        self.files = QListWidget()
        self.files.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.files.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        finger_scroll(self.files)
        self.no_files = label("No report yet. Exported reports are listed here.", "note", wrap=True)
        self.no_files.setAlignment(Qt.AlignmentFlag.AlignTop)
        files.body.addWidget(self.no_files, 1)
        files.body.addWidget(self.files, 1)

        left, right = QVBoxLayout(), QVBoxLayout()
        left.setSpacing(16)
        right.setSpacing(16)
        left.addWidget(counts)
        left.addWidget(self.part)
        left.addWidget(self.parts, 1)
        right.addWidget(export)
        right.addWidget(files, 1)
        content = QWidget()
        panes = QHBoxLayout(content)
        panes.setContentsMargins(0, 0, 8, 0)
        panes.setSpacing(24)
        panes.addLayout(left, 68)
        panes.addLayout(right, 32)
        figures = scrolled(content)
        self.view = Choice(list(VIEWS), "figures")
        self.view.chosen.connect(self.show_view)
        self.stack = QStackedWidget()
        self.stack.addWidget(figures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(16)
        self.sheet = ScheduleSheet(self._bridge, self)
        self.sheet.saved.connect(self.refresh)
        self.top = row(self.view, self.period, 1, spacing=24)
        self.below = row()
        layout.addLayout(self.top)
        layout.addLayout(self.below)
        layout.addWidget(self.stack, 1)

    def _arrange(self) -> None:
        """The periods, and the steps of a merge, stand beside the views where there is room for both, else below."""
        bars: list[tuple[QWidget, int, int]] = [(self.period, 0, self.period.sizeHint().width())]
        if self.merge is not None:  # its words grow with what it finds
            bars.append((self.merge.step_bar, 1, max(_STEPS, self.merge.step_bar.sizeHint().width())))
        for bar, stretch, wide in bars:
            beside = self.view.sizeHint().width() + wide + 24 <= self.width() - 48
            wanted, other = (self.top, self.below) if beside else (self.below, self.top)
            if wanted.indexOf(bar) < 0:
                other.removeWidget(bar)
                wanted.insertWidget(1 if beside else 0, bar, stretch)

    def show_view(self, key: str) -> None:
        """One of "figures", "records", "merge", "fleet", "gauge"."""
        self.view.set_value(key)
        if key == "records" and self.records is None:
            self.records = RecordsView(self._bridge, self._thumbs)
            self.records.opened.connect(self.part_opened)
            self.stack.addWidget(self.records)
        if key == "merge" and self.merge is None:
            self.merge = MergeView(self._bridge)
            self.merge.written.connect(lambda: self._bridge.run(self._recent_files, self._show_files))
            self.stack.addWidget(self.merge)
            self._arrange()
        if key == "fleet" and self.fleet is None:
            self.fleet = FleetView(self._bridge)
            self.stack.addWidget(self.fleet)
        if key == "gauge" and self.gauge is None:
            self.gauge = GaugeView(self._bridge)
            self.gauge.judging_now.connect(lambda on: self.view.setVisible(not on))
            self.stack.addWidget(self.gauge)
        self.period.setVisible(key == "figures")
        if self.merge is not None:
            self.merge.step_bar.setVisible(key == "merge")
        self.top.setStretch(self.top.count() - 1, 0 if key == "merge" else 1)
        shown = {"merge": self.merge, "records": self.records, "fleet": self.fleet, "gauge": self.gauge}.get(key)
        self.stack.setCurrentWidget(shown if shown is not None else self.stack.widget(0))
        if key == "records" and self.records is not None:
            self.records.refresh()
        if key == "fleet" and self.fleet is not None:
            self.fleet.refresh()
        if key == "gauge" and self.gauge is not None:
            self.gauge.refresh()

    def take_code(self, code: str) -> bool:
        """A part that is scanned while reports are on show is looked for in the records; a badge is not."""
        if self.view.value() != "records" or self.records is None:
            return False
        self.records.take_code(code)
        return True

    def dragEnterEvent(self, event):  # type: ignore[no-untyped-def]
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event):  # type: ignore[no-untyped-def]
        """Spreadsheets that are dropped on the figures are to be merged, too."""
        places = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if places:
            self.show_view("merge")
            assert self.merge is not None
            self.merge.drop(places)
            event.acceptProposedAction()

    def show_part(self, key: str) -> None:
        """One of "overview", "breakdown", "control", "plan"."""
        self.part.set_value(key)
        self.parts.setCurrentIndex([each for each, _ in PARTS].index(key))
        self.spread.setVisible(key == "overview")  # the others need the room
        self._ask()

    def dates(self) -> tuple[date, date]:
        """First and last day of the chosen period, both included."""
        today = self._bridge.station.today()
        key = self.period.value()
        if key == "yesterday":
            return today - timedelta(days=1), today - timedelta(days=1)
        if key == "week":
            return today - timedelta(days=6), today
        if key == "own":
            first, last = self.first.day(), self.last.day()
            return min(first, last), max(first, last)
        return today, today

    def chosen_period(self) -> Period | None:
        """None where a shift is asked for and none is known."""
        desk = self._bridge.station.reporting
        if self.period.value() != "shift":
            return desk.days(*self.dates())
        found = desk.latest_shifts(self._back + 1)
        return found[-1] if len(found) > self._back else None

    def _period_chosen(self) -> None:
        self._back = 0
        if self.period.value() == "shift" and not self._bridge.station.reporting.shifts:
            self._tell("No shifts are known. Write down when each begins, and save.", "mention")
            self._schedule()
        self.refresh()

    def _step_shift(self, back: int) -> None:
        self._back = max(0, self._back + back)
        self.refresh()

    def _schedule(self) -> None:
        self.sheet.open()

    def resizeEvent(self, event):  # type: ignore[no-untyped-def]
        super().resizeEvent(event)
        self._arrange()
        if self.sheet.isVisible():
            self.sheet.fit()

    def refresh(self) -> None:
        """Reads figures and files again."""
        own = self.period.value() == "own"  # the days stand in their fields then
        shift = self.period.value() == "shift"
        self.own.setVisible(own)
        self.title.setVisible(not own)
        self.steps.setVisible(shift)
        self.later.setEnabled(self._back > 0)
        self._ask()
        self._bridge.run(self._recent_files, self._show_files)
        if self.gauge is not None and self.view.value() == "gauge":
            self.gauge.take_focus()

    def _outcome(self) -> None:
        if self.isVisible() and not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def _ask(self) -> None:
        period = self.chosen_period()
        if period is None:
            return
        self._again = self._asking  # one question at a time: a long period takes seconds
        if self._asking:
            return
        self._asking = True
        desk = self._bridge.station.reporting
        plan = self.part.value() == "plan"

        def work() -> tuple[Figures, list[Line] | None]:
            figures = desk.figures(period)
            return figures, desk.plan(figures) if plan else None

        self._bridge.run(work, lambda found: self._show(period, *found), self._not_counted)

    def _show(self, period: Period, figures: Figures, lines: list[Line] | None) -> None:
        self._asking = False
        if self._again:
            self._ask()
        if period != self.chosen_period():
            return  # another period was chosen meanwhile
        self.figures = figures
        days = f"{period.first:%a} {period.first.day} {period.first:%b %Y}"
        if period.first != period.last:
            days += f" to {period.last:%a} {period.last.day} {period.last:%b %Y}"
        self.title.setText(f"{days}, {period.shift}" if period.shift else days)
        counts = figures.counts
        for key in ("total", "passed", "failed", "retest", "error"):
            self.values[key].setText(str(getattr(counts, key)))
        self.values["yield"].setText(percent(counts.yield_))
        parts = []
        if figures.scores is not None:
            parts.append(f"Score: median {number(figures.scores.median)}, highest {number(figures.scores.greatest)}")
        if figures.milliseconds is not None:
            parts.append(f"detector: median {number(figures.milliseconds.median, 0)} ms a part")
        self.spread.setText(". ".join(parts) if not parts else "; ".join(parts) + ".")
        for view in (self.overview, self.breakdown, self.control):
            view.show_figures(figures)
        if lines is not None:
            self.plan.show_lines(lines)

    def _not_counted(self, words: str) -> None:
        self._asking = False
        self._refused(words)

    def _refused(self, words: str) -> None:
        self._tell(words, "bad")

    # -- export
    def _export(self) -> None:
        period = self.chosen_period()
        if period is None:
            self._tell("There is no shift to export.", "bad")
            return
        self.primary.setEnabled(False)
        self.primary.setText("Writing the report")
        self.words.hide()
        self.progress.setRange(0, 0)
        self.progress.show()
        self.stop.show()
        self.exporter.start_period(period, [f".{key}" for key in self.formats.value()])

    def _progressed(self) -> None:
        fraction = self.exporter.fraction
        self.progress.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self.progress.setValue(round(1000 * fraction))

    def _exported(self) -> None:
        self.primary.setEnabled(True)
        self.primary.setText("Export")
        self.stop.hide()
        self.progress.hide()
        file = self.exporter.file
        if file is None:
            self._tell(self.exporter.words, "bad")
        else:
            self._tell(f"Saved: {file}", "good")
        self._bridge.run(self._recent_files, self._show_files)

    def _tell(self, words: str, kind: str) -> None:
        self.words.tell(words, kind)

    def _open(self) -> None:
        file = self.exporter.file
        open_folder(file.parent if file is not None else self._bridge.station.data.reports)

    def _recent_files(self) -> list[tuple[str, float]]:
        folder: Path = self._bridge.station.data.reports
        if not folder.is_dir():
            return []
        found = [(path.name, path.stat().st_mtime) for path in folder.iterdir() if path.suffix in _ENDINGS]
        return sorted(found, key=lambda one: -one[1])[:_RECENT]

    def _show_files(self, files: list[tuple[str, float]]) -> None:
        self.files.clear()
        self.no_files.setVisible(not files)
        self.files.setVisible(bool(files))
        for name, _when in files:
            item = QListWidgetItem(name)
            item.setToolTip(name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.files.addItem(tall(item, current().metrics.touch))

    def close_page(self) -> None:
        self._refresh_timer.stop()
        self.exporter.close()
        if self.records is not None:
            self.records.close_view()
        if self.merge is not None:
            self.merge.close_view()
        if self.fleet is not None:
            self.fleet.close_page()
        if self.gauge is not None:
            self.gauge.close_view()
