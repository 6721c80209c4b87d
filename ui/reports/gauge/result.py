"""What a study found: figures with limits in words, agreement, and the parts that somebody judged wrongly."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.domain.gauge import GaugePart, GaugeStudy, advice
from app.domain.verdict import Verdict
from app.reports.chance import Range
from app.reports.gauge import Grade, Inspector, Rate, Study, kappa_words
from ui.bridge import Bridge
from ui.reports.gauge.photo import Photo
from ui.shared.elided import Elided
from ui.shared.images import to_qimage
from ui.shared.shapes import VerdictShape
from ui.shared.toast import open_folder
from ui.shared.widgets import Button, Card, Notice, clear, column, finger_scroll, label, row, scrolled, tall
from ui.shared.work import Follower, JobBar
from ui.theme import current

SHAPES = {
    Grade.FIT: Verdict.PASS,
    Grade.MARGINAL: Verdict.RETEST,
    Grade.UNFIT: Verdict.FAIL,
    Grade.UNKNOWN: Verdict.ERROR,
}
_SHORT = {
    Grade.FIT: "Acceptable",
    Grade.MARGINAL: "Marginal",
    Grade.UNFIT: "Not acceptable",
    Grade.UNKNOWN: "Not measured",
}
_SAID = {True: "good", False: "defect"}


class ResultView(QWidget):
    """`left` when somebody goes back to the list."""

    left = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.gauging
        self._follower = Follower(self)
        self.study: GaugeStudy | None = None
        self.found: Study | None = None
        self.parts: list[GaugePart] = []
        self.back = Button("Studies", icon_name="arrow-left", on=self.left.emit)
        self.title = Elided("", "heading")
        self.export = Button("Export", "primary", on=self._export)
        self.folder = Button(
            "Folder", icon_name="folder-open-outline", on=lambda: open_folder(bridge.station.data.reports)
        )
        self.bar = JobBar(self._follower)
        self.notice = Notice()
        content = QWidget()
        self._cards = QVBoxLayout(content)
        self._cards.setContentsMargins(0, 0, 8, 0)
        self._cards.setSpacing(16)
        self.wrong = label("", "strong", wrap=True)
        self.list = QListWidget()
        self.list.setAccessibleName("Parts that were judged wrongly")
        finger_scroll(self.list)
        self.list.currentRowChanged.connect(self._show_part)
        self.photo = Photo()
        self.answers = label("", "note", wrap=True)
        right = QWidget()
        panes = column(self.wrong, self.list, self.photo, self.answers, spacing=8)
        panes.setStretch(1, 2)
        panes.setStretch(2, 3)
        right.setLayout(panes)
        both = QHBoxLayout()
        both.setSpacing(24)
        both.addWidget(scrolled(content), 64)
        both.addWidget(right, 36)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        top = row(self.back, self.title, self.folder, self.export, spacing=16)
        top.setStretch(1, 1)
        layout.addLayout(top)
        layout.addWidget(self.bar)
        layout.addWidget(self.notice)
        layout.addLayout(both, 1)

    def open(self, study: GaugeStudy) -> None:
        self.study, self.found, self.parts = study, None, []
        self.title.setText(study.name)
        self.notice.tell("")
        clear(self._cards)
        self.list.clear()
        self.wrong.setText("")
        self.answers.setText("")
        self.photo.show_words("")
        self.export.setEnabled(False)

        def show(result: tuple[Study, list[str]]) -> None:
            if self.study is study:
                self._show(study, *result)

        self._bridge.run(lambda: self._desk.result(study.id), show, self._failed)

    # -- figures
    def _show(self, study: GaugeStudy, found: Study, left: list[str]) -> None:
        self.found = found
        self.export.setEnabled(True)
        reference = [part.good for part in study.parts]
        cautions = advice(reference, len(found.inspectors), study.trials)
        if left:
            cautions.insert(0, f"Left out, since not finished: {', '.join(left)}.")
        for inspector in found.inspectors:
            self._cards.addWidget(self._inspector(inspector, inspector.name == study.model))
        self._cards.addWidget(self._agreement(found))
        if cautions:
            self._cards.addWidget(label("\n".join(cautions), "quiet", wrap=True))
        self._cards.addWidget(
            label(
                "Limits after AIAG MSA, 4th edition: acceptable from 90 % effectiveness, up to 2 % misses and 5 % "
                "false alarms; marginal from 80 %, up to 5 % and 10 %. "
                "The last line is the 95 % interval: what the rate may be.",
                "quiet",
                wrap=True,
            )
        )
        self._cards.addStretch(1)
        self.parts = [study.part(int(name)) for name in found.disputed]
        self.wrong.setText(
            "Judged wrongly at least once, most often first. Tap a part to see who said what."
            if self.parts
            else "Every part was judged as its reference by everybody, each time."
        )
        for part in self.parts:
            wrong = sum(each.good is not part.good for each in study.answers if each.part == part.number)
            of = sum(each.part == part.number for each in study.answers)
            item = QListWidgetItem(f"Part {part.number}, {_SAID[part.good]}: {wrong} of {of} wrong")
            item.setToolTip(part.origin)
            self.list.addItem(tall(item, current().metrics.touch))
        for each in (self.list, self.photo, self.answers):
            each.setVisible(bool(self.parts))
        if self.parts:
            self.list.setCurrentRow(0)

    def _inspector(self, found: Inspector, is_model: bool) -> Card:
        card = Card(padding=16)
        card.body.setSpacing(8)
        head = row(
            VerdictShape(24, SHAPES[found.grade]), Elided(found.name, "heading"), label(_SHORT[found.grade], "strong")
        )
        head.setStretch(1, 1)
        card.body.addLayout(head)
        meaning = found.meaning
        if is_model:
            meaning += " It was shown the same pictures each time, so its repeatability says nothing of the camera."
        card.body.addWidget(label(meaning, wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        rates = (
            ("Effectiveness", found.effectiveness),
            ("Misses", found.missed),
            ("False alarms", found.false_alarms),
            ("Repeatability", found.repeated),
        )
        for place, (name, rate) in enumerate(rates):
            grid.addWidget(label(name, "quiet"), 0, place)
            grid.addWidget(label(_percent(rate), "strong"), 1, place)
            # What AIAG gives no limits for has no word, rather than another one's.
            grid.addWidget(label(_SHORT[rate.grade] if rate.grade is not None else ""), 2, place)
            grid.addWidget(label(f"{rate.count} of {rate.of}", "quiet"), 3, place)
            grid.addWidget(label(_interval(rate), "quiet"), 4, place)
            grid.setColumnStretch(place, 1)
        card.body.addLayout(grid)
        kappa = found.kappa
        card.body.addWidget(label(f"Cohen's kappa against the reference: {_kappa(kappa)}.", "note", wrap=True))
        return card

    def _agreement(self, found: Study) -> Card:
        card = Card("Between appraisers", padding=16)
        card.body.setSpacing(8)
        for (one, other), kappa in found.pairs.items():
            card.body.addWidget(label(f"{one} and {other}: Cohen's kappa {_kappa(kappa)}.", wrap=True))
        fleiss = kappa_words(None) if found.kappa is None else f"{found.kappa:.2f}, {kappa_words(found.kappa)}"
        card.body.addWidget(label(f"All, every trial: Fleiss' kappa {fleiss}.", wrap=True))
        card.body.addWidget(label(f"All say the same of {found.agreed.words} of the parts.", "note", wrap=True))
        card.body.addWidget(label(f"All are right on {found.right.words} of the parts.", "note", wrap=True))
        return card

    # -- a part
    def _show_part(self, number: int) -> None:
        study = self.study
        if study is None or not 0 <= number < len(self.parts):
            return
        part = self.parts[number]
        lines = [f"Reference: {_SAID[part.good]}. Picture: {part.origin}"]
        for name in study.everybody:
            said = [each for each in study.of(name) if each.part == part.number]
            if said:
                words = ", ".join(_SAID[each.good] + (" (retest)" if each.note else "") for each in said)
                lines.append(f"{name}: {words}")
        self.answers.setText("\n".join(lines))

        def show(image: QImage) -> None:
            if self.study is study and self.list.currentRow() == number:
                self.photo.show_picture(image)

        self._bridge.run(lambda: to_qimage(self._desk.picture(study.id, part.number)), show, self.photo.show_words)

    # -- the workbook
    def _export(self) -> None:
        study = self.study
        if study is None:
            return
        self.notice.tell("")
        self.bar.run(
            lambda: self._desk.export(study.id), lambda path: self.notice.tell(f"Saved: {path}", "good"), self._failed
        )

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")

    def close_view(self) -> None:
        self._follower.close()


def _percent(rate: Rate) -> str:
    return "\u2013" if rate.value is None else f"{100 * rate.value:.1f} %"


def _interval(rate: Rate) -> str:
    if rate.value is None:
        return "no such part"
    return f"{100 * rate.low:.0f} to {100 * rate.high:.0f} %"


def _kappa(kappa: Range | None) -> str:
    if kappa is None:
        return kappa_words(None)
    return f"{kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f}), {kappa_words(kappa.value)}"
