"""One version: its figures, its wrong pictures, what would change with it, and its release."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.domain.verdict import Verdict
from app.domain.versions import Consequences, LineFigures, Shadow, Version
from app.improving import ImproveDesk
from ui.bridge import Bridge
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Choice, Combo, Notice, label
from ui.shared.work import Follower, JobBar
from ui.theme import current
from ui.training.backtest import BacktestView
from ui.training.gallery import GalleryView
from ui.training.gate import ReleaseView
from ui.training.measures import MeasuresView
from ui.training.threshold import ThresholdView

_TABS = [
    ("result", "Result"),
    ("measures", "Measures"),
    ("pictures", "Pictures"),
    ("backtest", "Backtest"),
    ("release", "Release"),
]
_NOT_MEASURED = (
    "This version was not measured: no picture was kept back for testing when it was trained. Train it on a set with "
    "a test part, at least 20 good parts and some defects; Label splits a set with one tap."
)


class ResultsView(QWidget):
    """`inspect_with` carries model and product; `label_wanted` the SHA-256 of a picture; `released` after a release;
    `use_wanted` when the line is to start with what is released."""

    inspect_with = Signal(str, str)
    label_wanted = Signal(str)
    released = Signal()
    use_wanted = Signal()

    def __init__(self, bridge: Bridge, desk: ImproveDesk, follower: Follower) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, desk
        self.version: Version | None = None
        self._running = ""
        self.job = JobBar(follower)
        self.name = Elided("", "heading")
        self.state = label("", "quiet")
        self.inspect = Button("Inspect with it", on=self._inspect)
        self.tabs = Choice(_TABS, "result")
        self.tabs.chosen.connect(self.show_tab)
        self.tab_list = Combo()  # in place of the tabs where a row has to be saved
        self.tab_list.setAccessibleName("What to see of this version")
        for key, words in _TABS:
            self.tab_list.addItem(words, key)
        self.tab_list.activated.connect(lambda _index: self.show_tab(self.tab_list.currentData()))
        self.said = Notice()
        self.none = Notice(_NOT_MEASURED)
        self.threshold = ThresholdView(self._consequences)
        self.threshold.figures_changed.connect(self._keep_figures)
        self.threshold.backtest.connect(self._backtest)
        result = QWidget()
        inner = QVBoxLayout(result)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.none)
        inner.addWidget(self.threshold, 1)
        inner.addStretch()
        self.measures = MeasuresView()
        self.gallery = GalleryView(bridge, desk)
        self.gallery.label_wanted.connect(self.label_wanted)
        self.gallery.golden.connect(self._golden)
        self.backtest = BacktestView(bridge, desk, self.job, bridge.station.today)
        self.backtest.changed.connect(self._update)
        self.release = ReleaseView(bridge, desk, self.job)
        self.release.changed.connect(self._update)
        self.release.released.connect(self.released)
        for each in (self.gallery, self.backtest):
            each.browser.enlarged.connect(self._enlarge)
        self.stack = QStackedWidget()
        self.views: dict[str, QWidget] = {
            "result": result,
            "measures": self.measures,
            "pictures": self.gallery,
            "backtest": self.backtest,
            "release": self.release,
        }
        for view in self.views.values():
            self.stack.addWidget(view)
        self.primary = Button("", "primary", on=self._press)
        self.primary.setMinimumWidth(200)
        self._names = QWidget()
        names = QVBoxLayout(self._names)
        names.setContentsMargins(0, 0, 0, 0)
        names.setSpacing(0)
        names.addWidget(self.name)
        names.addWidget(self.state)
        self._head = QWidget()
        head = QHBoxLayout(self._head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(self._names, 1)
        head.addWidget(self.tab_list, 1)
        head.addWidget(self.inspect)
        head.addWidget(self.primary)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._head)
        layout.addWidget(self.tabs)
        layout.addWidget(self.said)
        layout.addWidget(self.job)
        layout.addWidget(self.stack, 1)
        self._large = False
        self._fit()
        current().changed.connect(self._fit)

    def _enlarge(self, large: bool) -> None:
        self._large = large
        self._fit()

    def _fit(self) -> None:
        """To the screen: on a 10-inch one the tabs are a list beside the primary button."""
        tight = current().metrics.tight
        self._head.setVisible(not self._large)
        self.tabs.setVisible(not self._large and not tight)
        self.tab_list.setVisible(tight)
        self._names.setVisible(not tight)
        self.primary.setMinimumWidth(168 if tight else 200)
        self._update()

    @property
    def tab(self) -> str:
        return self.tabs.value()

    def show_version(self, version: Version, running: str) -> None:
        """`running`: NAME@VERSION that is released now, "" for none."""
        other = self.version is None or self.version.name != version.name
        if not other and version == self.version and running == self._running:
            return
        self.version, self._running = version, running
        self.name.setText(f"{version.product} v{version.number}")
        self.state.setText("can't be used" if version.problem else "released" if version.released else "not released")
        if other:
            for each in (self.gallery, self.backtest):
                each.browser.enlarge(False)
            self.said.tell(version.problem, "bad")
            if self.tab in ("backtest", "release") or version.metrics is None:
                self.tabs.set_value("result")
            self.tab_list.setCurrentIndex(self.tab_list.findData(self.tab))
            self.stack.setCurrentWidget(self.views[self.tab])
            measured = version.metrics is not None
            self.none.setVisible(not measured)
            self.threshold.setVisible(measured)
            if version.metrics is not None:
                self.threshold.show_metrics(version.metrics, self._figures())
            self.gallery.show_version(version)
            self.measures.show_version(version)
        self.backtest.show_version(version, running)
        self.release.show_version(version)
        self._update()

    def show_shadow(self, told: Shadow | None) -> None:
        self.release.shadow.show_shadow(told)

    def show_tab(self, key: str) -> None:
        self.tabs.set_value(key)
        self.tab_list.setCurrentIndex(self.tab_list.findData(key))
        self.stack.setCurrentWidget(self.views[key])
        if key == "release":
            self.release.refresh()
        self._update()

    # -- the threshold
    def _figures(self) -> LineFigures:
        told = self._bridge.station.settings
        return LineFigures(
            told.parts_a_day, told.defect_share, told.escape_cost or None, told.reject_cost or None, told.currency
        )

    def _consequences(self, threshold: float) -> Consequences:
        assert self.version is not None
        return self._desk.consequences(self.version.name, threshold, self.threshold.line)

    def _keep_figures(self, line: LineFigures) -> None:
        station = self._bridge.station
        self._bridge.run(
            lambda: station.save_settings(
                parts_a_day=line.parts_a_day,
                defect_share=line.defect_share,
                escape_cost=line.escape_cost or 0.0,
                reject_cost=line.reject_cost or 0.0,
            ),
            lambda _none: None,
            lambda words: self.said.tell(f"{words} The figures hold until the window is closed.", "mention"),
        )

    def _backtest(self, threshold: float) -> None:
        self.backtest.set_threshold(threshold)
        self.show_tab("backtest")

    # -- the primary button
    def _update(self) -> None:
        version = self.version
        if version is None:
            return
        self.said.setVisible(bool(self.said.text()))
        short = f"v{version.number}"
        release, busy = self.release, self.job.busy
        words, can = f"Release {short}", not version.problem
        if self.tab == "backtest":
            words, can = "Backtest", not busy and not version.problem
        elif version.released:
            words, can = "Use it on the line", self._line_waits(version)
        elif self.tab == "release":
            words = f"Release {short} all the same" if release.overriding else words
            can = release.may_release
        self.primary.setText(words)
        self.primary.setEnabled(can)
        self.primary.setVisible(can or not version.released)
        self.inspect.setVisible(not version.problem and self.tab not in ("backtest", "release"))

    def _line_waits(self, version: Version) -> bool:
        """Whether the line inspects this product, and not with this version yet."""
        model = self._bridge.station.state().model
        mine = self._bridge.station.settings.product == version.product
        return mine and (model is None or (model.name, model.version) != (version.product, version.number))

    def refresh(self) -> None:
        """The line may have changed what it uses."""
        self._update()

    def _press(self) -> None:
        if self.tab == "backtest":
            self.backtest.begin()
        elif self.version is not None and self.version.released:
            self.use_wanted.emit()
        elif self.tab == "release":
            self.release.release()
        else:
            self.show_tab("release")

    def _inspect(self) -> None:
        if self.version is not None:
            self.inspect_with.emit(self.version.name, self.version.product)

    def _golden(self, chosen: tuple[object, str, Verdict]) -> None:
        version, (path, sha256, expected) = self.version, chosen
        if version is None:
            return

        def done(_none: None) -> None:
            self.said.tell(f"Every release of {version.product} must {expected.value} this picture now.", "good")
            self.release.gate = None

        self._bridge.run(
            lambda: self._desk.add_golden(
                version.product, [self._desk.looking.place(version.name, path, sha256)], expected
            ),
            done,
            lambda words: self.said.tell(words, "bad"),
        )
