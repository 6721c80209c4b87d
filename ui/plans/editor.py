"""A plan made or changed by touch: how often and who on the left, its components on the right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.domain.errors import LinesightError, PlanError
from app.domain.plan import Plan, PlanComponent
from app.rounds import Reference
from ui.bridge import Bridge
from ui.plans.component import ComponentForm
from ui.plans.words import counted, often_words
from ui.shared.dates import DateField
from ui.shared.widgets import Button, Card, Notice, field, finger_scroll, label, row, scrolled
from ui.theme import current

_OFTEN = ("daily", "working days", "weekly", "monthly")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class PlanEditor(QWidget):
    """`left` when it is over, saved or not."""

    left = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.rounds
        self.plan: Plan | None = None
        self.components: list[PlanComponent] = []
        self.pictures: dict[str, Reference] = {}
        self._sure = False
        self._build()

    def _build(self) -> None:
        self.name, self.often, self.times = QLineEdit(), QLineEdit(), QLineEdit()
        self.responsible, self.grace = QLineEdit(), QLineEdit()
        self.name.setMaxLength(60)
        self.name.setPlaceholderText("for example: Gearbox bolts")
        self.times.setPlaceholderText("08:00; 14:00")
        self.begins = DateField("First day", self._bridge.station.today())
        self.told = label("", "note", wrap=True)
        self.chips = [Button(words, "chip", on=lambda words=words: self.often.setText(words)) for words in _OFTEN]
        self.days = [Button(words, "chip", on=self._days_chosen) for words in _DAYS]
        for day in self.days:
            day.setCheckable(True)
            day.setMinimumWidth(56)
            day.setStyleSheet("QPushButton { padding: 0 4px; }")
        inside = QWidget()
        form = QVBoxLayout(inside)
        form.setContentsMargins(0, 0, 8, 0)
        form.setSpacing(16)
        form.addWidget(field("Name of the plan", self.name))
        form.addWidget(field("How often", self.often))
        form.addLayout(row(*self.chips[:2], 1))
        form.addLayout(row(*self.chips[2:], 1))
        form.addLayout(row(*self.days[:4], 1))
        form.addLayout(row(*self.days[4:], 1))
        form.addWidget(field("At", self.times))
        form.addWidget(self.told)
        form.addWidget(field("First day", self.begins))
        form.addWidget(field("Minutes until it is late", self.grace))
        form.addWidget(field("Responsible", self.responsible))
        form.addStretch(1)
        self.list = QListWidget()
        finger_scroll(self.list)
        self.list.currentRowChanged.connect(self._open)
        self.add = Button("Add component", icon_name="plus", on=self._add)
        self.up = Button("Up", icon_name="arrow-up", on=lambda: self._move(-1))
        self.remove = Button("Remove", on=self._remove)
        listed = QVBoxLayout()
        listed.setSpacing(8)
        listed.addWidget(self.list, 1)
        listed.addWidget(self.add)
        listed.addLayout(row(self.up, self.remove))
        self.form = ComponentForm(self._bridge)
        self.form.changed.connect(self._changed)
        right = Card("Components", padding=16)
        two = QHBoxLayout()
        two.setSpacing(16)
        two.addLayout(listed, 40)
        two.addWidget(self.form, 60)
        right.body.addLayout(two, 1)
        panes = QHBoxLayout()
        panes.setSpacing(16)
        panes.addWidget(scrolled(inside), 38)
        panes.addWidget(right, 62)
        self.notice = Notice()
        self.back = Button("Back", icon_name="chevron-left", on=self.left.emit)
        self.put_away = Button("Put the plan away", on=self._put_away)
        self.primary = Button("Save the plan", "primary", on=self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(panes, 1)
        layout.addWidget(self.notice)
        layout.addLayout(row(self.back, self.put_away, 1, self.primary))
        for editor in (self.often, self.times):
            editor.textChanged.connect(self._tell_frequency)

    def open(self, plan: Plan | None) -> None:
        """Shows a plan, or a new one."""
        self.plan, self._sure = plan, False
        self.components = list(plan.components) if plan else []
        self.pictures.clear()
        self.name.setText(plan.name if plan else "")
        self.often.setText(often_words(plan.frequency.rule) if plan else "working days")
        times = plan.frequency.times if plan else ()
        self.times.setText("; ".join(f"{at:%H:%M}" for at in times) if plan else "08:00")
        begins: date = plan.frequency.begins if plan else self._bridge.station.today()
        self.begins.setDate(begins)  # type: ignore[arg-type]
        self.grace.setText(str(plan.grace_minutes if plan else 60))
        self.responsible.setText(plan.responsible if plan else "")
        self.put_away.setVisible(plan is not None)
        self.put_away.setText("Put the plan away")
        self.notice.tell("")
        for day in self.days:
            day.setChecked(day.text() in self.often.text().split(", "))
        self.form.list_models()
        self._list(0)
        self._tell_frequency()

    # -- how often
    def _days_chosen(self) -> None:
        chosen = [day.text() for day in self.days if day.isChecked()]
        self.often.setText(", ".join(chosen) or "daily")

    def _tell_frequency(self) -> None:
        try:
            words = self._desk.frequency(self.often.text(), self.times.text(), self.begins.day()).words
            self.told.setText(f"{words[:1].upper()}{words[1:]}.")
        except LinesightError as error:
            self.told.setText(str(error))

    # -- components
    def _list(self, at: int) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        for each in self.components:
            item = QListWidgetItem(f"{each.key}  {each.name}" if each.name != each.key else each.key)
            item.setSizeHint(QSize(64, current().metrics.touch))
            self.list.addItem(item)
        self.list.blockSignals(False)
        at = max(0, min(at, len(self.components) - 1))
        self.list.setCurrentRow(at)
        self._open(at if self.components else -1)

    def _open(self, at: int) -> None:
        there = 0 <= at < len(self.components)
        self.form.setVisible(there)
        self.up.setEnabled(at > 0)
        self.remove.setEnabled(there)
        if there:
            self.form.open(self.components[at])

    def _add(self) -> None:
        taken = {each.key.casefold() for each in self.components}
        number = next(n for n in range(1, 10_000) if f"c{n}" not in taken)
        self.components.append(PlanComponent(f"C{number}", f"Component {number}"))
        self._list(len(self.components) - 1)
        self.form.name.setFocus()
        self.form.name.selectAll()

    def _remove(self) -> None:
        at = self.list.currentRow()
        if 0 <= at < len(self.components):
            del self.components[at]
            self._list(at)

    def _move(self, by: int) -> None:
        at = self.list.currentRow()
        if 0 <= at + by < len(self.components):
            self.components.insert(at + by, self.components.pop(at))
            self._list(at + by)

    def _changed(self, component: PlanComponent, picture: Reference | None) -> None:
        at = self.list.currentRow()
        if not 0 <= at < len(self.components):
            return
        self.components[at] = component
        if picture is not None:
            self.pictures[picture.sha256] = picture
        self.list.item(at).setText(f"{component.key}  {component.name}")

    # -- saving
    def save(self) -> None:
        """Keeps what is shown as a new version."""
        old = self.plan
        try:
            grace = self.grace.text().strip()
            if not grace.isdecimal():
                raise PlanError(f"{grace or 'Nothing'} is no number of minutes. Write it like 60.")
            plan = Plan(
                id=old.id if old else "",
                version=old.version if old else 0,
                name=self.name.text().strip(),
                components=tuple(self.components),
                frequency=self._desk.frequency(self.often.text(), self.times.text(), self.begins.day()),
                made_at=datetime.now(UTC),
                responsible=self.responsible.text().strip(),
                grace_minutes=int(grace),
            )
        except LinesightError as error:
            self._failed(str(error))
            return
        pictures = list(self.pictures.values())
        self._bridge.run(lambda: self._desk.save_plan(plan, pictures), lambda _plan: self.left.emit(), self._failed)

    def _put_away(self) -> None:
        plan = self.plan
        if plan is None:
            return
        if not self._sure:
            self._sure = True
            self.put_away.setText(f"Put {plan.name} away for good")
            asked = counted(len(plan.components), "component")
            self.notice.tell(f"No more rounds become due for its {asked}; rounds that were made stay on record.")
            return
        self._bridge.run(lambda: self._desk.put_away(replace(plan)), lambda _none: self.left.emit(), self._failed)

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")

    def take_reference(self, path: Path) -> None:
        """A file as the reference picture of the component that is open."""
        self.form.take_file(path)

    def close_view(self) -> None:
        self.form.close_form()
