"""The filters at the gallery's left: what there is of what, and which of it is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from app.domain.labelling import DefectType, LibraryCounts, Query
from ui.shared.dates import DateField
from ui.shared.widgets import Button, clear, label, scrolled
from ui.theme import current
from ui.theme.theme import font

WIDTH = 264

_ONLY = (
    ("doubtful", "Model is doubtful"),
    ("surely good", "Model: surely good"),
    ("surely defect", "Model: surely a defect"),
    ("suspicious", "Label seems wrong"),
    ("disagreement", "Model disagrees"),
    ("unmasked", "Defect not drawn"),
    ("masked", "Defect drawn"),
    ("aside", "Left out"),
)


class FilterRow(QAbstractButton):
    """A line of words with a count; checked ones are marked by a tick, weight and frame."""

    def __init__(self, words: str, count: int, colour: str = "") -> None:
        super().__init__()
        self._count, self._colour = count, colour
        self.setText(words)
        self.setAccessibleName(f"{words}, {count}")
        self.setCheckable(True)
        self.setFixedHeight(max(44, current().metrics.touch - 8))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_count(self, count: int) -> None:
        if count != self._count:
            self._count = count
            self.setAccessibleName(f"{self.text()}, {count}")
            self.update()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        box = self.rect().adjusted(1, 2, -1, -2)
        if self.isChecked():
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.setBrush(theme.colour("surface"))
            painter.drawRoundedRect(box, 8, 8)
        elif self.isDown() or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("raised"))
            painter.drawRoundedRect(box, 8, 8)
        left = 12
        if self._colour:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._colour))
            painter.drawEllipse(left, self.height() // 2 - 7, 14, 14)
            left += 24
        strong = QFont.Weight.DemiBold if self.isChecked() else QFont.Weight.Normal
        painter.setFont(font(16, strong))
        painter.setPen(theme.colour("text" if self._count or self.isChecked() else "quiet"))
        figure = f"{self._count:,}".replace(",", "\u202f")
        used = painter.fontMetrics().horizontalAdvance(figure)
        words = painter.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideMiddle, self.width() - left - used - 28
        )
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(left, 0, self.width() - left, self.height()), flags, words)
        painter.setPen(theme.colour("quiet"))
        painter.drawText(QRect(0, 0, self.width() - 12, self.height()), flags | Qt.AlignmentFlag.AlignRight, figure)
        if self.hasFocus():
            painter.setPen(QPen(theme.colour("action"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 8, 8)
        painter.end()


class Filters(QWidget):
    """`changed` says that another query is asked for."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(WIDTH)
        self._query = Query()
        self.days: tuple[date, date] | None = None  # first and last, both included
        self._rows: dict[tuple[str, str], FilterRow] = {}
        self._shape: object = None
        self._content = QWidget()
        self._lines = QVBoxLayout(self._content)
        self._lines.setContentsMargins(0, 0, 8, 0)
        self._lines.setSpacing(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(self._content))

    @property
    def query(self) -> Query:
        return self._query

    def set_query(self, query: Query) -> None:
        """Shows other filters, without `changed`."""
        self._query = query
        self.days = None
        self._shape = None  # built anew with the next counts
        self._mark()

    def row(self, field: str, value: str) -> FilterRow:
        return self._rows[field, value]

    def show_counts(self, counts: LibraryCounts, types: tuple[DefectType, ...]) -> None:
        groups: list[tuple[str, list[tuple[str, str, str, int, str]]]] = [
            (
                "Label",
                [
                    ("labels", "none", "Not labelled", counts.unlabelled, ""),
                    ("labels", "normal", "Good", counts.normal, ""),
                    ("labels", "anomaly", "Defect", counts.anomaly, ""),
                ],
            ),
            ("Look at", [("only", key, words, _only_count(counts, key), "") for key, words in _ONLY]),
            ("Defect type", [("types", t.name, t.name, counts.types.get(t.name, 0), t.colour) for t in types]),
            (
                "Set",
                [
                    ("splits", key, words, counts.splits.get(key, 0), "")
                    for key, words in (("train", "Training"), ("test", "Testing"), ("none", "Not split"))
                ],
            ),
            ("Source", [("sources", key, key, n, "") for key, n in counts.sources.items()]),
            ("Camera", [("cameras", key, key, n, "") for key, n in counts.cameras.items()]),
        ]
        groups = [(title, rows) for title, rows in groups if rows and not (title == "Source" and len(rows) == 1)]
        shape = [(title, [row[:3] + row[4:] for row in rows]) for title, rows in groups]
        if shape != self._shape:
            self._shape = shape
            self._build(groups)
        for _, rows in groups:
            for field, value, _, count, _ in rows:
                self._rows[field, value].set_count(count)

    def _build(self, groups: list[tuple[str, list[tuple[str, str, str, int, str]]]]) -> None:
        clear(self._lines)
        self._rows.clear()
        for title, rows in groups:
            heading = label(title, "quiet")
            heading.setContentsMargins(12, 12, 0, 4)
            self._lines.addWidget(heading)
            for field, value, words, count, colour in rows:
                made = FilterRow(words, count, colour)
                made.clicked.connect(lambda _on=False, field=field, value=value: self._toggle(field, value))
                self._rows[field, value] = made
                self._lines.addWidget(made)
        self._lines.addWidget(self._days())
        self._lines.addStretch(1)
        self._mark()

    def _days(self) -> QWidget:
        """The day a picture was taken: off until it is asked for."""
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 8)
        layout.setSpacing(8)
        heading = label("Taken", "quiet")
        heading.setContentsMargins(12, 12, 0, 0)
        by_day = Button("By day", "chip", "calendar-range")
        by_day.setCheckable(True)
        today = datetime.now().astimezone().date()
        first = DateField("Taken from", self.days[0] if self.days else today - timedelta(days=7))
        last = DateField("Taken until", self.days[1] if self.days else today)

        def changed() -> None:
            chosen = by_day.isChecked()
            for each in (first, last):
                each.setVisible(chosen)
            low, high = sorted((first.day(), last.day()))
            days = (low, high) if chosen else None
            if days != self.days:
                self.days = days
                self.changed.emit()

        by_day.setChecked(self.days is not None)
        for each in (first, last):
            each.setVisible(self.days is not None)
            each.dateChanged.connect(lambda _day: changed())
        by_day.toggled.connect(lambda _on: changed())
        for each in (heading, by_day, first, last):
            layout.addWidget(each)
        self.by_day, self.first_day, self.last_day = by_day, first, last
        return box

    def _toggle(self, field: str, value: str) -> None:
        if field == "only":
            self._query = replace(self._query, only="" if self._query.only == value else value)
        else:
            self._query = replace(self._query, **{field: getattr(self._query, field) ^ {value}})
        self._mark()
        self.changed.emit()

    def _mark(self) -> None:
        for (field, value), each in self._rows.items():
            now = getattr(self._query, field)
            each.setChecked(now == value if field == "only" else value in now)


def _only_count(counts: LibraryCounts, key: str) -> int:
    return {
        "doubtful": counts.doubtful,
        "surely good": counts.surely_good,
        "surely defect": counts.surely_defect,
        "suspicious": counts.suspicious,
        "disagreement": counts.disagreement,
        "unmasked": counts.anomaly - counts.masked,
        "masked": counts.masked,
        "aside": counts.aside,
    }[key]
