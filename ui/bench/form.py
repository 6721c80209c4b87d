"""Opening a lot: few fields, what was typed before is offered, and the plan is explained while one types."""

from __future__ import annotations

from PySide6.QtCore import QRegularExpression, QTimer, Signal
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QBoxLayout, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.lot import GRADES, Grade, Limit, LotPlan, Order
from app.domain.sampling import AQLS, LEVELS, Severity
from app.lots import Known
from ui.bench.gauges import AcceptanceChart, plan_words
from ui.bridge import Bridge
from ui.shared.widgets import Button, Card, Choice, Combo, Notice, clear, field, label, row, scrolled
from ui.theme import current

_WAIT_MS = 250
_AQL_CHOICES = [("", "not counted"), ("0", "c = 0"), *((f"{aql:g}", f"AQL {aql:g}") for aql in AQLS)]
_UNITS = [("mm2", "mm2"), ("px", "px")]


def _remembered(words: tuple[str, ...]) -> Combo:
    made = Combo()
    made.setEditable(True)
    made.addItems(list(words))
    made.setCurrentText("")
    if (edit := made.lineEdit()) is not None:
        edit.setMaxLength(80)
    return made


def _choices(options: list[tuple[str, str]], value: str) -> Combo:
    made = Combo()
    for key, words in options:
        made.addItem(words, key)
    made.setCurrentIndex(max(0, made.findData(value)))
    made.setMinimumContentsLength(3)
    return made


class _LimitRow(QWidget):
    """Kind, area, unit, clause and class of one limit."""

    def __init__(self, kinds: tuple[str, ...], limit: Limit | None) -> None:
        super().__init__()
        self.kind = _remembered(kinds)
        self.area = QLineEdit()
        self.area.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d{0,9}([.,]\d{0,4})?")))
        self.area.setPlaceholderText("Area")
        self.unit = _choices(_UNITS, limit.unit if limit else "mm2")
        self.clause = QLineEdit()
        self.clause.setMaxLength(60)
        self.clause.setPlaceholderText("Clause of the standard")
        self.grade = _choices(
            [(each.value, each.value.capitalize()) for each in GRADES], limit.grade if limit else "major"
        )
        self.remove = Button("", icon_name="close")
        self.remove.setAccessibleName("Remove this limit")
        for widget, words in ((self.kind, "Kind of defect"), (self.area, "Area"), (self.clause, "Clause")):
            widget.setAccessibleName(words)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        order = (self.kind, self.area, self.unit, self.clause, self.grade, self.remove)
        columns = 2 if current().metrics.touch > 72 else 3
        for index, widget in enumerate(order):
            grid.addWidget(widget, *divmod(index, columns))
        for column in range(columns):
            grid.setColumnStretch(column, 1)
        if limit is not None:
            self.kind.setCurrentText(limit.label)
            self.area.setText(f"{limit.area:g}")
            self.clause.setText(limit.clause)

    def limit(self) -> Limit | None:
        """None while nothing is typed."""
        kind, area = self.kind.currentText().strip(), self.area.text().replace(",", ".")
        if not kind and not area:
            return None
        unit = "px" if self.unit.currentData() == "px" else "mm2"
        return Limit(kind, float(area or 0), unit, self.clause.text().strip(), Grade(self.grade.currentData()))


class OrderForm(QWidget):
    """`opened` after the lot was opened; `left` when nobody wants one."""

    opened = Signal()
    left = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._asked = 0
        self._busy = False
        self._kinds: tuple[str, ...] = ("*",)
        self.plan: LotPlan | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._compute)
        self._build()

    def _build(self) -> None:
        self.number, self.size = QLineEdit(), QLineEdit()
        self.number.setMaxLength(80)
        self.size.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d{0,8}")))
        self.material, self.supplier, self.standard = _remembered(()), _remembered(()), _remembered(())
        self.level = _choices([(each, f"Level {each}") for each in LEVELS], "II")
        self.aqls = {grade: _choices(_AQL_CHOICES, key) for grade, key in zip(GRADES, ("0", "1", "4"), strict=True)}
        self.auto = Choice([("yes", "Next press approves"), ("no", "Press for each")], "yes")
        self.reduced = Choice([("no", "Not agreed"), ("yes", "Agreed")], "no")
        self.acted = Button("The supplier has acted", "chip")
        self.acted.setCheckable(True)
        self.acted.clicked.connect(self._changed)
        self.acted.hide()
        lot = Card("Lot")
        grid = QGridLayout()
        grid.setSpacing(16)
        grid.addWidget(field("Lot number", self.number), 0, 0)
        grid.addWidget(field("Parts in the lot", self.size), 0, 1)
        grid.addWidget(field("Material", self.material), 1, 0)
        grid.addWidget(field("Supplier", self.supplier), 1, 1)
        grid.addWidget(field("Standard or drawing", self.standard), 2, 0)
        grid.addWidget(field("Inspection level", self.level), 2, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        lot.body.addLayout(grid)
        classes = QHBoxLayout()
        classes.setSpacing(16)
        for grade, combo in self.aqls.items():
            classes.addWidget(field(grade.value.capitalize(), combo), 1)
        lot.body.addLayout(classes)
        limits = Card("Limits of the standard")
        limits.body.addWidget(
            label(
                "Up to which area a kind of defect is worn and not yet bad. * stands for all kinds together.",
                "note",
                wrap=True,
            )
        )
        self._limits = QVBoxLayout()
        self._limits.setSpacing(16)
        limits.body.addLayout(self._limits)
        self.add_limit = Button("Add a limit", icon_name="plus", on=lambda: self._add_limit(None))
        limits.body.addLayout(row(self.add_limit, 1))
        way = Card("Way of working")
        way.body.addWidget(field("A part that passed", self.auto))
        way.body.addWidget(
            field("Reduced inspection", self.reduced, "By the responsible authority, while production is steady.")
        )
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(16)
        for card in (lot, limits, way):
            column.addWidget(card)
        column.addStretch(1)
        plan = Card("Sampling plan")
        self.words = label("Type the lot's size to see its plan.", wrap=True)
        self.chart = AcceptanceChart()
        plan.body.addWidget(self.words)
        plan.body.addStretch(1)
        plan.body.addWidget(self.chart, 3)
        plan.body.addWidget(self.acted)
        self.notice = Notice()
        self.cancel = Button("Cancel", on=self.left.emit)
        self.open = Button("Open the lot", "primary", icon_name="tray-arrow-down", on=self._open)
        buttons = row(self.cancel, self.open)
        buttons.setStretch(1, 1)
        right = QVBoxLayout()
        right.setSpacing(16)
        right.addWidget(plan, 1)
        right.addWidget(self.notice)
        right.addLayout(buttons)
        layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(scrolled(content), 58)
        layout.addLayout(right, 42)
        for edit in (self.number, self.size):
            edit.textChanged.connect(self._changed)
            edit.returnPressed.connect(self._open)
        for combo in (self.material, self.supplier, self.standard):
            combo.currentTextChanged.connect(self._changed)
        for combo in (self.level, *self.aqls.values()):
            combo.currentIndexChanged.connect(self._changed)
        self.reduced.chosen.connect(self._changed)

    # -- what is typed
    def begin(self) -> None:
        """A new lot like the last one; its number and size are typed anew."""
        self.number.clear()
        self.size.clear()
        self.acted.setChecked(False)
        self.notice.tell("")
        self._bridge.run(self._bridge.station.lots.known, self._offer)
        self.number.setFocus()

    def _offer(self, known: Known) -> None:
        last = known.last
        for combo, words, value in (
            (self.material, known.materials, last.material if last else ""),
            (self.supplier, known.suppliers, last.supplier if last else ""),
            (self.standard, known.standards, last.standard if last else ""),
        ):
            typed = combo.currentText()
            combo.clear()
            combo.addItems(list(words))
            combo.setCurrentText(typed or value)
        clear(self._limits)
        if last is not None:
            self.level.setCurrentIndex(max(0, self.level.findData(last.level)))
            held = dict(last.aqls)
            for grade, combo in self.aqls.items():
                key = "" if grade not in held else "0" if held[grade] is None else f"{held[grade]:g}"
                combo.setCurrentIndex(max(0, combo.findData(key)))
            self.auto.set_value("yes" if last.auto_approve else "no")
            self.reduced.set_value("yes" if last.reduced_agreed else "no")
            self._kinds = tuple(dict.fromkeys(("*", *(limit.label for limit in last.limits))))
            for limit in last.limits:
                self._add_limit(limit)

    def _add_limit(self, limit: Limit | None) -> None:
        made = _LimitRow(self._kinds, limit)
        made.remove.clicked.connect(
            lambda _checked=False: (made.hide(), self._limits.removeWidget(made), made.deleteLater())
        )
        self._limits.addWidget(made)

    def order(self) -> Order:
        """What is typed now."""
        aqls = []
        for grade, combo in self.aqls.items():
            if key := combo.currentData():
                aqls.append((grade, None if key == "0" else float(key)))
        rows = [self._limits.itemAt(index).widget() for index in range(self._limits.count())]
        limits = [found for each in rows if isinstance(each, _LimitRow) and (found := each.limit()) is not None]
        return Order(
            self.number.text(),
            self.material.currentText(),
            self.supplier.currentText(),
            self.standard.currentText(),
            int(self.size.text() or 0),
            str(self.level.currentData()),
            tuple(aqls),
            tuple(limits),
            self.auto.value() == "yes",
            self.reduced.value() == "yes",
            self.acted.isChecked(),
        )

    def _changed(self, *_: object) -> None:
        self._timer.start()

    def _compute(self) -> None:
        order = self.order()
        if order.size < 2 or not order.aqls:
            self._show_plan(None, "Type the lot's size and choose a class to see the plan.")
            return
        self._asked += 1
        asked = self._asked
        self._bridge.run(
            lambda: self._bridge.station.lots.plan(order),
            lambda plan: self._show_plan(plan) if asked == self._asked else None,
            lambda words: self._show_plan(None, words),
        )

    def _show_plan(self, plan: LotPlan | None, words: str = "") -> None:
        self.plan = plan
        self.words.setText(words or "\n\n".join(plan_words(plan) if plan else ()))
        self.chart.show_plan(plan)
        self.acted.setVisible(plan is not None and plan.severity is Severity.DISCONTINUED)

    def _open(self) -> None:
        if self._busy:
            return
        order = self.order()
        self._busy = True
        self.notice.tell("")
        self._bridge.run(lambda: self._bridge.station.lots.open(order), self._opened, self._refused)

    def _opened(self, _lot: object) -> None:
        self._busy = False
        self.opened.emit()

    def _refused(self, words: str) -> None:
        self._busy = False
        self.notice.tell(words, "bad")

    def resizeEvent(self, _event: object) -> None:
        self.chart.setVisible(self.height() > 600)  # below it the words need the room

    def close_page(self) -> None:
        self._timer.stop()
