"""A version, a threshold or a region of interest replayed on known pictures, beside the running version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.versions import Backtest, BacktestRow, Trial, Turn, Version
from app.domain.words import number
from app.improving import ImproveDesk
from app.jobs import Job
from ui.bridge import Bridge
from ui.shared.widgets import Button, Choice, Notice, label
from ui.shared.work import JobBar
from ui.theme import current
from ui.training.strip import PictureBrowser, Shot
from ui.training.threshold import Figure

_DAYS = 7
_TURNS = (
    (Turn.NEWLY_CAUGHT, "Newly caught"),
    (Turn.NEWLY_ESCAPED, "Newly escaped"),
    (Turn.NEWLY_REJECTED, "Newly rejected"),
    (Turn.NEWLY_PASSED, "Newly passed"),
)
_WORDS = {
    Turn.NEWLY_CAUGHT: "newly caught",
    Turn.NEWLY_ESCAPED: "newly escaped",
    Turn.NEWLY_REJECTED: "newly rejected",
    Turn.NEWLY_PASSED: "newly passed",
    Turn.DIFFERS: "differs",
    Turn.SAME: "same",
}


class BacktestView(QWidget):
    """`changed` when a replay begins or ends.

    Args:
        today: the station's day.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, desk: ImproveDesk, job: JobBar, today: Callable[[], date]) -> None:
        super().__init__()
        self._desk, self._job, self._today = desk, job, today
        self._version: Version | None = None
        self._running = ""
        self.threshold: float | None = None
        self.found: Backtest | None = None
        self.on = Choice([("set", "Test set"), ("week", "Last week")], "set")
        self.on.button("week").setToolTip("The pictures the line has kept of the last seven days")
        self.on.chosen.connect(lambda _key: self._update())
        self.own = Button("", "chip", on=lambda: self.set_threshold(None))
        self.draw = Button("Region", "chip", icon_name="crop-free", on=self._drawing)
        self.draw.setCheckable(True)
        self.draw.setToolTip("Draw on the picture where to look: drag from corner to corner")
        self.whole = Button("Whole picture", "chip", on=lambda: self.set_region(None))
        self.what = label("", "note", wrap=True)
        self.result = Notice()
        self.figures = {turn: Figure(words) for turn, words in _TURNS}
        figures = QHBoxLayout()
        figures.setSpacing(8)
        for each in self.figures.values():
            each.span.hide()
            figures.addWidget(each, 1)
        self._counts = QWidget()
        self._counts.setLayout(figures)
        figures.setContentsMargins(0, 0, 0, 0)
        self.browser = PictureBrowser(bridge, desk)
        self.browser.view.drawn.connect(lambda region: self.set_region(region))
        self.browser.enlarged.connect(lambda _large: self._update())
        self._options = QWidget()
        top = QHBoxLayout(self._options)
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(8)
        top.addWidget(self.on)
        top.addStretch(1)
        for button in (self.draw, self.whole, self.own):
            top.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._options)
        layout.addWidget(self.what)
        layout.addWidget(self._counts)
        layout.addWidget(self.result)
        layout.addWidget(self.browser, 1)

    def show_version(self, version: Version, running: str) -> None:
        if self._version is not None and self._version.name == version.name and self._running == running:
            return
        self._version, self._running = version, running
        self.threshold, self.found = None, None
        self.draw.setChecked(False)
        self.browser.view.drawing = False
        self.browser.view.set_region(None)
        self.result.tell("")
        self._show_plain()
        self._update()

    def _show_plain(self) -> None:
        """Before a replay: the test set's pictures, to draw a region on."""
        version = self._version
        metrics = version.metrics if version is not None else None
        if version is None or metrics is None:
            self.browser.show_shots("", ())
            return
        rows = metrics.rows
        shots = [Shot(r.name, "", number(r.score), r.verdict, r.path, r.sha256) for r in rows]
        self.browser.show_shots(version.name, shots)

    def set_threshold(self, threshold: float | None) -> None:
        """What is tried in place of the version's own."""
        self.threshold, self.found = threshold, None
        self.result.tell("")
        self._update()

    def set_region(self, region: tuple[float, float, float, float] | None) -> None:
        self.browser.view.set_region(region)
        self._update()

    def _drawing(self) -> None:
        self.browser.view.drawing = self.draw.isChecked()
        self.browser.view.setCursor(Qt.CursorShape.CrossCursor if self.draw.isChecked() else Qt.CursorShape.ArrowCursor)
        self._update()

    def _update(self) -> None:
        version = self._version
        if version is None:
            return
        region = self.browser.view.region
        limit = version.threshold if self.threshold is None else self.threshold
        beside = self._running or version.name
        tried = f"v{version.number} with the threshold {number(limit)}"
        tried += ", looking only inside the drawn region" if region is not None else ""
        same = beside == version.name and self.threshold is None and region is None
        words = f"Tries {tried} beside {beside.rpartition('@')[0]} v{beside.rpartition('@')[2]}."
        if same:
            words += " Both are the same: move the threshold under Result, or draw a region."
        if self.draw.isChecked() and region is None:
            words = "Drag over the picture from corner to corner of where to look."
        self.what.setText(words)
        self.whole.setVisible(region is not None)
        self.own.setVisible(self.threshold is not None)
        self.own.setText(f"Back to {number(version.threshold)}")
        large = self.browser.large
        self._options.setVisible(not large)
        self._counts.setVisible(self.found is not None and not large)
        self.what.setVisible(self.found is None or self.draw.isChecked())

    def begin(self) -> None:
        """Replays."""
        version = self._version
        if version is None:
            return
        region = self.browser.view.region
        trial = Trial(version.name, self.threshold, (region,) if region is not None else ())
        last = self._today()

        def start() -> Job[Backtest]:
            if self.on.value() == "week":
                return self._desk.backtest_on_production(trial, last - timedelta(days=_DAYS), last)
            return self._desk.backtest(trial)

        self.result.tell("")
        self._job.run(start, self._show, self._failed)
        self.changed.emit()

    def _failed(self, words: str) -> None:
        self.result.tell(words, "bad")
        self.changed.emit()

    def _show(self, found: Backtest) -> None:
        self.changed.emit()
        if self._version is None or found.trial.version != self._version.name:
            return  # another version is looked at by now
        self.found = found
        for turn, figure in self.figures.items():
            figure.tell(str(found.count(turn)), "")
        failed = f" {len(found.failed)} could not be judged: {found.failed[0][1]}" if found.failed else ""
        spare = current().metrics.tight and not failed and not found.count(Turn.DIFFERS)
        self.result.tell("" if spare else f"{found.words}{failed}", "mention")
        changed = [row for row in found.rows if row.turn is not Turn.SAME]
        rows = changed or list(found.rows)
        self.browser.show_shots(found.trial.version, [_shot(row) for row in rows], found.trial.threshold)
        self._update()


def _shot(row: BacktestRow) -> Shot:
    truth = {True: "Defect", False: "Good part", None: "Not reviewed"}[row.truth]
    before = f"{row.before.verdict.value} {number(row.before.score)}"
    after = f"{row.after.verdict.value} {number(row.after.score)}"
    return Shot(
        row.name,
        f"{truth}: {before} → {after}",
        _WORDS[row.turn],
        row.after.verdict,
        row.path,
    )
