"""Everything about one part: its picture with map and outlines, why it got its verdict, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.calendar import station_zone
from app.domain.frame import Frame, Image
from app.domain.inspection import Detection, Inspection, Outcome
from app.domain.part import PartFile, PictureState
from app.domain.person import Action
from app.domain.words import moment
from app.reports import part_words as said
from app.searching import Again
from ui.bridge import Bridge
from ui.live.picture import PictureView
from ui.live.prepare import Prepared, prepare
from ui.live.verdict import ScoreBar
from ui.shared.elided import Elided
from ui.shared.shapes import VerdictShape
from ui.shared.view_chips import ViewChips
from ui.shared.widgets import Button, Card, Notice, clear, label, scrolled
from ui.shared.work import Follower

_PDF, _ZIP = "PDF, to read (*.pdf)", "ZIP with the picture, for machines (*.zip)"


class PartPage(QWidget):
    """`left` when the person goes back. `part` is what is shown, None while it is read."""

    left = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._asked = ""
        self._image: Image | None = None
        self._heat: Detection | None = None
        self._preparing = self._again = False
        self._view: Inspection | None = None  # the part as the camera saw it whose picture is shown
        self.file: PartFile | None = None
        self._follower = Follower(self)
        self.setProperty("kind", "ground")
        self._build()

    def _build(self) -> None:
        self.back = Button("Back", icon_name="arrow-left", on=self.left.emit)
        self._shape = VerdictShape(40)
        self.title, self._when = Elided("", "heading"), Elided("", "quiet")
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.title)
        names.addWidget(self._when)
        self.mode = Button("Overlay", icon_name="layers-outline", on=self._next_mode)
        self.mode.setAccessibleName("Show picture, overlay or outline")
        self.export = Button("Export this part", icon_name="export", on=self._export)
        head = QHBoxLayout()
        head.setSpacing(16)
        for widget in (self.back, self._shape):
            head.addWidget(widget)
        head.addLayout(names, 1)
        head.addWidget(self.mode)
        head.addWidget(self.export)
        self.picture = PictureView(zooms=True)
        self.picture.resized.connect(self._prepare)
        self.picture.zoomed.connect(self._prepare)
        self.no_picture = label("", "note", wrap=True)
        self.no_picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.map_words = label("", "quiet", wrap=True)
        left = QVBoxLayout()
        left.setSpacing(8)
        self.views = ViewChips()
        self.views.chosen.connect(self._show_view)
        left.addWidget(self.views)
        left.addWidget(self.picture, 1)
        left.addWidget(self.no_picture, 1)
        left.addWidget(self.map_words)
        self.words = Notice()
        left.addWidget(self.words)
        self.why = label("", "strong", wrap=True)
        self.score = ScoreBar()
        first = Card("Why", padding=16)
        first.body.addWidget(self.why)
        first.body.addWidget(self.score)
        self._groups = QVBoxLayout()
        self._groups.setSpacing(12)
        facts = QWidget()
        inner = QVBoxLayout(facts)
        inner.setContentsMargins(0, 0, 8, 0)
        inner.setSpacing(12)
        inner.addWidget(first)
        inner.addLayout(self._groups)
        inner.addStretch(1)
        self.area = scrolled(facts)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addLayout(left, 58)
        body.addWidget(self.area, 42)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addLayout(body, 1)

    # -- showing
    def open(self, id: str) -> None:
        """Reads a part and shows it."""
        self._asked, self.file, self._image, self._heat = id, None, None, None
        self.views.show_part(None)
        self._shape.show_verdict(None)
        self.title.setText("Reading the record")
        self._when.setText("")
        self.why.setText("")
        self.score.hide()
        clear(self._groups)
        self.picture.show_prepared(None)
        self.picture.whole()
        self.no_picture.hide()
        self.map_words.setText("")
        self.words.tell("")
        self._rights()
        self._bridge.run(
            lambda: self._bridge.station.searching.part(id), lambda file: self._come(id, file), self._failed
        )

    def refresh(self) -> None:
        """Somebody else may be signed in."""
        self._rights()

    def _rights(self) -> None:
        self.export.setVisible(self._bridge.station.people.may(Action.EXPORT))

    def zone(self) -> tzinfo:
        return station_zone(self._bridge.station.settings.zone)

    def _failed(self, words: str) -> None:
        self.title.setText("This part can't be shown")
        self.words.tell(words, "bad")

    def _come(self, id: str, file: PartFile) -> None:
        if id != self._asked:
            return  # another one was opened meanwhile
        self.file = file
        part, zone = file.inspection, self.zone()
        self._shape.show_verdict(part.verdict)
        serial = f", serial {part.serial}" if part.serial and part.serial != part.part_id else ""
        self.title.setText(f"Part {part.part_id}{serial}")
        self._when.setText(f"{part.verdict.value}, {moment(part.captured_at, zone)}, {part.product}")
        self.why.setText(said.why(part))
        self.score.setVisible(part.score is not None)
        self.score.show_score(part.score, part.threshold, part.retest_from, part.verdict)
        clear(self._groups)
        for heading, facts in said.facts(file, zone):
            self._groups.addWidget(_card(heading, facts))
        self._groups.addWidget(_card("History", said.history(file, zone)))
        if file.earlier:
            self._groups.addWidget(self._earlier(file, zone))
        self._view = part
        if file.picture in (PictureState.UNCHANGED, PictureState.CHANGED):
            self.views.show_part(part)
            if file.picture is PictureState.CHANGED:
                self.words.tell("The file of this picture was changed after the inspection.", "bad")
            self._bridge.run(
                lambda: self._bridge.station.picture(part.image_path), lambda image: self._seen(id, image), self._failed
            )
        else:
            self.picture.hide()
            self.no_picture.setText(dict(said.facts(file, zone)[-1][1])["File"] + ".")
            self.no_picture.show()

    def _earlier(self, file: PartFile, zone: tzinfo) -> Card:
        card = Card("The same serial", padding=16)
        for one in file.earlier:
            words = f"{one.verdict.value}, {moment(one.captured_at, zone)}"
            card.body.addWidget(Button(words, on=lambda one=one: self.open(one.id)))
        return card

    def _show_view(self, part: Inspection) -> None:
        """The part as one camera saw it."""
        self._view, id = part, self._asked
        if not part.image_path:
            self._image = None
            self.picture.hide()
            self.no_picture.setText("This camera gave no picture, or it could not be kept.")
            self.no_picture.show()
            return
        self._bridge.run(
            lambda: self._bridge.station.picture(part.image_path),
            lambda image: self._seen(id, image) if part is self._view else None,
            self._failed,
        )

    def _seen(self, id: str, image: Image | None) -> None:
        if id != self._asked or self.file is None:
            return
        self._image, self._heat = image, None
        self.picture.setVisible(image is not None)
        self.no_picture.setVisible(image is None)
        if image is None:
            self.no_picture.setText("The picture can't be read.")
            self.no_picture.show()
            return
        self._prepare()
        if self._view is not self.file.inspection:
            self.map_words.setText("")
            return  # what decided has a map; of the other views their outlines are kept
        self.map_words.setText("Asking the model for its map")
        self._bridge.run(
            lambda: self._bridge.station.searching.again(id),
            lambda again: self._mapped(id, again),
            lambda words: self._mapped(id, Again(None, words)),
        )

    def _mapped(self, id: str, again: Again) -> None:
        if id != self._asked or self.file is None or self._view is not self.file.inspection:
            return
        self._heat = again.detection
        self.map_words.setText(again.words)
        self._prepare()

    def _prepare(self) -> None:
        if self._view is None or self._image is None:
            return
        if self._preparing:
            self._again = True  # a finger moves faster than pictures are made: only where it is then counts
            return
        self._preparing, self._again = True, False
        id, image, box, view = self._asked, self._image, self.picture.box(), self.picture.view
        outcome = _outcome(self._view, image, self._heat)
        self._bridge.run(lambda: prepare(outcome, box, view), lambda made: self._show(id, made), self._not_prepared)

    def _not_prepared(self, words: str) -> None:
        self._preparing = False
        self._failed(words)

    def _show(self, id: str, made: Prepared) -> None:
        self._preparing = False
        if id == self._asked:
            self.picture.show_prepared(made)
        if self._again:
            self._prepare()

    def _next_mode(self) -> None:
        self.picture.set_mode(self.picture.mode.following())
        self.mode.setText(self.picture.mode.value)

    # -- taking along
    def _export(self) -> None:
        if self.file is None:
            return
        part = self.file.inspection
        name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in part.serial or part.part_id)
        place = self._bridge.station.data.reports / f"part-{name}.pdf"
        chosen, kind = QFileDialog.getSaveFileName(self, "Export this part", str(place), f"{_PDF};;{_ZIP}")
        if chosen:
            out = Path(chosen)
            if out.suffix.lower() not in (".pdf", ".zip"):
                out = out.with_name(out.name + ".pdf")
            if kind == _ZIP:  # the name proposed ends in .pdf, whatever kind is chosen below it
                out = out.with_suffix(".zip")
            self.export_to(out)

    def export_to(self, out: Path) -> None:
        """Writes the part on show into a file."""
        id = self._asked
        self._follower.follow(
            lambda: self._bridge.station.searching.export_part(id, out),
            lambda file: self.words.tell(f"Saved: {file}", "good"),
            lambda words: self.words.tell(words, "bad"),
        )

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif not self.picture.press_key(event):
            super().keyPressEvent(event)

    def close_page(self) -> None:
        self._follower.close()


def _outcome(part: Inspection, image: Image, again: Detection | None) -> Outcome:
    """What the painter needs: outlines of the record, the map as it is made again."""
    frame = Frame(image, source_words(part.source), part.captured_at, part_id=part.part_id)
    recorded = Detection(
        part.score or 0.0,
        part.threshold or 0.0,
        part.retest_from or part.threshold or 0.0,
        part.verdict,
        part.confidence,
        part.regions,
        part.reason,
        np.zeros((0, 0), np.float32),
        (0.0, 0.0, float(part.width), float(part.height)),
        part.milliseconds or 0.0,
        part.wear,
        part.checkpoints,
    )
    if again is not None:
        recorded = replace(recorded, heat=again.heat, heat_box=again.heat_box)
    return Outcome(frame, part.verdict, recorded, part)


def _card(heading: str, facts: said.Facts) -> QFrame:
    card = Card(heading, padding=16)
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    for line, (name, value) in enumerate(facts):
        key = label(name, "quiet", wrap=True)
        key.setAlignment(Qt.AlignmentFlag.AlignTop)
        grid.addWidget(key, line, 0)
        grid.addWidget(label(value, wrap=True), line, 1)
    grid.setColumnStretch(0, 2)
    grid.setColumnStretch(1, 5)
    card.body.addLayout(grid)
    return card
