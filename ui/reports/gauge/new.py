"""A new study: its name, pictures with their reference, appraisers and trials."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.domain.gauge import GaugeStudy, advice
from app.gauging import Proposed
from app.pictures import read_picture
from ui.bridge import Bridge
from ui.reports.gauge.photo import Photo
from ui.shared.images import to_qimage
from ui.shared.widgets import Button, Choice, Notice, column, field, finger_scroll, label, row, scrolled, tall
from ui.shared.work import Follower, JobBar
from ui.theme import current

REVIEWED = 60
OUT, GOOD, DEFECT, OPEN = "out", "good", "defect", "open"
_WORDS = {GOOD: "Good", DEFECT: "Defect", OUT: "Left out", OPEN: "Not said yet"}
_CHOOSE = (
    "Choose a folder of pictures, or take parts that were reviewed. Folders called good and defect give the reference."
)


class NewStudy(QWidget):
    """`made` when the study is there, `left` when it is given up."""

    made = Signal()
    left = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.gauging
        self._follower = Follower(self)
        self._proposed: list[Proposed] = []
        self._said: list[str] = []
        self.back = Button("Studies", icon_name="arrow-left", on=self.left.emit)
        self.primary = Button("Make the study", "primary", on=self.make)
        self.bar = JobBar(self._follower)
        self.notice = Notice()
        self.name, self.appraisers = QLineEdit(), QLineEdit()
        self.appraisers.setPlaceholderText("Ann, Bob, Cem")
        self.name.setPlaceholderText("Scratches on plates")
        self.trials = Choice([(str(number), str(number)) for number in (1, 2, 3)], "3")
        self.model = Button("Linesight judges too", "chip")
        self.model.setCheckable(True)
        self.folder = Button("Folder", icon_name="folder-open-outline", on=self.choose)
        self.reviewed = Button("Reviewed parts", on=self.take_reviewed)
        self.count = label(_CHOOSE, "note", wrap=True)
        self.advice = label("", "quiet", wrap=True)
        self.list = QListWidget()
        self.list.setAccessibleName("Pictures and their reference")
        finger_scroll(self.list)
        self.list.currentRowChanged.connect(self._show)
        self.photo = Photo("The picture is shown here.")
        self.buttons = {
            kind: Button(words, on=lambda kind=kind: self.say(kind))
            for kind, words in ((GOOD, "Good"), (DEFECT, "Defect"), (OUT, "Leave out"))
        }
        self._build()
        for editor in (self.appraisers, self.name):
            editor.textEdited.connect(lambda _text: self._tell())
        self.trials.chosen.connect(lambda _key: self._tell())
        self.model.toggled.connect(lambda _on: self._tell())

    def _build(self) -> None:
        inside = QWidget()
        form = QVBoxLayout(inside)
        form.setContentsMargins(0, 0, 8, 0)
        form.setSpacing(16)
        form.addWidget(label("Pictures", "strong"))
        form.addLayout(row(self.folder, self.reviewed, 1))
        form.addWidget(self.count)
        form.addWidget(field("Name", self.name))
        form.addWidget(field("Appraisers", self.appraisers, "The names of who judges, with commas between."))
        form.addWidget(label("Trials each", "strong"))
        form.addLayout(row(self.trials, self.model, 1))
        form.addWidget(self.advice)
        form.addStretch(1)
        right = QWidget()
        said = row(*self.buttons.values())
        panes = column(self.list, self.photo, spacing=8)
        panes.setStretch(0, 2)
        panes.setStretch(1, 3)
        panes.addLayout(said)
        right.setLayout(panes)
        both = QHBoxLayout()
        both.setSpacing(24)
        both.addWidget(scrolled(inside), 46)
        both.addWidget(right, 54)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row(self.back, label("New study", "heading"), 1, self.primary, spacing=16))
        layout.addWidget(self.bar)
        layout.addWidget(self.notice)
        layout.addLayout(both, 1)

    def open(self) -> None:
        """An empty form."""
        self.name.clear()
        self.appraisers.clear()
        self.trials.set_value("3")
        self.model.setChecked(False)
        self.notice.tell("")
        self._take([])
        self.model.setEnabled(False)
        self.model.setToolTip("Nothing is released for this product yet.")
        self._bridge.run(self._desk.model, self._model_known)

    def _model_known(self, name: str) -> None:
        self.model.setEnabled(bool(name))
        self.model.setToolTip(name or "Nothing is released for this product yet.")

    # -- pictures
    def choose(self) -> None:
        dialog = QFileDialog(self, "Folder with the parts' pictures", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(lambda folder: self.take_folder(Path(folder)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def take_folder(self, folder: Path) -> None:
        self.notice.tell("")
        self.bar.run(lambda: self._desk.propose(folder), self._take, self._failed)

    def take_reviewed(self) -> None:
        self.notice.tell("")
        self.bar.run(lambda: self._desk.propose_reviewed(REVIEWED), self._take, self._failed)

    def _take(self, found: list[Proposed]) -> None:
        self._proposed = found
        self._said = [OPEN if each.good is None else GOOD if each.good else DEFECT for each in found]
        self.list.clear()
        for number in range(len(found)):
            item = QListWidgetItem(self._line(number))
            item.setToolTip(found[number].origin)
            self.list.addItem(tall(item, current().metrics.touch))
        self.photo.show_words("The picture is shown here.")
        if found:
            self.list.setCurrentRow(self._said.index(OPEN) if OPEN in self._said else 0)
        for button in self.buttons.values():
            button.setEnabled(bool(found))
        self._tell()

    def _line(self, number: int) -> str:
        return f"{_WORDS[self._said[number]]}: {self._proposed[number].origin}"

    def _show(self, number: int) -> None:
        if not 0 <= number < len(self._proposed):
            return
        path = self._proposed[number].path

        def show(image: QImage) -> None:
            if self.list.currentRow() == number and self._proposed[number].path == path:
                self.photo.show_picture(image)

        self._bridge.run(lambda: to_qimage(read_picture(path)), show, self.photo.show_words)

    def say(self, kind: str) -> None:
        """Sets the reference of the picture on show, and goes on to the next that has none."""
        number = self.list.currentRow()
        if number < 0:
            return
        self._said[number] = kind
        item = self.list.item(number)
        if item is not None:
            item.setText(self._line(number))
        following = [*range(number + 1, len(self._said)), *range(number)]
        waiting = next((each for each in following if self._said[each] == OPEN), None)
        if waiting is not None:
            self.list.setCurrentRow(waiting)
        self._tell()

    # -- what is asked for
    def _names(self) -> list[str]:
        return [name.strip() for name in self.appraisers.text().replace(";", ",").split(",") if name.strip()]

    def _tell(self) -> None:
        counts = {kind: self._said.count(kind) for kind in _WORDS}
        if not self._proposed:
            self.count.setText(_CHOOSE)
            self.advice.setText("")
            return
        words = f"{counts[GOOD]} good, {counts[DEFECT]} defective"
        if counts[OUT]:
            words += f", {counts[OUT]} left out"
        if counts[OPEN]:
            words += f". {counts[OPEN]} still to say: look at each and tap Good, Defect or Leave out"
        self.count.setText(f"{words}.")
        parts = [said == GOOD for said in self._said if said in (GOOD, DEFECT)]
        people = len(self._names()) + self.model.isChecked()
        self.advice.setText("\n".join(advice(parts, people, int(self.trials.value()))) if people else "")

    def make(self) -> None:
        if OPEN in self._said:
            left = self._said.count(OPEN)
            have = "1 picture has" if left == 1 else f"{left} pictures have"
            self._failed(f"{have} no reference yet. Say Good, Defect or Leave out.")
            self.list.setCurrentRow(self._said.index(OPEN))
            return
        both = zip(self._proposed, self._said, strict=True)
        parts = [(each, said == GOOD) for each, said in both if said != OUT]
        if not parts:
            self._failed("Choose the parts' pictures first.")
            return
        name, names, trials = self.name.text(), self._names(), int(self.trials.value())
        with_model = self.model.isChecked()
        self.notice.tell("")
        self.bar.run(
            lambda: self._desk.make(name, parts, names, trials, with_model=with_model), self._done, self._failed
        )

    def _done(self, _study: GaugeStudy) -> None:
        self.made.emit()

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")

    def close_view(self) -> None:
        self._follower.close()
