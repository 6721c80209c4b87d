"""How good a version is: figures with their intervals, curves, defect types, and where it came from."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.versions import CurvePoint, Measure, Metrics, Version
from app.domain.words import number
from ui.shared.plots import Plot, line
from ui.shared.widgets import Card, Notice, clear, label, scrolled
from ui.theme import current
from ui.training.words import between, moment, pictures


class Curve(Plot):
    """A ROC or precision-recall curve; a dot marks the threshold in use, with its words beside it."""

    def __init__(self, name: str, x: str, y: str) -> None:
        self._points: tuple[CurvePoint, ...] = ()
        self._here: tuple[float, float] | None = None
        self._name = name
        self._words = ""
        super().__init__(name, x, y)
        self.setFixedHeight(240)

    def show_points(self, points: tuple[CurvePoint, ...], here: tuple[float, float] | None, words: str) -> None:
        self._points, self._here, self._words = points, here, words
        self.draw_data()

    def draw_data(self) -> None:
        self.clear()
        self.setXRange(0, 1.02, padding=0)
        self.setYRange(0, 1.04, padding=0)
        if self._points:
            xs, ys = [each.x for each in self._points], [each.y for each in self._points]
            self.addItem(line(xs, ys, current().colour("text")))

    def paint_over(self, painter: QPainter) -> None:
        theme = current()
        centre = self.at(0.5, 0.5)
        painter.setPen(theme.colour("text"))
        width = painter.fontMetrics().horizontalAdvance(self._words)
        painter.drawText(QPointF(centre.x() - width / 2, centre.y()), self._words)
        if self._here is not None:
            painter.setBrush(theme.colour("action"))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(self.at(*self._here), 6.0, 6.0)


class MeasuresView(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._figures = QGridLayout()
        self._types = QGridLayout()
        self._about = QGridLayout()
        for grid in (self._figures, self._types, self._about):
            grid.setHorizontalSpacing(16)
            grid.setVerticalSpacing(8)
        self.words = Notice()
        self.roc = Curve("ROC curve", "Good parts rejected", "Defects found")
        self.pr = Curve("Precision and recall", "Recall", "Precision")
        curves = QHBoxLayout()
        curves.setSpacing(8)
        curves.addWidget(self.roc, 1)
        curves.addWidget(self.pr, 1)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(16)
        self._measured = Card("On pictures no training has seen", padding=16)
        self._measured.body.addWidget(self.words)
        self._measured.body.addLayout(self._figures)
        self._curves = Card("Curves", padding=16)
        self._curves.body.addLayout(curves)
        self._kinds = Card("Defect types", padding=16)
        self._kinds.body.addLayout(self._types)
        about = Card("How it was made", padding=16)
        about.body.addLayout(self._about)
        for card in (self._measured, self._curves, self._kinds, about):
            column.addWidget(card)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(content, on_card=True))

    def show_version(self, version: Version) -> None:
        metrics = version.metrics
        for grid in (self._figures, self._types, self._about):
            clear(grid)
        for card in (self._measured, self._curves):
            card.setVisible(metrics is not None)
        self._kinds.setVisible(metrics is not None and bool(metrics.types))
        if metrics is not None:
            self._measure(metrics)
        self._tell_about(version)

    def _measure(self, metrics: Metrics) -> None:
        self.words.tell(metrics.words)
        for place, (name, hint, each) in enumerate(
            (
                ("Recall", "of the defects, found", metrics.recall),
                ("Precision", "of the rejected, truly defects", metrics.precision),
                ("F1", "both in one figure", metrics.f1),
                ("Average precision", "over all thresholds", metrics.average_precision),
                ("ROC AUC", "over all thresholds", metrics.auroc),
            )
        ):
            self._row(self._figures, place, name, hint, each)
        place = 5
        for name, value in (("Pixel ROC AUC", metrics.pixel_auroc), ("AUPRO", metrics.aupro)):
            if value is not None:
                self._row(self._figures, place, name, "of the maps against drawn masks", Measure(value))
                place += 1
        counted = f"{metrics.tp} of {metrics.anomalies} defects found, {metrics.fp} of {metrics.normals} good parts "
        counted += f"rejected, {metrics.retest} to be seen again."
        if metrics.failed:
            counted += f" {pictures(len(metrics.failed))} could not be judged: {metrics.failed[0][1]}"
        self._figures.addWidget(label(counted, "note", wrap=True), place, 0, 1, 4)
        self._figures.setColumnStretch(3, 1)
        good, bad = metrics.tn + metrics.fp, metrics.tp + metrics.fn
        recall = metrics.tp / bad if bad else None
        self.roc.show_points(
            metrics.roc,
            (metrics.fp / good, recall) if recall is not None and good else None,
            f"ROC AUC {number(metrics.auroc.value, 3)}",
        )
        right = metrics.precision.value
        self.pr.show_points(
            metrics.pr,
            (recall, right) if recall is not None and right is not None else None,
            f"AP {number(metrics.average_precision.value, 3)}",
        )
        heads = ("Type", "Found", "Recall", "F1", "IoU of the masks")
        for column, words in enumerate(heads):
            self._types.addWidget(label(words, "quiet"), 0, column)
        for place, kind in enumerate(metrics.types, 1):
            self._types.addWidget(label(kind.name, "strong", wrap=True), place, 0)
            self._types.addWidget(label(f"{kind.found} of {kind.count}"), place, 1)
            for column, each in enumerate((kind.recall, kind.f1, kind.iou), 2):
                words = f"{number(each.value)}\n{between(each)}".strip()
                self._types.addWidget(label(words), place, column)
        self._types.setColumnStretch(0, 1)

    def _row(self, grid: QGridLayout, place: int, name: str, hint: str, each: Measure) -> None:
        grid.addWidget(label(name, "strong"), place, 0)
        grid.addWidget(label(number(each.value, 3), "strong"), place, 1)
        grid.addWidget(label(f"95 %: {between(each)}" if between(each) else "", "note"), place, 2)
        grid.addWidget(label(hint, "quiet", wrap=True), place, 3)

    def _tell_about(self, version: Version) -> None:
        rows = [
            ("Made", f"{moment(version.created_at)}" + (f", by {version.by}" if version.by else "")),
            ("Set", version.dataset or "not written down"),
            ("Pictures", f"{version.normals} good, {version.defects} with defects"),
            ("Set's fingerprint", version.dataset_fingerprint[:16] or "\u2013"),
            ("Released then", version.parent or "nothing"),
            ("Fails from", f"{number(version.threshold, 3)}, seen again from {number(version.retest_from, 3)}"),
            ("Took", f"{version.seconds:.0f} s"),
            *((name[:1].upper() + name[1:], value) for name, value in version.settings),
            ("Model's SHA-256", version.sha256[:16] or "\u2013"),
        ]
        for place, (name, value) in enumerate(rows):
            self._about.addWidget(label(name, "quiet"), place, 0, Qt.AlignmentFlag.AlignTop)
            self._about.addWidget(label(value, wrap=True), place, 1)
        for place, note in enumerate(version.notes, len(rows)):
            self._about.addWidget(label(note, "note", wrap=True), place, 0, 1, 2)
        self._about.setColumnStretch(1, 1)
