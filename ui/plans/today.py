"""The rounds of a day as cards, late ones first; and the plans they come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.domain.plan import Plan, Round, RoundState
from ui.plans.words import ORDER, action_words, plan_words, progress_words, state_words
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Card, clear, column, label, row, scrolled


class RoundCard(QFrame):
    """One round; a late one has an edge in the colour of an alarm."""

    def __init__(self, each: Round, state: RoundState, zone: tzinfo, *, closed: bool) -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.round, self.state = each, state
        urgent = state in (RoundState.LATE, RoundState.MISSED)
        edge = QFrame()
        edge.setFixedWidth(4)
        edge.setProperty("kind", "edge-bad" if urgent else "edge-good" if state is RoundState.DONE else "edge-mention")
        self.words = Elided(state_words(each, state, zone), "strong" if urgent else "note")
        bar = QProgressBar()
        bar.setTextVisible(False)
        asked = len(each.plan.components)
        bar.setRange(0, asked)
        bar.setValue(asked - len(each.open))
        self.open = Button(action_words(each, state, closed=closed))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addWidget(edge)
        told = column(Elided(each.plan.name, "heading"), self.words, bar, Elided(progress_words(each), "quiet"))
        layout.addLayout(told, 1)
        layout.addWidget(self.open)


class PlanCard(QFrame):
    """One plan with what can be done with it."""

    def __init__(self, plan: Plan, due: datetime | None, zone: tzinfo) -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.plan = plan
        at = due.astimezone(zone) if due is not None else None
        words = f"Next round {at:%a} {at.day} {at:%b, %H:%M}" if at else "No round is due within a year"
        self.begin = Button("Begin now")
        self.edit = Button("Edit")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        told = column(Elided(plan.name, "heading"), Elided(plan_words(plan), "note"), Elided(words, "quiet"))
        layout.addLayout(told, 1)
        layout.addLayout(row(self.begin, self.edit))


class Cards(QWidget):
    """A list of cards that scrolls, with words where there are none."""

    columns = 2

    def __init__(self) -> None:
        super().__init__()
        inside = QWidget()
        whole = QVBoxLayout(inside)
        whole.setContentsMargins(0, 0, 8, 0)
        whole.setSpacing(16)
        self.words = label("", "note", wrap=True)
        self._grid = QGridLayout()
        self._grid.setSpacing(16)
        for number in range(self.columns):
            self._grid.setColumnStretch(number, 1)
        whole.addWidget(self.words)
        whole.addLayout(self._grid)
        whole.addStretch(1)
        self.area = scrolled(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.area)
        self.cards: list[QWidget] = []
        self._shown: object = None

    def is_new(self, what: object) -> bool:
        """Whether this is not what is on show: cards under a finger must not be made anew for nothing."""
        new, self._shown = what != self._shown, what
        return new

    def show_cards(self, cards: Sequence[QWidget], words: str) -> None:
        clear(self._grid)
        self.cards = list(cards)
        for number, card in enumerate(self.cards):
            self._grid.addWidget(card, number // self.columns, number % self.columns)
        self.words.setText(words)
        self.words.setVisible(bool(words))


class RoundCards(Cards):
    """`opened` carries a round."""

    opened = Signal(object)

    def show_rounds(
        self, rounds: Sequence[tuple[Round, RoundState]], zone: tzinfo, *, closed: bool, words: str
    ) -> None:
        if not self.is_new((list(rounds), zone, closed, words)):
            return
        ordered = sorted(rounds, key=lambda each: (ORDER.index(each[1]), each[0].due_at))
        cards = []
        for each, state in ordered:
            card = RoundCard(each, state, zone, closed=closed)
            card.open.clicked.connect(lambda _checked=False, each=each: self.opened.emit(each))
            cards.append(card)
        self.show_cards(cards, "" if cards else words)


class PlanCards(Cards):
    """`begun` and `edited` carry a plan."""

    columns = 1
    begun = Signal(object)
    edited = Signal(object)

    def show_plans(self, plans: Sequence[tuple[Plan, datetime | None]], zone: tzinfo) -> None:
        if not self.is_new((list(plans), zone)):
            return
        cards = []
        for plan, due in plans:
            card = PlanCard(plan, due, zone)
            card.begin.clicked.connect(lambda _checked=False, plan=plan: self.begun.emit(plan))
            card.edit.clicked.connect(lambda _checked=False, plan=plan: self.edited.emit(plan))
            cards.append(card)
        self.show_cards(cards, "" if cards else "No plan is in use.")


class EmptyPlans(Card):
    """What the place is for, and the first step. It is shown while there is no plan."""

    imported = Signal()
    template = Signal()
    made = Signal()

    def __init__(self) -> None:
        super().__init__("Rounds by plan")
        self.body.addWidget(
            label(
                "A plan says which components somebody looks at, what to check, how often and who. A round leads "
                "through it, one component a screen: a picture each, or why there is none. At the end of the day all "
                "pictures are judged in one go.",
                "note",
                wrap=True,
            )
        )
        self.body.addWidget(
            label("Fill in the template in your spreadsheet program and import it, or make a plan here.", wrap=True)
        )
        self.get = Button("Get the template", icon_name="file-download-outline", on=self.template.emit)
        self.new = Button("Make a plan", icon_name="plus", on=self.made.emit)
        self.primary = Button("Import a workbook", "primary", "file-import-outline", self.imported.emit)
        self.body.addLayout(row(self.primary, self.get, self.new, 1))
        self.body.addStretch(1)
