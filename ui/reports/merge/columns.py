"""The second step: what each column becomes, and correcting it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from ui.reports.merge.words import EXTRA, FIELDS, SEVERAL, counted
from ui.shared.elided import Elided
from ui.shared.widgets import Combo, Notice, clear, finger_scroll, icon, label, scrolled, set_kind, tall
from ui.theme import current

if TYPE_CHECKING:
    from app.merging import ColumnFound, Corrections, TableFound

_LIST, _COMBO = 272, 288

Corrected = dict[tuple[Path, str], dict[str, str]]


def field_of(table: TableFound, column: ColumnFound, corrections: Corrections) -> str:
    """What a column becomes, corrections counted in."""
    return corrections.get((table.path, table.sheet), {}).get(column.name, column.field)


def corrected(table: TableFound, name: str, field: str, corrections: Corrections) -> Corrected:
    """The corrections with one more. Another column that had the field gives it up, or keeps it where several may."""
    made = {key: dict(columns) for key, columns in corrections.items()}
    own = made.setdefault((table.path, table.sheet), {})
    for column in table.columns:
        if column.name != name and field != EXTRA and field_of(table, column, corrections) == field:
            own[column.name] = field if field in SEVERAL else EXTRA
    own[name] = field
    return made


class FieldChoice(Combo):
    """Keys open the list: a field that is only passed on the way must not be taken from another column."""

    def __init__(self) -> None:
        super().__init__()
        for field, words in FIELDS.items():
            self.addItem(words, field)
        self.setFixedWidth(_COMBO)

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F4):
            self.showPopup()
        else:
            event.ignore()


class ColumnsStep(QWidget):
    """`changed` carries the table, the column's name and the field it becomes."""

    changed = Signal(object, str, str)

    def __init__(self) -> None:
        super().__init__()
        self.tables: Sequence[TableFound] = ()
        self._corrections: Corrections = {}
        self._late = False
        self.list = QListWidget()
        self.list.setFixedWidth(_LIST)
        self.list.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        finger_scroll(self.list)
        self.list.currentRowChanged.connect(self._open)
        self.title = Elided("", "heading", mode=Qt.TextElideMode.ElideMiddle)
        self.problem = Notice()
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 8, 0)
        inner.setSpacing(8)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(0, 2)
        self._grid.setColumnStretch(2, 3)
        inner.addLayout(self._grid)
        inner.addStretch(1)
        self.area = scrolled(content)
        self.combos: dict[str, FieldChoice] = {}
        self._names: dict[str, Elided] = {}
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.title)
        right.addWidget(self.problem)
        right.addWidget(self.area, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.list)
        layout.addLayout(right, 1)

    def show_tables(self, tables: Sequence[TableFound], corrections: Corrections) -> None:
        """The open table stays open where it is still there."""
        before = self.table()
        key = (before.path, before.sheet, before.row) if before else None
        self.tables, self._corrections = tables, corrections
        at = next((n for n, each in enumerate(tables) if (each.path, each.sheet, each.row) == key), 0)
        with QSignalBlocker(self.list):
            self.list.clear()
            for each in tables:
                item = QListWidgetItem(f"{each.path.name}\n{self._summary(each)}")
                item.setToolTip(f"{each.path}, {each.sheet}")
                if self._problem(each):
                    item.setIcon(icon("alert-outline", "retest"))
                self.list.addItem(tall(item, current().metrics.touch + 8))
            self.list.setCurrentRow(at if tables else -1)
        self._late = not self.isVisible()  # a drop-down list a column: made only where they are looked at
        if not self._late:
            self._open(self.list.currentRow())

    def showEvent(self, _event: object) -> None:
        if self._late:
            self._late = False
            self._open(self.list.currentRow())

    def table(self) -> TableFound | None:
        row = self.list.currentRow()
        return self.tables[row] if 0 <= row < len(self.tables) else None

    def correct(self, corrections: Mapping[tuple[Path, str], Mapping[str, str]]) -> None:
        """Shows corrections made since the tables were read."""
        self._corrections = corrections
        for row, each in enumerate(self.tables):
            self.list.item(row).setText(f"{each.path.name}\n{self._summary(each)}")
        self._settle()

    def _summary(self, table: TableFound) -> str:
        other = sum(field_of(table, column, self._corrections) == EXTRA for column in table.columns)
        name = "" if table.sheet == table.path.stem else f"{table.sheet}: "
        return f"{name}{counted(len(table.columns), 'column')}" + (f", {other} unknown" if other else "")

    def _problem(self, table: TableFound) -> str:
        fields = {field_of(table, column, self._corrections) for column in table.columns}
        if not table.problem or ("part" in fields and (table.row or fields & {"date", "verdict", "defect"})):
            return ""
        what = (
            "No column is known as the part number. Choose which one it is."
            if table.row
            else "No headings were recognised. Choose which column is the part number, and the date, verdict or defect."
        )
        return f"{what} Otherwise {counted(table.rows, 'row')} will be set aside."

    def _open(self, row: int) -> None:
        self._late = False
        clear(self._grid)
        self.combos, self._names = {}, {}
        if not 0 <= row < len(self.tables):
            self.title.setText("")
            self.problem.tell("")
            return
        table = self.tables[row]
        name = table.path.name if table.sheet == table.path.stem else f"{table.path.name}, {table.sheet}"
        where = f", headings in row {table.row}" if table.row else ""
        self.title.setText(f"{name}: {counted(table.rows, 'row')}{where}")
        for at, words in enumerate(("Column", "Becomes", "Examples")):
            self._grid.addWidget(label(words, "quiet"), 0, at)
        for line, column in enumerate(table.columns, 1):
            self._add(table, column, line)
        self._settle()
        self.area.verticalScrollBar().setValue(0)

    def _add(self, table: TableFound, column: ColumnFound, line: int) -> None:
        name = Elided(column.name, "strong")
        name.setToolTip(column.name)
        combo = FieldChoice()
        combo.setAccessibleName(f"{column.name} becomes")
        combo.activated.connect(lambda _index: self.changed.emit(table, column.name, combo.currentData()))
        examples = "   ·   ".join(column.examples) or "empty"
        shown = Elided(examples, "note")
        shown.setToolTip(examples)
        for at, widget in enumerate((name, combo, shown)):
            self._grid.addWidget(widget, line, at)
        self.combos[column.name], self._names[column.name] = combo, name

    def _settle(self) -> None:
        table = self.table()
        if table is None:
            return
        own = self._corrections.get((table.path, table.sheet), {})
        for column in table.columns:
            field = field_of(table, column, self._corrections)
            combo, name = self.combos[column.name], self._names[column.name]
            combo.setCurrentIndex(combo.findData(field))
            name.setText(f"{column.name} (corrected)" if column.name in own else column.name)
            set_kind(name, "note" if field == EXTRA else "strong")
        self.problem.tell(self._problem(table), "bad")
