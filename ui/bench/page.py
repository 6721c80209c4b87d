"""The Bench workspace: pre-production inspection of raw parts, lot by lot."""

from __future__ import annotations

import time
from datetime import tzinfo
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.domain.pedal import Pedal, Press
from ui.bench.form import OrderForm
from ui.bench.result import ResultView
from ui.bench.start import StartView
from ui.bench.work import WorkView
from ui.bridge import Bridge
from ui.shared.thumbs import Thumbs
from ui.shared.toast import open_folder
from ui.shared.widgets import page_layout


class BenchPage(QWidget):
    """Space and the pedal's key are taken here while the page is on show, and what a scanner reads names the part."""

    def __init__(self, bridge: Bridge, thumbs: Thumbs, zone: tzinfo | None) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.lots
        self._pedal = Pedal()
        self._pedal_key = ""
        self._learning = False
        self._held = QTimer(self)
        self._held.setSingleShot(True)
        self._held.setInterval(round(1000 * self._pedal.hold) + 10)
        self._held.timeout.connect(self._hold)
        self.start = StartView(bridge, zone)
        self.form = OrderForm(bridge)
        self.work = WorkView(bridge, thumbs)
        self.result = ResultView(bridge, zone)
        self.stack = QStackedWidget()
        for view in (self.start, self.form, self.work, self.result):
            self.stack.addWidget(view)
        layout = page_layout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.addWidget(self.stack)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.start.wanted.connect(self._new_lot)
        self.start.opened.connect(self._show_result)
        self.start.learn.connect(self._learn)
        self.form.opened.connect(self.refresh)
        self.form.left.connect(self.refresh)
        self.work.closed.connect(self._show_result)
        self.result.next_lot.connect(self._new_lot)
        self.result.left.connect(self._leave_result)
        self.result.reopened.connect(lambda _id: self._show_work_or_start())
        self.result.folder.connect(lambda file: open_folder(Path(file).parent))
        bridge.lots.connect(self._changed)
        bridge.state.connect(self._changed)
        self._show_work_or_start()

    # -- which of them
    def refresh(self) -> None:
        """Called when the page comes on show, and after a lot was opened."""
        if self.stack.currentWidget() is not self.result:
            self._show_work_or_start()

    def _show_work_or_start(self) -> None:
        if self._desk.current() is not None:
            self.stack.setCurrentWidget(self.work)
            self.work.refresh()
        else:
            self.stack.setCurrentWidget(self.start)
            self.start.refresh(self._bridge.station.settings.pedal_key)
        self.setFocus()

    def _changed(self) -> None:
        view = self.stack.currentWidget()
        if view is self.work and self._desk.current() is not None:
            self.work.refresh()
        elif view is self.start and self._desk.current() is not None:
            self._show_work_or_start()

    def _new_lot(self) -> None:
        self.stack.setCurrentWidget(self.form)
        self.form.begin()

    def _show_result(self, id: str) -> None:
        self.stack.setCurrentWidget(self.result)
        self.result.show_lot(id)
        self.setFocus()

    def _leave_result(self) -> None:
        self.stack.setCurrentWidget(self.start)
        self._show_work_or_start()

    # -- keys: pedal and scanner
    def _learn(self) -> None:
        self._learning = True
        self.start.show_learning(True)
        self.setFocus()

    def event(self, event: QEvent) -> bool:
        # A pedal may send a key that is a shortcut of the window.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._takes(event):
            event.accept()
            return True
        return super().event(event)

    def _takes(self, event: QKeyEvent) -> bool:
        plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        return self._learning or (plain and self.takes_at_once(event))

    def takes_at_once(self, event: QKeyEvent) -> bool:
        """Whether this key is the pedal's now: it is never the beginning of a code."""
        return self.stack.currentWidget() is self.work and self._is_pedal(event)

    def take_code(self, code: str) -> bool:
        """Names the next part of the open lot by what a scanner has read."""
        if self.stack.currentWidget() is not self.work:
            return False
        self.work.scan(code)
        return True

    def _is_pedal(self, event: QKeyEvent) -> bool:
        learnt = self._bridge.station.settings.pedal_key
        return event.key() == Qt.Key.Key_Space or (learnt != "" and _name(event) == learnt)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():
            event.accept()
            return
        if self._learning:
            self._learnt(event)
        elif self.takes_at_once(event):
            self._pedal.down(time.monotonic())
            self._held.start()
            event.accept()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat() or not self._is_pedal(event):
            super().keyReleaseEvent(event)
            return
        self._pressed(self._pedal.up(time.monotonic()))
        event.accept()

    def _hold(self) -> None:
        self._pressed(self._pedal.held(time.monotonic()))

    def _pressed(self, press: Press | None) -> None:
        if press is not None and self.stack.currentWidget() is self.work:
            self.work.press(press)

    def _learnt(self, event: QKeyEvent) -> None:
        self._learning = False
        self.start.show_learning(False)
        event.accept()
        key = "" if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Space) else _name(event)
        if event.key() == Qt.Key.Key_Escape:
            return
        self._bridge.run(
            lambda: self._bridge.station.save_settings(pedal_key=key),
            lambda _none: self.start.refresh(self._bridge.station.settings.pedal_key),
            lambda words: self.start.notice.tell(words, "bad"),
        )

    def set_zone(self, zone: tzinfo | None) -> None:
        self.start.zone = self.result.zone = zone
        self.refresh()

    def close_page(self) -> None:
        """Ends timers and threads."""
        self._held.stop()
        self.form.close_page()
        self.work.close_page()
        self.result.close_page()


def _name(event: QKeyEvent) -> str:
    return QKeySequence(event.key()).toString()
