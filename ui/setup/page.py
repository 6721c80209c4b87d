"""Chips for the pages of the set-up, and the page that is chosen."""

from __future__ import annotations

from functools import cached_property
from typing import TypeVar

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

Page = TypeVar("Page", bound=QWidget)

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
        self._bridge = bridge
        self.stack = QStackedWidget()
        self._areas: dict[str, QWidget] = {}
        self._pages: dict[str, QWidget] = {}  # those somebody has opened: all of them at once would hold the screen up
        layout.addWidget(self.choice)
        layout.addWidget(self.stack, 1)
        self.choice.chosen.connect(self.open)

    @cached_property
    def source(self) -> SourcePage:
        page = self._added("source", SourcePage(self._bridge))
        page.started.connect(self.started)
        page.training_wanted.connect(self.training_wanted)
        return page

    @cached_property
    def look(self) -> LookPage:
        page = self._added("look", LookPage(self._bridge), scrolls=False)  # a drag that draws must not scroll
        page.saved.connect(self.settings_changed)
        return page

    @cached_property
    def station(self) -> StationPage:
        page = self._added("station", StationPage(self._bridge))
        page.saved.connect(self.settings_changed)
        page.end_wanted.connect(self.end_wanted)
        return page

    @cached_property
    def line(self) -> LinePage:
        page = self._added("line", LinePage(self._bridge))
        page.saved.connect(self.settings_changed)
        page.check.check_wanted.connect(self.check_wanted)
        return page

    @cached_property
    def recipes(self) -> RecipesPage:
        page = self._added("recipes", RecipesPage(self._bridge))
        page.saved.connect(self.settings_changed)
        return page

    @cached_property
    def alarms(self) -> AlarmsSetup:
        return self._added("alarms", AlarmsSetup(self._bridge))

    @cached_property
    def review(self) -> ReviewSetup:
        page = self._added("review", ReviewSetup(self._bridge))
        page.saved.connect(self.settings_changed)
        return page

    @cached_property
    def people(self) -> PeoplePage:
        page = self._added("people", PeoplePage(self._bridge))
        page.changed.connect(self.people_changed)
        return page

    @cached_property
    def storage(self) -> StoragePage:
        page = self._added("storage", StoragePage(self._bridge))
        page.restore_wanted.connect(self.restore_wanted)
        return page

    @cached_property
    def audit(self) -> AuditPage:
        return self._added("audit", AuditPage(self._bridge))

    @cached_property
    def cloud(self) -> CloudPage:
        page = self._added("cloud", CloudPage(self._bridge))
        page.saved.connect(self.settings_changed)
        page.streams.camera_wanted.connect(self.choose_stream)
        return page

    @cached_property
    def about(self) -> AboutPage:
        return self._added("about", AboutPage(self._bridge))

    def _added(self, key: str, page: Page, *, scrolls: bool = True) -> Page:
        self._pages[key] = page
        self._areas[key] = scrolled(page) if scrolls else page
        self.stack.addWidget(self._areas[key])
        return page

    def _page(self, key: str) -> QWidget:
        """One page, made when it is needed first."""
        page: QWidget = getattr(self, key)
        return page

    def _show(self, key: str) -> None:
        self._page(key)
        self.choice.set_value(key)
        self.stack.setCurrentWidget(self._areas[key])

    def open(self, key: str) -> None:
        """Shows one page of the set-up."""
        self._show(key)
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
        chosen = self.choice.value()
        self._show(chosen if chosen in offered else next(key for key, _, _ in _PAGES if key in offered))
        refresh = getattr(self._page(self.choice.value()), "refresh", None)
        if refresh is not None:
            refresh()

    def learn_badge(self, code: str) -> bool:
        """Whether the page of people had a use for what was scanned."""
        return self.choice.value() == "people" and self.people.learn_badge(code)

    def close_page(self) -> None:
        for page in self._pages.values():
            close = getattr(page, "close_page", None)
            if close is not None:
                close()
