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

from app.domain.verdict import Verdict
from app.reports.figures import Figures
from ui.bridge import Bridge
from ui.records import RecordsView
from ui.reports.chart import HourChart, NamedBars
from ui.reports.merge import MergeView
from ui.shared.dates import DateField
from ui.shared.exporting import Exporter
from ui.shared.shapes import VerdictShape
from ui.shared.thumbs import Thumbs
from ui.shared.toast import open_folder
from ui.shared.widgets import Button, Card, Choice, Notice, finger_scroll, label, number, percent, row, tall
from ui.theme import current

_RECENT = 8
_LABELS = 6
_REFRESH_MS = 2000


class ReportsPage(QWidget):
    """Left the figures, right the export and the files; or the records; or the merging of spreadsheets.
    `part_opened` carries the id of a part."""

    part_opened = Signal(str)

    def __init__(self, bridge: Bridge, thumbs: Thumbs | None = None) -> None:
        super().__init__()
        self._bridge, self._thumbs = bridge, thumbs or Thumbs(bridge)
        self.records: RecordsView | None = None
        self._asking = False
        self.figures: Figures | None = None
        self.merge: MergeView | None = None
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
            [("today", "Today"), ("yesterday", "Yesterday"), ("week", "7 days"), ("own", "Own dates")], "today"
        )
        self.period.chosen.connect(lambda _key: self.refresh())
        today = self._bridge.station.today()
        self.first, self.last = DateField("From", today), DateField("To", today)
        for editor in (self.first, self.last):
            editor.dateChanged.connect(lambda _date: self.refresh())
        self.own = QWidget()
        self.own.setLayout(row(label("from"), self.first, label("to"), self.last, 1))
        self.own.hide()
        counts = Card(padding=16)
        self.title = label("Today", "heading")
        counts.body.addWidget(self.title)
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
        hours = Card("Parts by hour", padding=16)
        self.chart = HourChart()
        hours.body.addWidget(self.chart, 1)
        hours.body.addWidget(label("Grey: good. Red: defect or no answer. Amber: retest.", "quiet"))
        defects = Card("Defects", padding=16)
        self.bars = NamedBars()
        self.no_defects = label("No defect in this period.", "note", wrap=True)
        defects.body.addWidget(self.no_defects)
        defects.body.addWidget(self.bars)
        defects.body.addStretch(1)

        export = Card("Report", padding=16)
        export.body.addWidget(
            label(
                "An Excel workbook with summary, hours, defects with pictures, all inspections and alarms.",
                "note",
                wrap=True,
            )
        )
        self.primary = Button("Export", "primary", on=self._export)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.words = Notice()
        self.open = Button("Open folder", icon_name="folder-open-outline", on=self._open)
        export.body.addWidget(self.primary)
        export.body.addWidget(self.progress)
        export.body.addWidget(self.words)
        export.body.addWidget(self.open)
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
        lower = QHBoxLayout()
        lower.setSpacing(16)
        lower.addWidget(hours, 3)
        lower.addWidget(defects, 2)
        left.addLayout(lower, 1)
        right.addWidget(export)
        right.addWidget(files, 1)
        figures = QWidget()
        inner = QVBoxLayout(figures)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(16)
        panes = QHBoxLayout()
        panes.setSpacing(24)
        panes.addLayout(left, 68)
        panes.addLayout(right, 32)
        inner.addLayout(panes, 1)
        self.view = Choice([("figures", "Figures"), ("records", "Records"), ("merge", "Merge")], "figures")
        self.view.chosen.connect(self.show_view)
        self.stack = QStackedWidget()
        self.stack.addWidget(figures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(16)
        self.top = row(self.view, self.period, 1, spacing=24)
        layout.addLayout(self.top)
        layout.addWidget(self.stack, 1)

    def show_view(self, key: str) -> None:
        """One of "figures", "records", "merge"."""
        self.view.set_value(key)
        if key == "records" and self.records is None:
            self.records = RecordsView(self._bridge, self._thumbs)
            self.records.opened.connect(self.part_opened)
            self.stack.addWidget(self.records)
        if key == "merge" and self.merge is None:
            self.merge = MergeView(self._bridge)
            self.merge.written.connect(lambda: self._bridge.run(self._recent_files, self._show_files))
            self.stack.addWidget(self.merge)
            self.top.insertWidget(2, self.merge.step_bar, 1)
        self.period.setVisible(key == "figures")
        if self.merge is not None:
            self.merge.step_bar.setVisible(key == "merge")
        self.top.setStretch(self.top.count() - 1, 0 if key == "merge" else 1)
        shown = {"merge": self.merge, "records": self.records}.get(key)
        self.stack.setCurrentWidget(shown if shown is not None else self.stack.widget(0))
        if key == "records" and self.records is not None:
            self.records.refresh()

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

    def refresh(self) -> None:
        """Reads figures and files again."""
        own = self.period.value() == "own"  # the days stand in their fields then
        self.own.setVisible(own)
        self.title.setVisible(not own)
        self._ask()
        self._bridge.run(self._recent_files, self._show_files)

    def _outcome(self) -> None:
        if self.isVisible() and not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def _ask(self) -> None:
        first, last = self.dates()
        self._bridge.run(
            lambda: self._bridge.station.figures(first, last),
            lambda figures: self._show(first, last, figures),
            self._refused,
        )

    def _show(self, first: date, last: date, figures: Figures) -> None:
        if (first, last) != self.dates():
            return  # another period was chosen meanwhile
        self.figures = figures
        days = f"{first:%a} {first.day} {first:%b %Y}"
        self.title.setText(days if first == last else f"{days} to {last:%a} {last.day} {last:%b %Y}")
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
        self.chart.show_hours([(one.hour, one.counts) for one in figures.by_hour])
        rows = [(one.label or "without a place", one.parts) for one in figures.by_label[:_LABELS]]
        self.bars.show_rows(rows)
        self.no_defects.setVisible(not rows)

    def _refused(self, words: str) -> None:
        self._tell(words, "bad")

    # -- export
    def _export(self) -> None:
        first, last = self.dates()
        self.primary.setEnabled(False)
        self.primary.setText("Writing the report")
        self.words.hide()
        self.progress.setRange(0, 0)
        self.progress.show()
        self.exporter.start(first, last)

    def _progressed(self) -> None:
        fraction = self.exporter.fraction
        self.progress.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self.progress.setValue(round(1000 * fraction))

    def _exported(self) -> None:
        self.primary.setEnabled(True)
        self.primary.setText("Export")
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
        found = [(path.name, path.stat().st_mtime) for path in folder.glob("*.xlsx")]
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
