"""Chips for the pages of the set-up, and the page that is chosen."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from ui.bridge import Bridge
from ui.setup.about import AboutPage
from ui.setup.alarms import AlarmsSetup
from ui.setup.source import SourcePage
from ui.setup.station import StationPage
from ui.shared.widgets import Choice, scrolled


class SetupPage(QWidget):
    """`started`: a source was chosen and is being inspected. `settings_changed`: look or names changed.
    `training_wanted`: the source that was chosen needs a model first."""

    started = Signal()
    settings_changed = Signal()
    training_wanted = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.setProperty("kind", "ground")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(16)
        self.choice = Choice(
            [("source", "Source"), ("station", "Station"), ("alarms", "Alarms"), ("about", "About")], "source"
        )
        self.source = SourcePage(bridge)
        self.station = StationPage(bridge)
        self.alarms = AlarmsSetup(bridge)
        self.about = AboutPage(bridge)
        self.stack = QStackedWidget()
        self._areas = {}
        pages = (("source", self.source), ("station", self.station), ("alarms", self.alarms), ("about", self.about))
        for key, page in pages:
            self._areas[key] = scrolled(page)
            self.stack.addWidget(self._areas[key])
        layout.addWidget(self.choice)
        layout.addWidget(self.stack, 1)
        self.choice.chosen.connect(self.open)
        self.source.started.connect(self.started)
        self.source.training_wanted.connect(self.training_wanted)
        self.station.saved.connect(self.settings_changed)

    def open(self, key: str) -> None:
        """Shows one page of the set-up."""
        self.choice.set_value(key)
        self.stack.setCurrentWidget(self._areas[key])
        self.refresh()

    def choose_source_for(self, model: str, product: str) -> None:
        """After training: choose what to inspect with this model."""
        self.open("source")
        self.source.choose_for(model, product)

    def refresh(self) -> None:
        """Reads what the open page shows."""
        if self.stack.currentWidget() is self._areas["source"]:
            self.source.refresh()
        elif self.stack.currentWidget() is self._areas["alarms"]:
            self.alarms.refresh()
        elif self.stack.currentWidget() is self._areas["about"]:
            self.about.refresh()

    def close_page(self) -> None:
        self.source.close_page()
        self.alarms.close_page()
