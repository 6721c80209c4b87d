"""The Label workspace: a library, its pictures, and everything that is said about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from app.domain.errors import LinesightError
from app.domain.labelling import Query
from app.domain.verdict import Verdict
from app.labelling import Added, Helped, LabellingDesk, LibraryEntry
from ui.bridge import Bridge
from ui.labeling.browse import Browse
from ui.labeling.checkpoints import CheckpointView
from ui.labeling.disagreements import Disagreements
from ui.labeling.drawing import Drawing
from ui.labeling.sets import SetView
from ui.labeling.start import StartView
from ui.labeling.words import added_words, helped_words
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Choice, set_kind
from ui.shared.work import Follower

_SAID_MS = 15_000
_VIEWS = [("pictures", "Pictures"), ("set", "Set"), ("checkpoints", "Checkpoints"), ("disagreements", "Disagreements")]
_ENDINGS = "*.jpg *.jpeg *.png *.bmp *.tif *.tiff *.webp *.mp4 *.avi *.mkv *.mov *.zip *.manifest *.jsonl *.csv *.json"
_FILES = f"Pictures, videos, archives and data sets ({_ENDINGS});;All files (*)"


class LabelPage(QWidget):
    """`train_wanted` carries the path of a snapshot to learn from."""

    train_wanted = Signal(str)

    def __init__(self, bridge: Bridge, desk: LabellingDesk) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, desk
        self._place: Path | None = None
        self._began = False
        self._follower = Follower(self)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_SAID_MS)
        self._quiet.timeout.connect(lambda: self.said.setText(""))
        self.setAcceptDrops(True)
        self.setProperty("kind", "ground")
        self._build()
        self._connect()
        self._update()

    def _build(self) -> None:
        self.library = Button("", icon_name="folder-multiple-image", on=self._library_menu)
        self.library.setToolTip("The open library; tap to change")
        self.view = Choice(_VIEWS, "pictures")
        self.undo = Button("Undo", icon_name="undo")
        self.redo = Button("", icon_name="redo")
        self.redo.setToolTip("Do again (Ctrl+Y)")
        self.redo.setAccessibleName("Do again")
        self.help = Button("Sort with a model", icon_name="sort-variant")
        self.add = Button("Add pictures", icon_name="image-plus-outline", on=self._add_menu)
        self.said = Elided("", "note")
        self.top = QWidget()
        top = QHBoxLayout(self.top)
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(8)
        top.addWidget(self.library)
        top.addWidget(self.view)
        top.addStretch(1)
        for each in (self.undo, self.redo, self.help, self.add):
            top.addWidget(each)
        self.start = StartView()
        self.browse = Browse(self._bridge, self._desk, self._follower)
        self.set = SetView(self._bridge, self._desk, self._follower)
        self.checkpoints = CheckpointView(self._bridge, self._desk, self._follower)
        self.disagreements = Disagreements(self._bridge, self._desk, self._follower)
        self.drawing = Drawing(self._bridge, self._desk, self._follower)
        self.stack = QStackedWidget()
        for each in (self.start, self.browse, self.set, self.checkpoints, self.disagreements, self.drawing):
            self.stack.addWidget(each)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(self.top)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.said)

    def _connect(self) -> None:
        self.start.make.connect(self._make)
        self.start.open.connect(self.open_library)
        self.view.chosen.connect(self.show_view)
        self.undo.clicked.connect(self.browse.undo)
        self.redo.clicked.connect(self.browse.redo)
        self.help.clicked.connect(self._help)
        self.browse.draw.connect(self.draw)
        self.browse.add_wanted.connect(self._add_menu)
        self.drawing.closed.connect(lambda: self.show_view("pictures"))
        self.set.train.connect(self.train_wanted)
        for each in (self.browse, self.set, self.checkpoints, self.disagreements, self.drawing):
            each.said.connect(self.tell)
        self.set.changed.connect(self._changed)
        self.disagreements.changed.connect(self._changed)
        self._bridge.labels.connect(self._changed)
        for keys, slot in (
            ("Ctrl+Z", self.browse.undo),
            ("Ctrl+Y", self.browse.redo),
            ("Ctrl+Shift+Z", self.browse.redo),
        ):
            for view in (self.set, self.checkpoints):
                shortcut = QShortcut(QKeySequence(keys), view)
                shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                shortcut.activated.connect(slot)

    # -- libraries
    def refresh(self) -> None:
        """The place is shown."""
        if self._desk.place is None:
            self._bridge.run(self._desk.libraries, self._show_libraries)
        elif self._place != self._desk.place:
            self._opened()
        else:
            self._changed()

    def _show_libraries(self, entries: list[LibraryEntry]) -> None:
        self.start.show_libraries(entries)
        if not self._began and len(entries) == 1:
            self.open_library(str(entries[0].path))  # the usual case: one product, one library
        self._began = True

    def _make(self, name: str) -> None:
        self._bridge.run(lambda: self._desk.make(name), lambda _path: self._opened(), self.start.tell)

    def open_library(self, path: str) -> None:
        def failed(words: str) -> None:
            (self.start.tell if self.stack.currentWidget() is self.start else lambda w: self.tell(w, "bad"))(words)

        self._bridge.run(lambda: self._desk.open(Path(path)), lambda _none: self._opened(), failed)

    def _opened(self) -> None:
        self._place = self._desk.place
        self._began = True
        self.browse.library_changed()
        self.show_view("pictures")
        self._changed()

    def _library_menu(self) -> None:
        def show(entries: list[LibraryEntry]) -> None:
            menu = QMenu(self)
            for each in entries:
                action = menu.addAction(each.name, lambda path=str(each.path): self.open_library(path))
                action.setCheckable(True)
                action.setChecked(each.open)
            menu.addSeparator()
            menu.addAction("Make or open another", self._start_over)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.library.mapToGlobal(QPoint(0, self.library.height())))

        self._bridge.run(self._desk.libraries, show)

    def _start_over(self) -> None:
        self._bridge.run(self._desk.libraries, self.start.show_libraries)
        self.stack.setCurrentWidget(self.start)
        self._update()

    # -- views
    def show_view(self, key: str) -> None:
        """One of "pictures", "set", "checkpoints", "disagreements"."""
        if self._desk.place is None:
            self.stack.setCurrentWidget(self.start)
        else:
            self.view.set_value(key)
            self.stack.setCurrentWidget(
                {
                    "pictures": self.browse,
                    "set": self.set,
                    "checkpoints": self.checkpoints,
                    "disagreements": self.disagreements,
                }[key]
            )
            if key == "pictures":
                self.browse.refresh()
                self.browse.gallery.setFocus()
            elif key == "checkpoints":
                self.checkpoints.refresh()
        self._update()
        self._changed()

    def draw(self, number: int) -> None:
        """Opens a picture of the gallery for drawing; the others follow in its order."""
        self.drawing.open(list(self.browse.gallery.ids), number)
        self.stack.setCurrentWidget(self.drawing)
        self._update()

    def show_picture(self, sha256: str) -> None:
        """Opens the picture with these bytes for drawing, in whichever library holds it."""
        desk = self._desk

        def find() -> tuple[int, list[int]] | None:
            held = desk.holding(sha256)
            if held is None:
                return None
            place, number = held
            if desk.place is None or place.resolve() != desk.place.resolve():
                desk.open(place)
            return number, desk.find(Query())

        def come(found: tuple[int, list[int]] | None) -> None:
            if found is None:
                self.tell("No library of this station holds that picture: it was trained on from elsewhere.", "bad")
                return
            if self._place != desk.place:
                self._opened()
            number, ids = found
            self.drawing.open(ids if number in ids else [number], number)
            self.stack.setCurrentWidget(self.drawing)
            self._update()

        self._bridge.run(find, come, lambda words: self.tell(words, "bad"))

    def _changed(self) -> None:
        """The library has changed: whatever shows it reads again."""
        if self._desk.place is None or not self.isVisible():
            return
        shown = self.stack.currentWidget()
        if shown is self.browse:
            self.browse.refresh()
            self.browse.stock.refresh_all()
        elif shown is self.set:
            self.set.refresh()
        desk = self._desk

        def come(found: tuple[tuple[str, str], str, list[object]]) -> None:
            (undo, redo), why, waiting = found
            self.undo.setEnabled(bool(undo))
            self.undo.setToolTip(f"Undo: {undo} (Ctrl+Z)" if undo else "Nothing to undo")
            self.redo.setEnabled(bool(redo))
            self.help.setEnabled(not why and not self.browse.job.busy)
            self.help.setToolTip(why or "Learns from your labels, then sorts the rest: doubtful ones first")
            self.view.button("disagreements").setVisible(bool(waiting))
            if len(waiting) != len(self.disagreements.waiting) or shown is self.disagreements:
                self.disagreements.show_conflicts(waiting)
            if shown is self.disagreements and not waiting:
                self.show_view("pictures")

        self._bridge.run(lambda: (desk.undoable(), desk.help_words(), desk.conflicts()), come)

    def _update(self) -> None:
        place = self._desk.place
        shown = self.stack.currentWidget()
        self.top.setVisible(place is not None and shown not in (self.drawing, self.start))
        self.said.setVisible(shown is not self.start)
        self.library.setText(place.name if place is not None else "")
        self.add.setVisible(shown is self.browse)
        self.help.setVisible(shown is self.browse)

    def tell(self, words: str, kind: str = "mention") -> None:
        """What happened, below everything, until something else happens."""
        self.said.setText(words)
        set_kind(self.said, "strong" if kind == "bad" else "note")
        self._quiet.start()

    # -- getting pictures in
    def _add_menu(self) -> None:
        menu = QMenu(self)
        menu.addAction("Files: pictures, videos, archives, data sets", lambda: self._choose_files())
        menu.addAction("A folder", self._choose_folder)
        menu.addAction("A video, a frame every second", lambda: self._choose_files(1.0))
        menu.addSeparator()
        menu.addAction("A picture from the running camera", self._capture)
        menu.addAction("Rejected and doubtful parts of the last 7 days", lambda: self._inspected(7))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.add.mapToGlobal(QPoint(0, self.add.height())))

    def _choose_files(self, every: float = 0.0) -> None:
        dialog = QFileDialog(self, "Pictures", str(Path.home()), _FILES)
        self._dialog(dialog, QFileDialog.FileMode.ExistingFiles, every)

    def _choose_folder(self) -> None:
        self._dialog(QFileDialog(self, "Folder of pictures", str(Path.home())), QFileDialog.FileMode.Directory)

    def _dialog(self, dialog: QFileDialog, mode: QFileDialog.FileMode, every: float = 0.0) -> None:
        dialog.setFileMode(mode)
        dialog.resize(880, 600)
        dialog.filesSelected.connect(lambda places: self.take_in(places, every))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def take_in(self, places: Sequence[str], every: float = 0.0) -> None:
        """As if the user had chosen or dropped these files and folders; of videos a frame `every` so many seconds (0:
        whenever the picture changes)."""
        paths = [Path(each) for each in places]
        self._run_import(lambda: self._desk.add_from(paths, every))

    def _run_import(self, begin) -> None:  # type: ignore[no-untyped-def]
        def done(added: Added) -> None:
            self.tell(*added_words(added))
            self._changed()

        self.browse.job.run(begin, done, lambda words: self.tell(words, "bad"))

    def _capture(self) -> None:
        def done(added: Added) -> None:
            self.tell(*added_words(added))

        self._follower.follow(self._desk.capture, done, lambda words: self.tell(words, "bad"))

    def _inspected(self, days: int) -> None:
        end = datetime.now().astimezone()
        verdicts = (Verdict.FAIL, Verdict.RETEST)
        self._run_import(lambda: self._desk.add_inspected(end - timedelta(days=days), end, verdicts))

    def dragEnterEvent(self, event):  # type: ignore[no-untyped-def]
        if self._desk.place is not None and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event):  # type: ignore[no-untyped-def]
        places = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if places:
            self.take_in(places)
            event.acceptProposedAction()

    # -- the helping model
    def _help(self) -> None:
        def done(helped: Helped) -> None:
            self.tell(helped_words(helped))
            self.browse.set_order("doubt")
            self._changed()

        self.browse.job.run(self._desk.help, done, lambda words: self.tell(words, "bad"))

    def close_page(self) -> None:
        """Ends what waits; the desk itself belongs to the station."""
        self._quiet.stop()
        self.browse.close_view()
        try:
            self.drawing.close_view()
        except LinesightError as error:
            self.tell(str(error), "bad")
        self._follower.close()
