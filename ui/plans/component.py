"""One component of a plan: names, model, checklist and how it should look."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app.domain.frame import Image
from app.domain.plan import PlanCheckpoint, PlanComponent
from app.rounds import Reference
from ui.bridge import Bridge
from ui.live.sheet import StoredPicture
from ui.ports import ModelEntry
from ui.shared.images import fit, to_qimage
from ui.shared.widgets import Button, Combo, Notice, field, row, scrolled
from ui.shared.work import Follower

_SHOWN = (640, 480)
_PICTURES = "Pictures (*.jpg *.jpeg *.png *.bmp *.tif *.tiff *.webp)"
_BY_MODEL = "="  # between a line of the checklist and the model's checkpoint


class ComponentForm(QWidget):
    """`changed` carries the component, and a reference picture that is new or None."""

    changed = Signal(object, object)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.rounds
        self._follower = Follower(self)
        self._component: PlanComponent | None = None
        self._opening = False
        self.key, self.name = QLineEdit(), QLineEdit()
        self.key.setMaxLength(40)
        self.name.setMaxLength(80)
        self.model = Combo()
        self.points = QPlainTextEdit()
        self.points.setFixedHeight(132)
        self.points.setTabChangesFocus(True)
        self.picture = StoredPicture()
        self.picture.setMinimumHeight(160)
        self.take = Button("Take picture", icon_name="camera-outline", on=self._take)
        self.choose = Button("Choose file", icon_name="folder-open-outline", on=self._choose)
        self.notice = Notice()
        inside = QWidget()
        form = QVBoxLayout(inside)
        form.setContentsMargins(0, 0, 8, 0)
        form.setSpacing(16)
        form.addWidget(field("Name", self.name))
        form.addWidget(field("Short name", self.key, "In file names and QR codes, photographs are told by it."))
        form.addWidget(field("Model", self.model))
        hint = "One a line. What a checkpoint of the model answers: bolt 2 present = bolt 2."
        form.addWidget(field("Check", self.points, hint))
        form.addWidget(self.picture)
        form.addWidget(self.notice)
        form.addLayout(row(self.take, self.choose, 1))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        area = scrolled(inside)
        area.setStyleSheet("QWidget[kind='ground'] { background: transparent; }")  # it stands on a card
        layout.addWidget(area)
        for editor in (self.key, self.name):
            editor.textEdited.connect(lambda _text: self._tell())
        self.points.textChanged.connect(self._tell)
        self.model.activated.connect(lambda _index: self._tell())

    def list_models(self) -> None:
        """Asks for the models there are."""
        self._bridge.run(self._bridge.station.models, self._models)

    def _models(self, models: list[ModelEntry]) -> None:
        self.model.clear()
        self.model.addItem("None: a person judges", "")
        for name in dict.fromkeys(each.name for each in models):
            self.model.addItem(f"{name}, the newest", name)
        for each in models:
            self.model.addItem(f"{each.name}@{each.version}", f"{each.name}@{each.version}")
        if self._component is not None:
            self._show_model(self._component.model)

    def _show_model(self, model: str) -> None:
        if self.model.findData(model) < 0:
            self.model.addItem(f"{model}, not here yet", model)
        self.model.setCurrentIndex(self.model.findData(model))

    def open(self, component: PlanComponent) -> None:
        self._component, self._opening = component, True
        self.key.setText(component.key)
        self.name.setText(component.name)
        self._show_model(component.model)
        lines = [
            f"{each.name} {_BY_MODEL} {each.of_model}" if each.of_model else each.name for each in component.checkpoints
        ]
        self.points.setPlainText("\n".join(lines))
        self.notice.tell("")
        self._opening = False
        self.picture.show_words("No picture of how it should look")
        sha256 = component.reference
        if sha256:

            def show(image: QImage | None) -> None:
                if self._component is not None and self._component.reference == sha256 and image is not None:
                    self.picture.show_picture(image)

            self._bridge.run(lambda: _image(self._desk.reference_picture(sha256)), show)

    def _tell(self, picture: Reference | None = None) -> None:
        before = self._component
        if self._opening or before is None:
            return
        points = []
        for line in self.points.toPlainText().splitlines():
            name, _, of_model = line.partition(_BY_MODEL)
            if name.strip():
                points.append(PlanCheckpoint(name.strip(), of_model.strip()))
        self._component = PlanComponent(
            self.key.text().strip(),
            self.name.text().strip() or self.key.text().strip(),
            self.model.currentData() or "",
            tuple(points),
            picture.sha256 if picture is not None else before.reference,
        )
        self.changed.emit(self._component, picture)

    # -- how it should look
    def _take(self) -> None:
        self.notice.tell("")
        source = self._bridge.station.settings.source
        self._follower.follow(lambda: self._bridge.station.check_source(source), self._use, self._failed)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "How it should look", str(Path.home()), _PICTURES)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(lambda file: self.take_file(Path(file)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def take_file(self, path: Path) -> None:
        self._use(path)

    def _use(self, picture: Path | Image) -> None:
        wanted = self._component

        def make() -> tuple[Reference, QImage | None]:
            made = self._desk.reference(picture)
            return made, _image(made.picture())

        def show(made: tuple[Reference, QImage | None]) -> None:
            if self._component is not wanted or made[1] is None:
                return  # another component is open meanwhile
            self.picture.show_picture(made[1])
            self._tell(made[0])

        self._bridge.run(make, show, self._failed)

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")

    def close_form(self) -> None:
        self._follower.close()


def _image(picture: Image | None) -> QImage | None:
    return None if picture is None else to_qimage(picture, fit((picture.shape[1], picture.shape[0]), _SHOWN))
