"""Chips for the pages of the set-up, and the page that is chosen."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.domain.person import Action
from ui.bridge import Bridge
from ui.people.people import PeoplePage
from ui.setup.about import AboutPage
from ui.setup.alarms import AlarmsSetup
from ui.setup.audit import AuditPage
from ui.setup.cloud import CloudPage
from ui.setup.line import LinePage
from ui.setup.look import LookPage
from ui.setup.recipes import RecipesPage
from ui.setup.review import ReviewSetup
from ui.setup.source import SourcePage
from ui.setup.station import StationPage
from ui.setup.storage import StoragePage
from ui.shared.widgets import Choice, scrolled

_PAGES: tuple[tuple[str, str, Action | None], ...] = (
    ("source", "Source", Action.SETTINGS),
    ("look", "Where to look", Action.SETTINGS),
    ("station", "Station", Action.SETTINGS),
    ("line", "Line", Action.SETTINGS),
    ("recipes", "Recipes", Action.SETTINGS),
    ("alarms", "Alarms", Action.SETTINGS),
    ("review", "Review", Action.SETTINGS),
    ("people", "People", Action.PEOPLE),
    ("storage", "Storage", Action.RETENTION),
    ("audit", "Audit log", Action.PEOPLE),
    ("cloud", "Cloud", Action.SETTINGS),
    ("about", "About", None),
)
"""(key, words, the right that opens it)."""


class SetupPage(QWidget):
    """`started`: a source was chosen and is being inspected. `settings_changed`: look or names changed.
    `training_wanted`: the source that was chosen needs a model first. `people_changed`: somebody was added or changed.
    `restore_wanted`: a backup is to take this record's place. `check_wanted`: the challenge parts are to be judged.
    `end_wanted`: the program is to end."""

    started = Signal()
    settings_changed = Signal()
    training_wanted = Signal()
    people_changed = Signal()
    restore_wanted = Signal()
    check_wanted = Signal()
    end_wanted = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.setProperty("kind", "ground")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(16)
        self.choice = Choice([(key, words) for key, words, _ in _PAGES], "source", columns=6)
        self.source = SourcePage(bridge)
        self.look = LookPage(bridge)
        self.station = StationPage(bridge)
        self.line = LinePage(bridge)
        self.recipes = RecipesPage(bridge)
        self.review = ReviewSetup(bridge)
        self.people = PeoplePage(bridge)
        self.storage = StoragePage(bridge)
        self.audit = AuditPage(bridge)
        self.alarms = AlarmsSetup(bridge)
        self.cloud = CloudPage(bridge)
        self.about = AboutPage(bridge)
        self._bridge = bridge
        self.stack = QStackedWidget()
        self._areas: dict[str, QWidget] = {}
        self._pages: dict[str, QWidget] = {
            "source": self.source,
            "look": self.look,
            "station": self.station,
            "line": self.line,
            "recipes": self.recipes,
            "alarms": self.alarms,
            "review": self.review,
            "people": self.people,
            "storage": self.storage,
            "audit": self.audit,
            "cloud": self.cloud,
            "about": self.about,
        }
        for key, page in self._pages.items():
            # A drag that draws must not scroll.
            self._areas[key] = page if key == "look" else scrolled(page)
            self.stack.addWidget(self._areas[key])
        layout.addWidget(self.choice)
        layout.addWidget(self.stack, 1)
        self.choice.chosen.connect(self.open)
        self.source.started.connect(self.started)
        self.source.training_wanted.connect(self.training_wanted)
        self.look.saved.connect(self.settings_changed)
        self.station.saved.connect(self.settings_changed)
        self.station.end_wanted.connect(self.end_wanted)
        self.line.saved.connect(self.settings_changed)
        self.recipes.saved.connect(self.settings_changed)
        self.review.saved.connect(self.settings_changed)
        self.cloud.saved.connect(self.settings_changed)
        self.cloud.streams.camera_wanted.connect(self.choose_stream)
        self.people.changed.connect(self.people_changed)
        self.storage.restore_wanted.connect(self.restore_wanted)
        self.line.check.check_wanted.connect(self.check_wanted)

    def open(self, key: str) -> None:
        """Shows one page of the set-up."""
        self.choice.set_value(key)
        self.stack.setCurrentWidget(self._areas[key])
        self.refresh()

    def choose_source_for(self, model: str, product: str) -> None:
        """After training: choose what to inspect with this model."""
        self.open("source")
        self.source.choose_for(model, product)

    def choose_stream(self, name: str) -> None:
        """A stream of the account as the source: a test picture and the model are next."""
        self.open("source")
        self.source.choose_stream(name)

    def refresh(self) -> None:
        """Reads what the open page shows; what whoever is signed in may not change is not offered."""
        people = self._bridge.station.people
        offered = {key for key, _, needed in _PAGES if needed is None or people.may(needed)}
        for key, _, _ in _PAGES:
            self.choice.button(key).setVisible(key in offered)
        if self.choice.value() not in offered:
            first = next(key for key, _, _ in _PAGES if key in offered)
            self.choice.set_value(first)
            self.stack.setCurrentWidget(self._areas[first])
        refresh = getattr(self._pages[self.choice.value()], "refresh", None)
        if refresh is not None:
            refresh()

    def learn_badge(self, code: str) -> bool:
        """Whether the page of people had a use for what was scanned."""
        return self.choice.value() == "people" and self.people.learn_badge(code)

    def close_page(self) -> None:
        self.storage.close_page()
        self.audit.close_page()
        self.source.close_page()
        self.look.close_page()
        self.alarms.close_page()
        self.cloud.close_page()
        self.line.close_page()
