"""Candidates that the account made of all stations' reviews: what was found out about each, and fetching one."""

from __future__ import annotations

import functools

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.candidates import CloudModels
from app.cloud.offers import Offer
from ui.shared.widgets import Button, Card, Notice, clear, label, row
from ui.shared.work import Follower, JobBar

_FOR = (
    "Made in your account of what was reviewed at all stations. One that is fetched is measured here on pictures that "
    "it has not learned from, and becomes a version like any other: you release it, or nobody does."
)
_NONE = "There is none yet. Reviews make one once enough are new: the stack's parameter MinimumReviews says how many."
_MOST = 6


class OffersCard(Card):
    """`fetched` carries NAME@VERSION; `closed` when nobody wants to see it any more."""

    fetched = Signal(str)
    closed = Signal()

    def __init__(self, desk: CloudModels, follower: Follower) -> None:
        super().__init__("From the cloud", padding=16)
        self._desk = desk
        self.bar = JobBar(follower)
        self.said = Notice()
        self.rows = QVBoxLayout()
        self.rows.setSpacing(12)
        self.close_button = Button("Close", icon_name="close", on=self.closed.emit)
        self.fetch: list[Button] = []
        self.body.addWidget(label(_FOR, "note", wrap=True))
        self.body.addWidget(self.bar)
        self.body.addWidget(self.said)
        self.body.addLayout(self.rows)
        self.body.addStretch(1)
        self.body.addLayout(row(self.close_button, 1))

    def look(self) -> None:
        """Asks the account."""
        clear(self.rows)
        self.fetch = []
        self.said.tell("")
        self.bar.run(self._desk.offers, self._show, lambda words: self.said.tell(words, "bad"))

    def _show(self, offers: list[Offer]) -> None:
        clear(self.rows)
        self.fetch = []
        if not offers:
            self.said.tell(_NONE)
        for each in sorted(offers, key=lambda one: not one.recommended)[:_MOST]:
            self.rows.addWidget(self._row(each))

    def _row(self, offer: Offer) -> QWidget:
        button = Button("Fetch", icon_name="cloud-download-outline", on=functools.partial(self._fetch, offer))
        button.setAccessibleName(f"Fetch {offer.name}")
        self.fetch.append(button)
        mark = "   \u25cf recommended" if offer.recommended else ""
        words = offer.words or "Not tried beside the released model yet."
        told = QVBoxLayout()
        told.setSpacing(0)
        told.addWidget(label(f"{offer.name}, {offer.pictures:,} pictures{mark}", "strong", wrap=True))
        told.addWidget(label(words, "note", wrap=True))
        made = QWidget()
        layout = row(spacing=16)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(told, 1)
        layout.addWidget(button)
        made.setLayout(layout)
        return made

    def _fetch(self, offer: Offer) -> None:
        def done(name: str) -> None:
            self._enable(True)
            self.said.tell(f"{name} is here. Look at it, and release it.", "good")
            self.fetched.emit(name)

        def failed(words: str) -> None:
            self._enable(True)
            self.said.tell(words, "bad")

        self._enable(False)
        self.said.tell("")
        self.bar.run(lambda: self._desk.take(offer), done, failed)

    def _enable(self, on: bool) -> None:
        for each in self.fetch:
            each.setEnabled(on)
