"""Name, folder, counts, train, inspect: one primary button that says what will happen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.domain.errors import Cancelled
from ui.bridge import Bridge, JobWatcher, attempt, error_words
from ui.ports import DatasetSummary, ModelEntry, Phase, TrainedModel
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Card, Notice, clear, column, finger_scroll, label, number, row, scrolled, tall
from ui.theme import current

_SETTLE_MS = 400
_PROBLEMS = 4
"""So many are shown one by one."""
_MANIFESTS = (".manifest", ".jsonl", ".json", ".csv", ".tsv", ".zip", ".snapshot")
_TAKES = "Takes about ten seconds. The pictures stay on this computer."
_ENOUGH = "20 to 40 good pictures are enough. Pictures of defects are welcome, not needed."


class Step(QWidget):
    """A numbered step with its content."""

    def __init__(self, number_: int, words: str, *content: QWidget) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        figure = label(str(number_), "heading")
        figure.setFixedWidth(24)
        figure.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout.addWidget(figure, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(column(label(words, "strong"), *content), 1)


class TrainPage(QWidget):
    """`inspect_with` carries model and product for the choice of a source."""

    inspect_with = Signal(str, str)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._summary: DatasetSummary | None = None
        self._described = ""
        self._watcher: JobWatcher | None = None
        self._trained: TrainedModel | None = None
        self.setAcceptDrops(True)
        self.setProperty("kind", "ground")
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._describe)
        self._build()
        bridge.state.connect(self._state_changed)
        self._update()

    def _build(self) -> None:
        self.product = QLineEdit()
        self.product.setPlaceholderText("for example: Cover plate")
        self.product.setMaxLength(60)
        self.product.setAccessibleName("Product name")
        self.product.textChanged.connect(self._changed)
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("Type or drop a folder or a manifest")
        self.folder.setAccessibleName("Folder of good pictures")
        self.folder.textChanged.connect(self._folder_changed)
        self.choose = Button("Choose folder", icon_name="folder-open-outline", on=self._choose)
        place = QWidget()
        place.setLayout(row(self.folder, self.choose))
        self.counts = label(_ENOUGH, "note", wrap=True)
        self._notes = QVBoxLayout()
        self._notes.setSpacing(8)
        notes = QWidget()
        notes.setLayout(self._notes)
        self._notes.setContentsMargins(0, 0, 0, 0)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.doing = Elided("", "note")
        self.takes = label(_TAKES, "note", wrap=True)
        self.train = Button("Train", "primary", on=self._train)
        self.cancel = Button("Cancel", on=self._cancel)
        self.inspect = Button("Inspect with it", "primary", on=self._inspect)
        self.again = Button("Train another", on=self._again)
        for button in (self.train, self.inspect):
            button.setMinimumWidth(280)
        training, ready = QWidget(), QWidget()
        going = row(spacing=16)
        bar = column(1, self.doing, self.progress, 1)
        going.addLayout(bar, 1)
        going.addWidget(self.cancel)
        self.going = QWidget()
        self.going.setLayout(going)
        training.setLayout(row(self.train, self.takes, spacing=16))
        ready.setLayout(row(self.inspect, self.again, 1))
        self.result = Notice()
        self.then = label("A camera, a video or a folder.", "note", wrap=True)
        card = Card("Inspect your own parts")
        card.body.setSpacing(12)
        card.body.addWidget(Step(1, "Name the product", self.product))
        card.body.addWidget(Step(2, "Choose a folder of pictures of good parts", place))
        card.body.addWidget(Step(3, "Check what was found", self.counts, notes))
        card.body.addWidget(Step(4, "Train", training, self.going, self.result))
        card.body.addWidget(Step(5, "Choose what to inspect with it", self.then, ready))
        content = QWidget()
        card.body.addStretch(1)
        content.setLayout(column(card))
        self.models = QListWidget()
        self.models.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.models.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        finger_scroll(self.models)
        self.no_models = label("No model yet. The first one appears here once it is trained.", "note", wrap=True)
        right = Card("Models")
        right.body.addWidget(self.no_models)
        right.body.addWidget(self.models, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(24)
        layout.addWidget(scrolled(content), 64)
        layout.addWidget(right, 36)

    # -- step 2 and 3
    def _choose(self) -> None:
        dialog = QFileDialog(self, "Folder of good pictures", self.folder.text() or str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def dragEnterEvent(self, event):  # type: ignore[no-untyped-def]
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event):  # type: ignore[no-untyped-def]
        places = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if places:
            itself = places[0].is_dir() or places[0].suffix.lower() in _MANIFESTS
            self.take_folder(places[0] if itself else places[0].parent)
            event.acceptProposedAction()

    def take_folder(self, folder: Path) -> None:
        """As if the user had chosen it; names the product after it where no name is given."""
        self.folder.setText(str(folder))
        if not self.product.text().strip():
            self.product.setText(folder.stem[:60] if folder.is_file() else folder.name[:60])

    def take_set(self, snapshot: Path, product: str) -> None:
        """A set from the labelling workspace, of a library called `product`."""
        self._again()
        self.product.setText(product[:60])
        self.folder.setText(str(snapshot))

    def _folder_changed(self) -> None:
        self._summary = None
        self._described = ""
        self._settle.start()
        self._update()

    def _changed(self) -> None:
        self._update()

    def _describe(self) -> None:
        words = self.folder.text().strip()
        if not words:
            self._tell_counts(_ENOUGH)
            return
        self._tell_counts("Looking at the pictures")
        place = Path(words).expanduser()
        self._bridge.run(
            lambda: self._bridge.station.describe_dataset(place),
            lambda summary: self._described_as(words, summary),
            lambda error: self._not_described(words, error),
        )

    def _described_as(self, words: str, summary: DatasetSummary) -> None:
        if words != self.folder.text().strip():
            return  # another folder was typed meanwhile
        self._summary = summary
        self._described = words
        found = f"{summary.normals} good pictures"
        if summary.anomalies:
            kinds = ", ".join(f"{count} {name}" for name, count in summary.types.items())
            named = list(summary.types) not in ([], ["anomaly"])
            found += f", {summary.anomalies} with defects" + (f" ({kinds})" if named else "")
        self._tell_counts(found, summary.advice, summary.problems)
        self._update()

    def _not_described(self, words: str, error: str) -> None:
        if words == self.folder.text().strip():
            self._tell_counts("", (), (error,))
            self._update()

    def _tell_counts(self, words: str, advice: tuple[str, ...] = (), problems: tuple[str, ...] = ()) -> None:
        self.counts.setText(words)
        self.counts.setVisible(bool(words))
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

    # -- steps 4 and 5
    def _inspect(self) -> None:
        if self._trained is not None:
            self.inspect_with.emit(str(self._trained.ref), self.product.text().strip())

    def _train(self) -> None:
        if self._summary is None or self._watcher is not None:
            return
        folder = Path(self._described).expanduser()
        self.result.tell("")
        product = self.product.text().strip()
        job = attempt(lambda: self._bridge.station.train(folder, product), lambda words: self.result.tell(words, "bad"))
        if job is None:
            return
        self._watcher = JobWatcher(job, self)
        self._watcher.changed.connect(self._progressed)
        self._watcher.ended.connect(self._ended)
        self._update()

    def _progressed(self) -> None:
        if self._watcher is None:
            return
        progress = self._watcher.job.progress
        self.progress.setRange(0, 0 if progress.fraction is None else 1000)
        if progress.fraction is not None:
            self.progress.setValue(round(1000 * progress.fraction))
        self.doing.setText(progress.words)

    def _ended(self) -> None:
        assert self._watcher is not None
        job = self._watcher.job
        self._watcher.deleteLater()
        self._watcher = None
        error = job.error
        if error is None:
            done: TrainedModel = job.result()
            self._trained = done
            notes = " ".join(done.notes)
            self._tell_result(
                f"Model {done.ref} is ready: it learned {done.normals} good pictures in {number(done.seconds, 1)} s. "
                f"A part fails from a score of {number(done.threshold)}. {notes}".strip(),
                "good",
            )
        elif isinstance(error, Cancelled):
            self._tell_result("Training was stopped. Nothing was changed.", "mention")
        else:
            self._tell_result(error_words(error), "bad")
        self.refresh()
        self._update()

    def _tell_result(self, words: str, kind: str) -> None:
        self.result.tell(words, kind)

    def _cancel(self) -> None:
        if self._watcher is not None:
            self._watcher.job.cancel()
            self.doing.setText("Stopping")

    def _again(self) -> None:
        self._trained = None
        self.result.tell("")
        self.folder.clear()
        self.product.clear()
        self._update()
        self.product.setFocus()

    def _update(self) -> None:
        busy = self._watcher is not None
        elsewhere = not busy and self._bridge.station.state().phase == Phase.TRAINING
        normals = self._summary.normals if self._summary is not None else 0
        # Problems are shown and do not bar the way: a bad line of a manifest is left out, the others are used.
        enough = self._summary is not None and self._summary.enough
        ready = enough and bool(self.product.text().strip())
        self.train.setText(f"Train on {normals} pictures" if normals else "Train")
        self.train.setEnabled(ready and not busy and not elsewhere)
        self.train.setVisible(self._trained is None and not busy)
        self.inspect.setVisible(self._trained is not None)
        self.then.setVisible(self._trained is None)
        for editor in (self.product, self.folder, self.choose):
            editor.setEnabled(not busy and self._trained is None)
        self.going.setVisible(busy)
        self.again.setVisible(self._trained is not None)
        self.takes.setVisible(self._trained is None and not busy)
        self.takes.setText("The station is training another model; wait until it is done." if elsewhere else _TAKES)

    def _state_changed(self) -> None:
        self._update()
        if self.isVisible():
            self.refresh()

    # -- right: models
    def refresh(self) -> None:
        """Reads the models again."""
        self._bridge.run(self._bridge.station.models, self._show_models)

    def _show_models(self, models: list[ModelEntry]) -> None:
        used = self._bridge.station.state().model
        self.models.clear()
        self.no_models.setVisible(not models)
        self.models.setVisible(bool(models))
        for model in sorted(models, key=lambda entry: entry.created_at, reverse=True):
            in_use = used is not None and (used.name, used.version) == (model.name, model.version)
            made = f"{model.created_at.astimezone():%d %b %Y, %H:%M}"
            head = f"{model.name}@{model.version}" + ("   \u25cf in use" if in_use else "")
            item = QListWidgetItem(f"{head}\n{model.normals} good pictures, {made}")
            font = item.font()
            font.setBold(in_use)
            item.setFont(font)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.models.addItem(tall(item, current().metrics.touch + 16))

    def close_page(self) -> None:
        self._settle.stop()
        if self._watcher is not None:
            self._watcher.close()
