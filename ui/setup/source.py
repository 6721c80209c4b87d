"""What is inspected: demo line, camera, stream, video or folder; with a test picture."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from ui.bridge import Bridge, JobWatcher, error_words
from ui.live.sheet import StoredPicture
from ui.ports import ModelEntry
from ui.setup.address import StreamFields, join_stream, split_stream
from ui.setup.cameras import CamerasCard
from ui.setup.held import HeldFields
from ui.setup.industrial import KINDS as INDUSTRIAL
from ui.setup.industrial import IndustrialFields
from ui.shared.fitting import Fitting
from ui.shared.images import fit, to_qimage
from ui.shared.widgets import Button, Card, Choice, Combo, Notice, column, field, label, row

_KINDS = [
    ("demo", "Demo line"),
    ("usb", "USB"),
    ("industrial", "Industrial"),
    ("rtsp", "Network"),
    ("kvs", "Kinesis"),
    ("video", "Video"),
    ("folder", "Folder"),
]
_USB_HELD = (
    ("size", "Size"),
    ("exposure", "Exposure"),
    ("gain", "Gain"),
    ("white_balance", "White, K"),
    ("focus", "Focus"),
)
_USB_WORDS = "A camera that was plugged in just now appears after Look again."
_TEST_SIZE = (800, 600)
_DEMO_MODEL = ""


class SourcePage(QWidget):
    """`started` after the station was told to inspect the chosen source; `training_wanted`: there is no model
    for it yet."""

    started = Signal()
    training_wanted = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._watcher: JobWatcher | None = None
        self._usb_wanted = ""
        self._wanted_model = bridge.station.settings.model
        self._product = bridge.station.settings.product
        self._build()
        self._take(bridge.station.settings.source)

    def _build(self) -> None:
        self.kind = Choice(_KINDS, "demo", roomy=True)
        self.kind.chosen.connect(self._kind_chosen)
        self.fields = Fitting()
        self.usb = Combo()
        self.usb.addItem("Looking for cameras", None)
        self.usb.setEnabled(False)
        self.look = Button("Look again", icon_name="refresh", on=self._look_for_cameras)
        usb = QWidget()
        usb_row = row(self.usb, self.look)
        usb_row.setStretch(0, 1)
        usb.setLayout(usb_row)
        self.usb_words = label(_USB_WORDS, "quiet", wrap=True)
        self.usb.currentIndexChanged.connect(lambda _index: self._edited())
        self.usb.activated.connect(self._ask_sizes)
        self.usb_held = HeldFields(_USB_HELD)
        self.usb_held.changed.connect(self._edited)
        self.industrial = IndustrialFields(self._bridge)
        self.industrial.changed.connect(self._edited)
        self.address = QLineEdit()
        self.address.setPlaceholderText("rtsp://192.168.1.20:554/stream1")
        self.user, self.password = QLineEdit(), QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        stream = QWidget()
        who = QHBoxLayout(stream)
        who.setContentsMargins(0, 0, 0, 0)
        who.setSpacing(8)
        who.addWidget(field("Address", self.address), 3)
        who.addWidget(field("User", self.user), 1)
        who.addWidget(field("Password", self.password), 1)
        self.pace = Choice([("video", "At its own speed"), ("video-fast", "As fast as possible")], "video")
        self.pace.chosen.connect(lambda _key: self._edited())
        self.video, self.folder, self.kinesis = QLineEdit(), QLineEdit(), QLineEdit()
        self.kinesis.setPlaceholderText("line-1")
        pages = {
            "demo": column(
                label(
                    "Plates with bolts, a label and a barcode, drawn by the program as from a conveyor. "
                    "Some have a defect. For trying the station without a camera.",
                    "note",
                    wrap=True,
                ),
                1,
            ),
            "usb": column(
                field("Camera", usb),
                self.usb_held,
                self.usb_words,
                1,
            ),
            "industrial": column(self.industrial, 1),
            "rtsp": column(
                stream,
                label("The camera's manual or its own web page says the address.", "quiet", wrap=True),
                1,
            ),
            "kvs": column(
                field("Stream", self.kinesis),
                label(
                    "A stream of the account under Cloud, which also finds those there are. Watching it costs by the "
                    "gigabyte.",
                    "quiet",
                    wrap=True,
                ),
                1,
            ),
            "video": column(
                self._file_field("Video file", self.video, self._choose_video),
                field("Played", self.pace),
                label(
                    "The film is inspected from its beginning to its end. At its own speed, pictures that come while "
                    "another is judged are passed over, as with a camera; as fast as possible, each one is judged.",
                    "quiet",
                    wrap=True,
                ),
                1,
            ),
            "folder": column(
                self._file_field("Folder", self.folder, self._choose_folder),
                label("Every picture in it is inspected once, in order; new ones as they come.", "quiet", wrap=True),
                1,
            ),
        }
        self._pages = {}
        for key, layout in pages.items():
            page = QWidget()
            page.setLayout(layout)
            self._pages[key] = page
            self.fields.addWidget(page)
        self.model = Combo()
        self._models: list[ModelEntry] = []
        self.model.addItem("Looking for models", "")
        self.model.activated.connect(self._model_picked)
        self.test = Button("Test picture", icon_name="camera-outline", on=self._test)
        self.primary = Button("Inspect this source", "primary", on=self._inspect)
        self.train = Button("Train a model", icon_name="school-outline", on=self.training_wanted.emit)
        self.need = label("", "note", wrap=True)
        self.words = Notice()
        card = Card("What is inspected")
        card.body.addWidget(self.kind)
        card.body.addWidget(self.fields)
        card.body.addWidget(field("Model", self.model))
        buttons = QWidget()
        buttons.setLayout(row(self.test, self.primary, self.train, 1))
        card.body.addWidget(self.need)
        card.body.addWidget(buttons)
        self.picture = StoredPicture()
        self.picture.show_words("The test picture appears here")
        shown = Card("Test picture")
        shown.body.addWidget(self.picture, 1)
        shown.body.addWidget(self.words)
        panes = QHBoxLayout(self)
        panes.setContentsMargins(0, 0, 0, 0)
        panes.setSpacing(24)
        left = QVBoxLayout()
        self.cameras = CamerasCard(self._bridge)
        self.cameras.wanted.connect(self._add_camera)
        left.setSpacing(16)
        left.addWidget(card)
        left.addWidget(self.cameras)
        left.addStretch(1)
        panes.addLayout(left, 62)
        shown.setMinimumHeight(320)
        shown.setMaximumHeight(520)  # what stands beside it may be much higher
        right = QVBoxLayout()
        right.addWidget(shown, 3)
        right.addStretch(1)
        panes.addLayout(right, 38)
        for editor in (self.address, self.user, self.password, self.video, self.folder, self.kinesis):
            editor.textChanged.connect(self._edited)

    def _file_field(self, words: str, editor: QLineEdit, choose) -> QWidget:  # type: ignore[no-untyped-def]
        line = QWidget()
        line.setLayout(row(editor, Button("Choose", icon_name="folder-open-outline", on=choose)))
        editor.setAccessibleName(words)
        return field(words, line)

    # -- reading and writing the fields
    def _take(self, source: str) -> None:
        kind, _, rest = source.partition(":")
        if kind in ("video", "video-fast"):
            self.pace.set_value(kind)
        same = {"rtsps": "rtsp", "rtspu": "rtsp", "video-fast": "video"} | dict.fromkeys(INDUSTRIAL, "industrial")
        kind = same.get(kind, kind)
        if kind not in self._pages:
            kind = "demo"
        if kind == "rtsp":
            parts = split_stream(source)
            self.address.setText(parts.address)
            self.user.setText(parts.user)
            self.password.setText(parts.password)
        elif kind == "usb":
            self._usb_wanted = rest.partition("?")[0]
            self.usb_held.take(source)
        elif kind == "industrial":
            self.industrial.take(source)
        elif kind == "kvs":
            self.kinesis.setText(rest)
        elif kind in ("video", "folder"):
            (self.video if kind == "video" else self.folder).setText(rest)
        self.kind.set_value(kind)
        self._kind_chosen(kind)

    def source(self) -> str:
        """The SOURCE address of what is entered; "" while something is missing."""
        kind = self.kind.value()
        if kind == "demo":
            return "demo"
        if kind == "usb":
            number = self.usb.currentData()
            return "" if number is None else self.usb_held.added_to(f"usb:{number}")
        if kind == "industrial":
            return self.industrial.source()
        if kind == "rtsp":
            return join_stream(StreamFields(self.address.text(), self.user.text(), self.password.text()))
        if kind == "kvs":
            name = self.kinesis.text().strip()
            return f"kvs:{name}" if name else ""
        if kind == "video":
            kind, place = self.pace.value(), self.video.text().strip()
        else:
            place = self.folder.text().strip()
        return f"{kind}:{Path(place).expanduser()}" if place else ""

    def choose_for(self, model: str, product: str) -> None:
        """Preselects a model that was just trained."""
        self._wanted_model, self._product = model, product
        if self.kind.value() == "demo":
            self.kind.set_value("folder")
            self._kind_chosen("folder")
        self._tell(f"Model {model} is ready. Choose what it shall inspect.", "good")
        self.refresh()

    def choose_stream(self, name: str) -> None:
        """Preselects a Kinesis video stream."""
        self._take(f"kvs:{name}")

    def _kind_chosen(self, kind: str) -> None:
        for key, page in self._pages.items():  # only the one that is seen asks for room
            high = QSizePolicy.Policy.Preferred if key == kind else QSizePolicy.Policy.Ignored
            page.setSizePolicy(QSizePolicy.Policy.Preferred, high)
        self.fields.setCurrentWidget(self._pages[kind])
        self._fill_models()
        if kind == "usb":
            self._look_for_cameras()
        if kind == "industrial":
            self.industrial.look_for_cameras()
        self._edited()

    def _edited(self) -> None:
        self._tell("", "")
        ready = bool(self.source())
        self.test.setEnabled(ready and self._watcher is None)
        has_model = self.kind_has_model()
        self.primary.setEnabled(ready and has_model)
        self.cameras.set_ready(ready and has_model)
        self.primary.setVisible(has_model)
        self.train.setVisible(not has_model)
        self.need.setVisible(not has_model)
        self.need.setText("A model of your own parts is needed first. 20 good pictures are enough to make one.")

    def kind_has_model(self) -> bool:
        """Only the demo line can do without a model: it trains its own."""
        return self.kind.value() == "demo" or bool(self.model.currentData())

    # -- models and cameras
    def refresh(self) -> None:
        """Reads the models again."""
        self._bridge.run(self._bridge.station.models, self._show_models)
        self.cameras.refresh()

    def _show_models(self, models: list[ModelEntry]) -> None:
        self._models = sorted(models, key=lambda one: one.created_at, reverse=True)
        self._fill_models()
        words, kind = self.words.text(), self.words.kind
        self._edited()
        self._tell(words, kind)

    def _fill_models(self) -> None:
        """The models that can be used for the kind of source that is chosen."""
        self.model.clear()
        if self.kind.value() == "demo":
            self.model.addItem("The demo line's own model", _DEMO_MODEL)
        for entry in self._models:
            ref = f"{entry.name}@{entry.version}"
            self.model.addItem(f"{ref}, {entry.normals} good pictures", ref)
        if not self.model.count():
            self.model.addItem("No model yet", "")
        index = self.model.findData(self._wanted_model)
        self.model.setCurrentIndex(max(index, 0))
        self.model.setEnabled(self.model.count() > 1 or bool(self.model.currentData()))

    def _model_picked(self) -> None:
        self._wanted_model = self.model.currentData() or ""
        name = self._wanted_model.rpartition("@")[0]
        self._product = name or self._bridge.station.settings.product
        self._edited()

    def _look_for_cameras(self) -> None:
        self.usb.clear()
        self.usb.addItem("Looking for cameras", None)
        self.usb.setEnabled(False)
        self._bridge.run(self._bridge.station.usb_cameras, self._show_cameras, self._no_cameras)

    def _show_cameras(self, cameras: list[tuple[int, str]]) -> None:
        self.usb.clear()
        for number, name in cameras:
            self.usb.addItem(name, number)
            if str(number) == self._usb_wanted:
                self.usb.setCurrentIndex(self.usb.count() - 1)
        if not cameras:
            self.usb.addItem("No camera found", None)
        self.usb.setEnabled(bool(cameras))
        self._edited()
        self._ask_sizes()

    def _ask_sizes(self) -> None:
        """Says which sizes the chosen camera gives; not of the one that is inspecting, which must not be disturbed."""
        number, source = self.usb.currentData(), self._bridge.station.state().source
        self.usb_words.setText(_USB_WORDS)
        if number is None or source.partition("?")[0] == f"usb:{number}":
            return

        def show(sizes: list[tuple[int, int]]) -> None:
            if sizes and self.usb.currentData() == number:
                self.usb_words.setText("It gives " + ", ".join(f"{width}x{height}" for width, height in sizes) + ".")

        self._bridge.run(lambda: self._bridge.station.usb_sizes(number), show, lambda _words: None)

    def _no_cameras(self, words: str) -> None:
        self._show_cameras([])
        self._tell(words, "bad")

    def _choose_video(self) -> None:
        self._choose(self.video, QFileDialog.FileMode.ExistingFile)

    def _choose_folder(self) -> None:
        self._choose(self.folder, QFileDialog.FileMode.Directory)

    def _choose(self, editor: QLineEdit, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "Choose", editor.text() or str(Path.home()))
        dialog.setFileMode(mode)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(editor.setText)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    # -- test and start
    def _test(self) -> None:
        source = self.source()
        if not source or self._watcher is not None:
            return
        self._tell("", "")
        self.picture.show_words("Opening the source")
        self._watcher = JobWatcher(self._bridge.station.check_source(source), self)
        self._watcher.ended.connect(self._tested)
        self.test.setEnabled(False)

    def _tested(self) -> None:
        assert self._watcher is not None
        job = self._watcher.job
        self._watcher.deleteLater()
        self._watcher = None
        self.test.setEnabled(bool(self.source()))
        if job.error is not None:
            self.picture.show_words("No picture")
            self._tell(error_words(job.error), "bad")
            return

        def small() -> tuple[QImage, tuple[int, int]]:
            picture = job.result()
            size = (picture.shape[1], picture.shape[0])
            return to_qimage(picture, fit(size, _TEST_SIZE)), size

        self._bridge.run(small, self._show_test)

    def _show_test(self, made: tuple[QImage, tuple[int, int]]) -> None:
        image, size = made
        self.picture.show_picture(image)
        self._tell(f"The source works: a picture of {size[0]} x {size[1]} pixels came.", "good")

    def _inspect(self) -> None:
        source, model = self.source(), self.model.currentData() or ""
        product = self._product if model else ""
        self.primary.setEnabled(False)
        self._bridge.run(
            lambda: self._bridge.station.inspect_source(source, model, product),
            lambda _none: self._begun(),
            self._refused,
        )

    def _add_camera(self, name: str) -> None:
        source, model = self.source(), self.model.currentData() or ""
        product = model.rpartition("@")[0]
        self.cameras.set_ready(False)
        self._bridge.run(
            lambda: self._bridge.station.beside.add(name, source, model, product),
            lambda _none: self._camera_added(name),
            self._camera_refused,
        )

    def _camera_added(self, name: str) -> None:
        self._edited()
        self.cameras.added(name)

    def _camera_refused(self, words: str) -> None:
        self._edited()
        self.cameras.words.tell(words, "bad")

    def _begun(self) -> None:
        self._edited()
        self.started.emit()

    def _refused(self, words: str) -> None:
        self._edited()
        self._tell(words, "bad")

    def _tell(self, words: str, kind: str) -> None:
        self.words.tell(words, kind or "mention")

    def close_page(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
