"""What is trained: product, the set with its counts, what to learn, and where."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu, QSizePolicy, QVBoxLayout, QWidget

from app.domain.training import DatasetSummary
from app.domain.versions import TrainingPlan
from app.improving import DatasetChoice, ImproveDesk, PlaceChoice
from ui.bridge import Bridge
from ui.shared.widgets import Button, Card, Combo, Notice, clear, field, label, row, scrolled
from ui.theme import current
from ui.theme.theme import font
from ui.training.words import moment, pictures

_SETTLE_MS = 400
_PROBLEMS = 4
"""So many are shown one by one."""
_ENOUGH = "20 to 40 good pictures are enough. Pictures of defects say how sure it is."
_LEARN = (
    ("good parts and defects", "Defects as well"),
    ("good parts", "Good parts alone"),
)
_SIZES = ((None, "Usual, 256 px"), (384, "Finer, 384 px: slower"), (512, "Finest, 512 px: slowest"))


class Balance(QWidget):
    """Good parts and each kind of defect as a bar with its number."""

    _LINE = 28

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, int, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(0)

    def show_summary(self, summary: DatasetSummary | None) -> None:
        self.rows = []
        if summary is not None:
            self.rows = [("Good", summary.normals, "quiet")]
            kinds = {("Defect" if name == "anomaly" else name): count for name, count in summary.types.items()}
            self.rows += [(name, count, "failed") for name, count in kinds.items()]
            untold = summary.anomalies - sum(summary.types.values())
            if untold > 0:
                self.rows.append(("Defect, no type", untold, "failed"))
        self.setFixedHeight(self._LINE * len(self.rows))
        self.setAccessibleName(", ".join(f"{name} {count}" for name, count, _ in self.rows))
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        theme = current()
        painter.setFont(font(14))
        most = max((count for _, count, _ in self.rows), default=1) or 1
        name_room, number_room = self.width() * 0.42, 44
        room = self.width() - name_room - number_room
        for place, (name, count, ink) in enumerate(self.rows):
            y = place * self._LINE
            painter.setPen(theme.colour("text"))
            words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, round(name_room) - 8)
            painter.drawText(QRectF(0, y, name_room, self._LINE), Qt.AlignmentFlag.AlignVCenter, words)
            painter.fillRect(
                QRectF(name_room, y + 9, max(2.0, room * count / most), self._LINE - 18), theme.colour(ink)
            )
            right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(QRectF(self.width() - number_room, y, number_room, self._LINE), right, str(count))
        painter.end()


class SetPanel(Card):
    """`train` carries a TrainingPlan; `touched` says that somebody chooses what to train."""

    train_wanted = Signal(object)
    touched = Signal()

    def __init__(self, bridge: Bridge, desk: ImproveDesk) -> None:
        super().__init__("The set", padding=16)
        self._bridge, self._desk = bridge, desk
        self._summary: DatasetSummary | None = None
        self._described = ""
        self._turn = 0
        self._places: list[PlaceChoice] = []
        self._starting = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._describe)
        self.product = QLineEdit()
        self.product.setPlaceholderText("for example: Cover plate")
        self.product.setMaxLength(60)
        self.product.textChanged.connect(lambda _text: self._update())
        self.library = Combo()
        self.library.view().setMinimumWidth(400)
        self.library.activated.connect(self._choose_library)
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("or drop a folder or manifest")
        self.folder.setAccessibleName("Folder, manifest or snapshot")
        self.folder.textChanged.connect(self._folder_changed)
        self.choose = Button("", icon_name="folder-open-outline", on=self._choose_menu)
        self.choose.setAccessibleName("Choose a folder or a file")
        self.choose.setToolTip("Choose a folder or a file")
        place = QWidget()
        place.setLayout(row(self.folder, self.choose))
        self.counts = label(_ENOUGH, "note", wrap=True)
        self.balance = Balance()
        self._notes = QVBoxLayout()
        self._notes.setContentsMargins(0, 0, 0, 0)
        self._notes.setSpacing(8)
        notes = QWidget()
        notes.setLayout(self._notes)
        self.learn, self.fineness, self.place = Combo(), Combo(), Combo()
        for key, words in _LEARN:
            self.learn.addItem(words, key)
            self.learn.view().setMinimumWidth(320)
        for side, words in _SIZES:
            self.fineness.addItem(words, side)
        self.learn.currentIndexChanged.connect(lambda _index: self._update())
        self.train = Button("Train", "primary", on=self._train)
        self.result = Notice()
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(12)
        for each in (
            field("Product", self.product),
            field("Pictures", self.library),
            place,
            self.counts,
            self.balance,
            notes,
            field("What to learn", self.learn),
            field("How fine", self.fineness),
            field("Where", self.place),
        ):
            column.addWidget(each)
        column.addStretch(1)
        area = scrolled(content, on_card=True)
        self.body.setSpacing(12)
        self.body.addWidget(area, 1)
        self.body.addWidget(self.result)
        self.body.addWidget(self.train)
        self.show_datasets([])
        self.show_places(desk.places())
        self._update()

    # -- what there is to choose
    def show_datasets(self, found: list[DatasetChoice]) -> None:
        self.library.blockSignals(True)
        self.library.clear()
        self.library.addItem("From Label" if found else "No library yet", "")
        for each in found:
            words = f"{each.library}, as it is now"
            if each.made_at is not None:
                words = f"Snapshot {each.number} of {each.library}, {moment(each.made_at)}"
            self.library.addItem(words, str(each.path))
        self._mark_library()
        self.library.blockSignals(False)
        self._known = {str(each.path): each for each in found}

    def _mark_library(self) -> None:
        self.library.setCurrentIndex(max(0, self.library.findData(self.folder.text().strip())))

    def show_places(self, places: list[PlaceChoice]) -> None:
        if places == self._places:
            return
        self._places = places
        self.place.clear()
        for each in places:
            self.place.addItem(each.title + (f": {each.words}" if each.words else ""), each.where)

    def _choose_library(self, _index: int) -> None:
        path = self.library.currentData()
        if path:
            self.folder.setText(path)
            if not self.product.text().strip():
                self.product.setText(self._known[path].library[:60])

    def _choose_menu(self) -> None:
        menu = QMenu(self)
        menu.addAction("A folder of pictures", self.choose_folder)
        menu.addAction("A manifest or archive", lambda: self._dialog(QFileDialog.FileMode.ExistingFile))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.choose.mapToGlobal(self.choose.rect().bottomLeft()))

    def choose_folder(self) -> None:
        """Opens the dialog for a folder."""
        self._dialog(QFileDialog.FileMode.Directory)

    def _dialog(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "Pictures to learn from", self.folder.text() or str(Path.home()))
        dialog.setFileMode(mode)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(lambda place: self.take(Path(place)))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def take(self, place: Path, product: str = "") -> None:
        """As if the user had chosen it; names the product after it where no name is given."""
        self.folder.setText(str(place))
        if product:
            self.product.setText(product[:60])
        elif not self.product.text().strip():
            self.product.setText((place.stem if place.is_file() else place.name)[:60])

    # -- what it holds
    def _folder_changed(self) -> None:
        self._summary = None
        self._described = ""
        self._settle.start()
        self.result.tell("")
        self._mark_library()
        self.touched.emit()
        self._update()

    def _describe(self) -> None:
        words = self.folder.text().strip()
        self._turn += 1
        turn = self._turn
        if not words:
            self._tell(_ENOUGH)
            return
        self._tell("Looking at the pictures")

        def come(summary: DatasetSummary) -> None:
            if turn == self._turn and words == self.folder.text().strip():
                self._summary, self._described = summary, words
                self._tell("", summary.advice, summary.problems)
                self._update()

        def failed(error: str) -> None:
            if turn == self._turn:
                self._tell("", (), (error,))

        self._bridge.run(lambda: self._desk.describe(Path(words)), come, failed)

    def _tell(self, words: str, advice: tuple[str, ...] = (), problems: tuple[str, ...] = ()) -> None:
        self.counts.setText(words)
        self.counts.setVisible(bool(words))
        self.balance.show_summary(self._summary)
        clear(self._notes)
        more = len(problems) - _PROBLEMS
        for line in (*problems[:_PROBLEMS], *([f"And {more} more like these."] if more > 0 else [])):
            self._notes.addWidget(Notice(line, "bad"))
        for line in advice:
            self._notes.addWidget(Notice(line))

    @property
    def notes(self) -> list[str]:
        """Advice and problems on show."""
        shown = (self._notes.itemAt(i) for i in range(self._notes.count()))
        return [item.widget().text() for item in shown if item is not None]  # type: ignore[union-attr]

    # -- training
    @property
    def ready(self) -> bool:
        """Whether a training can be asked for."""
        enough = self._summary is not None and self._summary.enough
        return enough and bool(self.product.text().strip()) and not self._starting

    def _update(self) -> None:
        summary = self._summary
        # Problems are shown and do not bar the way: a bad line of a manifest is left out, the others are used.
        defects = self.learn.currentData() == "good parts and defects"
        count = summary.normals + (summary.anomalies if defects else 0) if summary is not None else 0
        self.train.setText(f"Train on {pictures(count)}" if count else "Train")
        self.train.setEnabled(self.ready)

    def _train(self) -> None:
        if self.ready:
            self._starting = True
            self._update()
            self.train_wanted.emit(
                TrainingPlan(
                    self.product.text().strip(),
                    Path(self._described).expanduser(),
                    self.learn.currentData(),
                    self.fineness.currentData(),
                    self.place.currentData() or "station",
                )
            )

    def asked(self, error: str = "") -> None:
        """The training waits in the queue, or could not be asked for."""
        self._starting = False
        self.result.tell(error, "bad")
        self._update()

    def close_panel(self) -> None:
        self._settle.stop()
