"""The Live workspace. One `Prepared` is swapped in at once: picture, map, verdict, score and words on
the screen always belong to one frame."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from PySide6.QtCore import QPoint, QRect, Signal
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.beside import FIRST
from app.cloud.judging import without_stand_in
from app.domain.inspection import Inspection
from app.domain.person import Action
from app.domain.verdict import Verdict
from app.domain.words import percent
from ui.bridge import Bridge
from ui.live.cameras import CameraGrid, Watched, stand_in_words
from ui.live.keys import LiveKeys
from ui.live.lag import lag_words
from ui.live.of_part import watched
from ui.live.panel import StatePanel
from ui.live.picture import Mode, PictureView
from ui.live.prepare import THUMBNAIL, Prepared, Preparer
from ui.live.release import ReleaseBar
from ui.live.sheet import WIDTH as SHEET_WIDTH
from ui.live.sheet import PartSheet
from ui.live.strip import SHOWN, PartStrip
from ui.live.trend import TrendSheet
from ui.live.trigger import TriggerBar
from ui.live.verdict import ScoreBar, VerdictTile
from ui.ports import Phase
from ui.shared.elided import Elided, Paragraph
from ui.shared.exporting import Exporter
from ui.shared.slider import TouchSlider
from ui.shared.thumbs import Thumbs
from ui.shared.toast import Toast, open_folder
from ui.shared.widgets import Button, label
from ui.theme import current

_STATE_WORDS = {
    Phase.IDLE: "IDLE",
    Phase.TRAINING: "TRAINING",
    Phase.STARTING: "STARTING",
    Phase.WAITING: "NO CAMERA",
    Phase.STOPPED: "STOPPED",
    Phase.FAULT: "FAULT",
    Phase.INSPECTING: "READY",
    Phase.FINISHED: "FINISHED",
}
_TILE_SHARE = 0.375
_FIGURES_EVERY = 0.25
"""Seconds between two looks at counts and small print while nothing is recorded: nobody reads faster."""
_GO_WORDS = {Phase.FINISHED: "Inspect again", Phase.IDLE: "Start"}
_RUNNING = (Phase.INSPECTING, Phase.WAITING, Phase.STARTING, Phase.TRAINING)
_WITH_PICTURE = (Phase.INSPECTING, Phase.FINISHED)


@dataclass(frozen=True, slots=True)
class Shown:
    """Frame ids of what was painted last: None where nothing was."""

    picture: int | None
    heat: int | None
    verdict: int | None


class LivePage(QWidget):
    """`swapped` tells that a new outcome is on the screen; `go` asks for another place; `part_opened` for all that is
    known of a part, by its id."""

    swapped = Signal()
    go = Signal(str)
    part_opened = Signal(str)

    def __init__(self, bridge: Bridge, thumbs: Thumbs, zone: tzinfo | None) -> None:
        super().__init__()
        self._bridge = bridge
        self._thumbs = thumbs
        self._zone = zone
        self._prepared: Prepared | None = None
        self._all = False  # cameras are shown side by side
        self._views: object = None  # the further cameras that are shown
        self._together = False  # they are views of one part
        self._figures_at = 0.0  # seconds, when the small print was last refreshed
        self._at: Watched = bridge.station  # the camera whose verdict is on the screen
        self._preparer = Preparer(self)
        self._preparer.ready.connect(self._swap)
        self._build(bridge, thumbs)
        bridge.outcome.connect(self._first_saw)
        bridge.cameras.connect(self._others_saw)
        bridge.at_once(self.grid.hear)
        bridge.state.connect(self.refresh_state)
        bridge.health.connect(self.refresh_health)
        current().changed.connect(self._theme_changed)
        self.refresh_cameras()
        self.refresh_state()
        self.refresh_counts()
        self.refresh_health()

    # -- building
    def _build(self, bridge: Bridge, thumbs: Thumbs) -> None:
        self.setProperty("kind", "ground")
        self.picture = PictureView(zooms=True)
        self.picture.setMinimumHeight(96)  # a low screen needs room for what the bars above it say
        self.picture.resized.connect(self._ask)
        self.picture.zoomed.connect(self._ask)
        self.panel = StatePanel()
        self.panel.acted.connect(self._act)
        self.stage = QStackedWidget()
        self.stage.addWidget(self.picture)
        self.stage.addWidget(self.panel)
        self.grid = CameraGrid(bridge.station.linking.watching)
        self.grid.chosen.connect(self.watch)
        self.grid.enlarged.connect(lambda _name: self.show_all(False))
        self.stage.addWidget(self.grid)
        self.stage.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.mode_button = Button(self.picture.mode.value, icon_name="layers-outline", on=self._next_mode)
        self.mode_button.setFixedWidth(144)
        self.mode_button.setAccessibleName("Show picture, overlay or outline")
        self.opacity = TouchSlider(20, 100, round(100 * self.picture.opacity), "Overlay")
        self.opacity.valueChanged.connect(self._set_opacity)
        self.opacity.setFixedWidth(144)
        self.print_rates, self.print_drops = Elided("", "quiet"), Elided("", "quiet")
        small = QVBoxLayout()
        small.setSpacing(0)
        small.addStretch(1)
        small.addWidget(self.print_rates)
        small.addWidget(self.print_drops)
        small.addStretch(1)
        controls = QHBoxLayout()
        controls.setSpacing(8)
        controls.addWidget(self.mode_button)
        controls.addWidget(self.opacity)
        controls.addSpacing(8)
        controls.addLayout(small, 1)
        self.all_button = Button("All cameras", icon_name="view-grid-outline", on=lambda: self.show_all(not self._all))
        self.trend = TrendSheet(bridge, self, self.stage)
        controls.addWidget(self.trend.opener)
        controls.addWidget(self.all_button)
        self.strip = PartStrip(thumbs)
        self.strip.opened.connect(self._open_part)
        self.strip.held.connect(self._send_to_review)
        self.release = ReleaseBar(bridge)
        self.release.asks.connect(self._show)
        self.release.told.connect(self.tell)
        self.trigger = TriggerBar(bridge)
        self.trigger.told.connect(self.tell)
        self.trigger.changed.connect(self._show)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.release)
        left.addWidget(self.trigger)
        left.addWidget(self.stage, 1)
        left.addLayout(controls)
        left.addWidget(self.strip)

        self.tile = VerdictTile()
        self.part = Elided("", "heading")
        self.reason = Paragraph(44)
        self.score = ScoreBar()
        self.day = Elided("", "quiet")
        figures = QHBoxLayout()
        figures.setSpacing(8)
        self._figures: dict[str, Elided] = {}
        for words in ("Good", "Defect", "Retest", "Yield"):
            box = QVBoxLayout()
            box.setSpacing(0)
            value = Elided("0", "heading")
            box.addWidget(label(words, "quiet"))
            box.addWidget(value)
            self._figures[words.lower()] = value
            figures.addLayout(box, 1)
        self.run_button = Button("Stop", icon_name="stop", on=self._stop_or_resume)
        self.export_button = Button("Export today's report", "primary", on=self._export)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.tile)
        right.addWidget(self.part)
        right.addWidget(self.reason)
        right.addWidget(self.score)
        right.addStretch(1)
        right.addWidget(self.day)
        right.addLayout(figures)
        right.addSpacing(8)
        self._buttons = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._buttons.setSpacing(8)
        self._buttons.addWidget(self.run_button)
        self._buttons.addWidget(self.export_button, 1)
        right.addLayout(self._buttons)
        self._left, self._right = QWidget(), QWidget()
        for side, inner in ((self._left, left), (self._right, right)):
            inner.setContentsMargins(0, 0, 0, 0)
            side.setLayout(inner)
            side.setMinimumWidth(0)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(16)
        outer.addWidget(self._left, 68)
        outer.addWidget(self._right, 32)
        self.sheet = PartSheet(bridge, self)
        self.sheet.closed.connect(self.setFocus)
        self.sheet.review_wanted.connect(self._send_to_review)
        self.sheet.all_wanted.connect(self.part_opened)
        self.toast = Toast(self)
        self.exporter = Exporter(bridge, self)
        self.exporter.ended.connect(self._exported)
        keys = LiveKeys(bridge, self.trigger, self.tell, lambda: self.sheet if self.sheet.isVisible() else self)
        # What the window asks of every page that takes keys and codes.
        self.takes_at_once, self.take_key, self.take_code = keys.takes_at_once, keys.take_key, keys.take_code

    # -- what is shown
    @property
    def shown(self) -> Shown:
        """What the last paint drew."""
        return Shown(self.picture.painted_picture, self.picture.painted_heat, self.tile.painted)

    @property
    def prepared(self) -> Prepared | None:
        """The outcome on the screen."""
        return self._prepared

    def _ask(self) -> None:
        outcome = self._at.latest()
        if outcome is not None and self._all:  # side by side the large picture is not seen
            self._preparer.want(outcome, THUMBNAIL)
        elif outcome is not None:
            self._preparer.want(outcome, self.picture.box(), self.picture.view)

    def _first_saw(self) -> None:
        if self._at is self._bridge.station:
            self._ask()
        self.grid.look()

    def _others_saw(self) -> None:
        if self._views is not self._bridge.station.beside.views():
            self.refresh_cameras()
        if self._at is not self._bridge.station:
            self._ask()
            if self._prepared is None or self._at.state().phase not in _WITH_PICTURE:
                self.refresh_state()
        self.grid.look()

    # -- several cameras
    def refresh_cameras(self) -> None:
        """The cameras as they are set up now; with one alone nothing of this is shown."""
        views = self._views = self._bridge.station.beside.views()
        together = bool(views) and self._bridge.station.settings.views == "part"
        self.grid.show_cameras(watched(self._bridge.station, views, self.grid.watched(), together))
        if self.grid.current not in [tile.name for tile in self.grid.tiles]:
            self.watch(FIRST)
        self.all_button.setVisible(bool(views))
        if (not views and self._all) or together != self._together:
            self._together = together
            self.show_all(together)  # all views of a part are seen at once

    def watch(self, name: str) -> None:
        """Puts one camera's verdict, picture and figures on the screen."""
        line = self.grid.watched().get(name, self._bridge.station)
        if line is not self._at:
            self.picture.whole()  # the place that was looked at is another camera's
        self._at = line
        self.grid.mark(name)
        self._prepared = None
        self._ask()
        self.refresh_state()

    def show_all(self, all_of_them: bool) -> None:
        """All cameras side by side, or the one that is watched large."""
        self._all = all_of_them
        self.all_button.setText("One camera" if all_of_them else "All cameras")
        self.all_button.set_icon("image-outline" if all_of_them else "view-grid-outline")
        self._show()
        self._ask()  # for the size of its place now
        self.grid.refresh()

    def _swap(self) -> None:
        prepared = self._preparer.take()
        if prepared is None or self._at.latest() is None:
            return  # nothing new, or it belongs to a source that has been left meanwhile
        new = self._prepared is None or self._prepared.outcome is not prepared.outcome
        self._prepared = prepared
        if prepared.outcome.inspection is not None and prepared.thumbnail is not None:
            self._thumbs.put(prepared.outcome.inspection.image_path, prepared.thumbnail)
        self._show()
        now = time.monotonic()
        if prepared.outcome.inspection is not None or now - self._figures_at >= _FIGURES_EVERY:
            self.refresh_counts()  # with the picture, not before it: the eye sees one change
        if now - self._figures_at >= _FIGURES_EVERY:
            self._figures_at = now
            self.refresh_health()
        if new:
            self.swapped.emit()

    def _show(self) -> None:
        """Puts everything of the one prepared outcome on the screen, or the state where none counts."""
        state = self._at.state()
        if self._at.latest() is None:
            self._prepared = None  # another source was begun: its first part has not come yet
        prepared = self._prepared
        if prepared is None or state.phase not in _WITH_PICTURE:
            self.stage.setCurrentWidget(self.grid if self._all else self.panel)
            self.panel.show_state(state)
            self.tile.show_state(_STATE_WORDS[Phase(state.phase)])
            self.picture.show_prepared(None)
            self.part.setText(self.grid.current if len(self.grid.tiles) > 1 else state.product)
            self.reason.setText("")
            self.score.show_score(None, None, None, Verdict.PASS)
            asked = self.panel.offers_a_step or self._asks()
            self.export_button.set_role("plain" if asked else "primary")
            return
        outcome = prepared.outcome
        detection, inspection = outcome.detection, outcome.inspection
        self.stage.setCurrentWidget(self.grid if self._all else self.picture)
        self.export_button.set_role("plain" if self._asks() else "primary")
        self.picture.show_prepared(prepared)
        if outcome.waiting:
            self._show_waiting(outcome.waiting)
            return
        self.tile.show_verdict(outcome.verdict, prepared.frame_id, stand_in_words(outcome))
        decider = detection.joint.decider if detection is not None and detection.joint is not None else None
        if decider is not None:
            detection = decider.detection  # whose score it is that made the verdict
        part = inspection.part_id if inspection is not None else outcome.frame.part_id
        serial = inspection.serial if inspection is not None and inspection.serial != part else ""
        words = (f"Part {part}" + (f", {serial}" if serial else "")) if part else "Viewing, not recorded"
        # Whose verdict this is must be plain where it could be another camera's.
        self.part.setText(f"{self.grid.current}: {words}" if len(self.grid.tiles) > 1 else words)
        words = outcome.detection.reason if outcome.detection is not None else ""
        reason, missed = without_stand_in(outcome.error or words)
        self.reason.setText(reason, f"The cloud gave no verdict in time: {missed}" if missed else "")
        if detection is not None:
            self.score.show_score(detection.score, detection.threshold, detection.retest_from, outcome.verdict)
        else:
            self.score.show_score(None, None, None, outcome.verdict)

    def _asks(self) -> bool:
        """Whether a bar has the primary button now."""
        return self.release.asking or self.trigger.asking

    def _show_waiting(self, words: str) -> None:
        """The frame was shown and not judged: there is no verdict beside it."""
        self.tile.show_state("NOT READY" if self.trigger.untaught else "READY")
        self.part.setText(self.grid.current if len(self.grid.tiles) > 1 else self._at.state().product)
        self.reason.setText(words)
        self.score.show_score(None, None, None, Verdict.PASS)

    def refresh_state(self) -> None:
        state = self._bridge.station.state()
        self._show()
        running = state.phase in _RUNNING
        self.run_button.setText("Stop" if running else _GO_WORDS.get(Phase(state.phase), "Resume"))
        self.run_button.set_icon("stop" if running else "play")
        self.run_button.setEnabled(running or state.phase in (Phase.STOPPED, Phase.FINISHED, Phase.FAULT))
        self.refresh_health()

    def refresh(self) -> None:
        """Somebody else may be signed in: an operator exports nothing. Where nobody is, the button asks."""
        people = self._bridge.station.people
        self.export_button.setVisible(people.current is None or people.may(Action.EXPORT))

    def refresh_counts(self) -> None:
        counts = self._bridge.station.counts_today()
        self._figures["good"].setText(str(counts.passed))
        self._figures["defect"].setText(str(counts.failed))
        self._figures["retest"].setText(str(counts.retest))
        self._figures["yield"].setText(percent(counts.yield_))
        words = f"Today, {counts.total} part{'' if counts.total == 1 else 's'}"
        self.day.setText(words + (f", {counts.error} without an answer" if counts.error else ""))
        self.strip.show_parts(self._bridge.station.recent(SHOWN), self._zone)

    def refresh_health(self) -> None:
        """Small print; called with every health change and once a second by the window."""
        health, state = self._at.health(), self._at.state()
        self.grid.refresh()
        self.release.refresh()
        self.trigger.refresh(room=not self.release.asking)
        if state.phase == Phase.FINISHED:
            self.print_rates.setText(state.words)
        else:
            self.print_rates.setText(f"{health.capture_fps:.1f} frames/s, {health.verdict_fps:.1f} verdicts/s")
        age = "No frame yet" if health.frame_age is None else f"{health.frame_age:.1f} s behind"
        age = lag_words(state.source, self._bridge.station.linking.watching).capitalize() or age
        lost = f", {health.pictures_lost} pictures not kept" if health.pictures_lost else ""
        warm = "" if health.temperature is None else f", camera {health.temperature:.0f} °C"
        self.print_drops.setText(f"{age}, {health.dropped} of {health.captured} dropped{lost}{warm}")
        if self.stage.currentWidget() is self.panel:
            self.panel.show_state(state)

    def set_zone(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self.refresh_counts()

    # -- what the user does
    def _next_mode(self) -> None:
        self.set_mode(self.picture.mode.following())

    def _set_opacity(self, value: int) -> None:
        self.picture.set_opacity(value / 100)
        self.grid.set_opacity(value / 100)

    def set_mode(self, mode: Mode) -> None:
        self.picture.set_mode(mode)
        self.grid.set_mode(mode)
        self.mode_button.setText(mode.value)
        self.opacity.setEnabled(mode is Mode.OVERLAY)

    def _stop_or_resume(self) -> None:
        station = self._bridge.station
        work = station.stop if station.state().phase in _RUNNING else station.resume
        self._bridge.run(work, lambda _none: None, self.tell)

    def _act(self, act: str) -> None:
        station = self._bridge.station
        if act == "cancel":
            job = station.state().job
            if job is not None:
                job.cancel()
                self.panel.show_state(station.state())
        elif act == "resume":
            self._bridge.run(station.resume, lambda _none: None, self.tell)
        elif act == "demo":
            self._bridge.run(lambda: station.inspect_source("demo"), lambda _none: None, self.tell)
        else:
            self.go.emit({"train": "train", "source": "setup"}[act])

    def _open_part(self, part: Inspection | None) -> None:
        if part is None:
            return
        stage = QRect(self.stage.mapTo(self, QPoint(0, 0)), self.stage.size())
        width = min(max(SHEET_WIDTH, stage.width() // 2), stage.width())
        self.sheet.open(part, self._zone)
        # On a low screen with large buttons it goes on over what stands below the picture.
        low = min(self._left.geometry().bottom() + 1 - stage.y(), self.sheet.minimumSizeHint().height())
        self.sheet.setGeometry(stage.right() - width + 1, stage.y(), width, max(stage.height(), low))

    def _send_to_review(self, part: Inspection | None) -> None:
        if part is None:
            return
        words = {
            True: f"Part {part.part_id} waits in Review.",
            False: f"Part {part.part_id} was sent to Review before.",
        }
        ask = self._bridge.station.reviewing.ask
        self._bridge.run(lambda: ask(part.id), lambda made: self.tell(words[made]), self.tell)

    def _export(self) -> None:
        self.exporter.start(today := self._bridge.station.today(), today)
        self._name_export()

    def _name_export(self) -> None:
        wide = self._buttons.direction() == QBoxLayout.Direction.TopToBottom
        busy = self.exporter.busy
        words = ("Writing the report", "Export today's report") if wide else ("Writing", "Export today")
        self.export_button.setText(words[0] if busy else words[1])

    def _exported(self) -> None:
        self._name_export()
        file = self.exporter.file
        if file is None:
            self.tell(self.exporter.words)
            return
        place = QRect(self.strip.mapTo(self, QPoint(0, 0)), self.strip.size())
        self.toast.tell(f"Report saved: {file}", place, "Open folder", lambda: open_folder(file.parent))

    def tell(self, words: str, *offer: Any) -> None:
        """Shows a line over the strip of parts; `offer` as in `Toast.tell`."""
        self.toast.tell(words, QRect(self.strip.mapTo(self, QPoint(0, 0)), self.strip.size()), *offer)

    def _theme_changed(self) -> None:
        self.update()
        for widget in self.findChildren(QWidget):
            widget.update()

    def resizeEvent(self, _event: object) -> None:
        self.tile.setFixedHeight(max(224, 8 * round(self.height() * _TILE_SHARE / 8)))
        # Where 15 mm are many pixels (a 10-inch screen), two buttons one above the other would not fit.
        low = self.height() < 420 + 3 * current().metrics.touch
        self._buttons.setDirection(QBoxLayout.Direction.LeftToRight if low else QBoxLayout.Direction.TopToBottom)
        self._name_export()
        for over in (self.sheet, self.trend, self.toast):
            if over.isVisible():  # one that is just being shown would be left half hidden
                over.hide()

    def close_page(self) -> None:
        """Ends the page's thread."""
        self._preparer.close()
        self.grid.close_page()
        self.exporter.close()
        self.trigger.close_bar()


__all__ = ["LivePage", "Mode", "Shown"]
