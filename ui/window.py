"""The main window: top bar, rail, alarm strip and the workspaces."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.domain.calendar import station_zone
from ui.alarm_sound import AlarmSound
from ui.alarm_strip import AlarmStrip
from ui.bridge import Bridge, attempt
from ui.changeover import WIDTH as CHANGE_WIDTH
from ui.changeover import ChangeOverSheet
from ui.kiosk import Kiosk
from ui.people import Guard
from ui.people.places import may_go
from ui.ports import StationPort
from ui.rail import PLACES, Rail
from ui.shared.keyboard import TouchTyping
from ui.shared.thumbs import Thumbs
from ui.theme import current
from ui.topbar import TopBar
from ui.workspaces import Workspaces

if TYPE_CHECKING:
    from ui.labeling import LabelPage
    from ui.live import LivePage
    from ui.records import PartPage
    from ui.reports import ReportsPage
    from ui.setup import SetupPage
    from ui.training import TrainPage

FRAME = 48
"""Pixels that a window manager may put around a window, at most."""


class Window(QMainWindow):
    """Everything on the screen. `closing` is emitted once when the user closes it."""

    closing = Signal()

    def __init__(self, station: StationPort, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.setWindowTitle("Linesight")
        self.resize(1280, 800)
        self.setMinimumSize(1024, 700)
        self.station = station
        self.bridge = Bridge(station, self)
        self.thumbs = Thumbs(self.bridge)
        self._sound = AlarmSound(station.active_alarms())
        self._closed = False
        self.kiosk: Kiosk | None = None
        self._from = "live"  # where the page of a part was opened
        self._build()
        self._lay_out()
        current().dress(self)
        self._connect()
        self.guard = Guard(self, self.bridge, lambda: self.stack.currentWidget(), clock)
        self.guard.changed.connect(self._person_changed)
        self.top.person_tapped.connect(self.guard.tapped)
        self.typing = TouchTyping(self, lambda: self.station.settings.screen_keyboard)
        self.changing = ChangeOverSheet(self.bridge, self)
        self.changing.told.connect(self._changed_over)
        self.changing.set_up.connect(self._open_recipes)
        self.top.product_tapped.connect(self._change_over)
        self._clock = QTimer(self)
        self._clock.setInterval(500)
        self._clock.timeout.connect(self._tick)
        self._clock.start()
        self._refresh_alarms()
        self._refresh_state()
        self._person_changed()
        self._tick()
        self.go("live")
        self.setFocus()  # no button is marked before somebody uses the keys

    def show_fitting(self) -> None:
        """Shows the window; maximised where it and its frame would stand over the screen's edge."""
        room = self.screen().availableGeometry()
        virtual = QApplication.platformName() in ("offscreen", "minimal")  # its screen is as small as it likes
        if not virtual and (room.width() < self.width() + FRAME or room.height() < self.height() + FRAME):
            self.showMaximized()
        else:
            self.show()

    def _build(self) -> None:
        self.top = TopBar()
        self.rail = Rail()
        self.alarm_strip = AlarmStrip(self.thumbs)
        self.stack = QStackedWidget()
        self.spaces = Workspaces(self.bridge, self.thumbs, self.zone, self._made)
        self.live = self.spaces.live  # the others are made when somebody goes there

    def _made(self, key: str, page: QWidget) -> None:
        self.stack.addWidget(page)
        connect = getattr(self, f"_connect_{key}", None)
        if connect is not None:
            connect(page)

    def _lay_out(self) -> None:
        body = QVBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self.alarm_strip)
        body.addWidget(self.stack, 1)
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addLayout(body, 1)
        central = QWidget()
        central.setProperty("kind", "ground")
        whole = QVBoxLayout(central)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.top)
        whole.addLayout(middle, 1)
        self.setCentralWidget(central)

    def _connect(self) -> None:
        self.rail.chosen.connect(self.go)
        self.alarm_strip.acknowledged.connect(lambda id: attempt(lambda: self.station.acknowledge(id)))
        self.alarm_strip.list_wanted.connect(lambda: self.go("alarms"))
        self.bridge.alarms.connect(self._refresh_alarms)
        self.bridge.state.connect(self._refresh_state)
        self.bridge.health.connect(self._refresh_health)
        for place in PLACES:
            shortcut = QShortcut(QKeySequence(place.shortcut), self)
            shortcut.activated.connect(lambda key=place.key: self.go(key))
        QShortcut(QKeySequence("Ctrl+Q"), self).activated.connect(self.close)
        QShortcut(QKeySequence("A"), self).activated.connect(self.alarm_strip.acknowledge)

    def _connect_live(self, page: LivePage) -> None:
        page.go.connect(self.go)
        page.part_opened.connect(self.show_part)

    def _connect_train(self, page: TrainPage) -> None:
        page.inspect_with.connect(self._inspect_with)
        page.label_wanted.connect(self._label)

    def _connect_label(self, page: LabelPage) -> None:
        page.train_wanted.connect(self._train_on)

    def _connect_reports(self, page: ReportsPage) -> None:
        page.part_opened.connect(self.show_part)

    def _connect_part(self, page: PartPage) -> None:
        page.left.connect(lambda: self.go(self._from if may_go(self.station.people, self._from) else "live"))

    def _connect_setup(self, page: SetupPage) -> None:
        page.started.connect(lambda: self.go("live"))
        page.check_wanted.connect(self._run_check)
        page.training_wanted.connect(lambda: self.go("train"))
        page.people_changed.connect(lambda: self.guard.look())
        page.restore_wanted.connect(self.leave)
        page.end_wanted.connect(self.close)
        page.settings_changed.connect(self._settings_changed)

    def zone(self) -> tzinfo:
        """The station's time zone."""
        return station_zone(self.station.settings.zone)

    def go(self, key: str) -> None:
        """Shows a place; where whoever is signed in may not see it, says so."""
        if not self.guard.may_go(key):
            return
        self.changing.hide()
        self.rail.mark(key)
        page = self.spaces.page(key)
        self.stack.setCurrentWidget(page)
        if not self.rail.isAncestorOf(QApplication.focusWidget() or self):
            page.setFocus()  # Tab begins here; Qt would mark the first button, which a finger did not ask for
        refresh = getattr(page, "refresh", None)
        if refresh is not None:
            refresh()

    def _change_over(self) -> None:
        """Opens the recipes below the product, or shuts them."""
        if self.changing.isVisible():
            self.changing.hide()
            return
        top = self.top.mapTo(self, QPoint(0, 0)).y() + self.top.height()
        self.changing.setGeometry(0, top, min(CHANGE_WIDTH, self.width()), self.height() - top)
        self.changing.open()

    def _changed_over(self, words: str) -> None:
        self.go("live")
        self.live.tell(words)

    def _open_recipes(self) -> None:
        self.go("setup")
        if self.place == "setup":
            self.spaces.setup.open("recipes")

    def show_part(self, id: str) -> None:
        """Everything about one part; it goes back to where it was opened."""
        if self.place != "part":
            self._from = self.place
        page = self.spaces.part
        self.stack.setCurrentWidget(page)
        page.setFocus()
        page.open(id)

    @property
    def place(self) -> str:
        """The key of the place on show; "part" for the page of a part, which is opened from others."""
        shown = self.stack.currentWidget()
        return next((key for key, page in self.spaces.made.items() if page is shown), "live")

    def _inspect_with(self, model: str, product: str) -> None:
        self.go("setup")
        self.spaces.setup.choose_source_for(model, product)

    def _train_on(self, snapshot: str) -> None:
        self.go("train")
        place = self.station.labelling.place
        self.spaces.train.take_set(Path(snapshot), place.name if place else "")

    def _label(self, sha256: str) -> None:
        self.go("label")
        self.spaces.label.show_picture(sha256)

    def _refresh_alarms(self) -> None:
        alarms = self.station.active_alarms()
        self.alarm_strip.show_alarms(alarms, self.zone())
        self.rail.set_count("alarms", sum(alarm.waits for alarm in alarms))
        if self._sound.news(alarms, time.monotonic()) and self.station.settings.sound:
            QApplication.beep()

    def _sound_again(self) -> None:
        if not (self.station.settings.sound and self.station.watching.config.repeat_sound):
            return
        if self._sound.again(self.station.active_alarms(), time.monotonic()):
            QApplication.beep()

    def _refresh_state(self) -> None:
        running = self.station.recipes.running()
        recipe = f"{running.name}" if running is not None else ""
        self.top.show_state(self.station.state(), self.station.settings.station, recipe)
        self._refresh_health()

    def _refresh_health(self) -> None:
        self.top.show_health(self.station.health(), self.station.state())

    def _tick(self) -> None:
        self.top.show_time(datetime.now(UTC), self.zone())
        self.guard.look()
        self._sound_again()
        if self.place == "live":
            self.live.refresh_health()

    def _person_changed(self) -> None:
        people = self.station.people
        self.top.show_person(people.current, open_to_all=people.open)
        self.rail.offer([place.key for place in PLACES if may_go(people, place.key)])
        if not may_go(people, self.place):
            self.go("live")
        elif (refresh := getattr(self.stack.currentWidget(), "refresh", None)) is not None:
            refresh()

    def resizeEvent(self, event):  # type: ignore[no-untyped-def]
        super().resizeEvent(event)
        self.guard.resized()
        self.typing.hide()
        self.changing.hide()

    def showEvent(self, event):  # type: ignore[no-untyped-def]
        super().showEvent(event)
        self.typing.watch()  # flags that change, as a kiosk's do, make another window of the system

    def _run_check(self) -> None:
        self.go("live")
        self.spaces.live.release.begin()

    def _settings_changed(self) -> None:
        settings = self.station.settings
        app = QApplication.instance()
        theme = current()
        assert isinstance(app, QApplication)
        theme.apply(app, settings.theme, settings.pixels_per_mm)
        self.spaces.set_zone()
        self._refresh_state()
        self._refresh_alarms()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        take = getattr(self.stack.currentWidget(), "take_key", None)
        if (take is not None and take(event)) or event.key() == Qt.Key.Key_Space:
            event.accept()  # the space bar is kept for the trigger: it presses nothing by accident
            return
        super().keyPressEvent(event)

    def close_window(self) -> None:
        """Ends timers, threads and subscriptions. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._clock.stop()
        self.guard.close()
        self.bridge.close()
        self.spaces.close()

    def begin_kiosk(self) -> None:
        """From now on it covers the screen, and closes only for whoever may end it."""
        self.kiosk = Kiosk(self, self.guard, self.station.people)
        self.kiosk.show()

    def leave(self) -> None:
        """Closes for good, also a kiosk: whoever asks this has shown the right to."""
        if self.kiosk is not None:
            self.kiosk.end()
        else:
            self.close()

    def closeEvent(self, event):  # type: ignore[no-untyped-def]
        if self.kiosk is not None and not self._closed and not self.kiosk.lets_close():
            event.ignore()
            return
        event.accept()
        self.closing.emit()
