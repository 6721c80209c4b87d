"""The side sheet with one past part: its stored picture, outlines and numbers."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.domain.addresses import source_words
from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.domain.words import number
from ui.bridge import Bridge
from ui.live.picture import beyond_words, draw_regions
from ui.shared.elided import Elided
from ui.shared.images import Still, fit
from ui.shared.shapes import VerdictShape
from ui.shared.view_chips import ViewChips
from ui.shared.widgets import Button, clock, label, row
from ui.shared.zoom import PIXELS_FROM, ZoomView
from ui.theme import current

WIDTH = 456


class StoredPicture(ZoomView):
    """A stored picture with the outlines of its inspection, or words in its place; where `zooms`, hands look closer."""

    def __init__(self, *, zooms: bool = False) -> None:
        self._image: Still | None = None
        super().__init__(zooms=zooms)
        self._inspection: Inspection | None = None
        self._words = ""
        self.setMinimumSize(QSize(200, 150))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_words(self, words: str) -> None:
        self._image, self._inspection, self._words = None, None, words
        self.whole()
        self.update()

    def show_picture(self, image: QImage | Still, inspection: Inspection | None = None) -> None:
        """A `Still` where hands may look closer."""
        self._image = image if isinstance(image, Still) else Still.of(image)
        self._inspection, self._words = inspection, ""
        self.whole()
        self.update()

    @property
    def has_picture(self) -> bool:
        return self._image is not None

    @property
    def words(self) -> str:
        return self._words

    def whole_place(self) -> QRectF:
        if self._image is None:
            return QRectF()
        width, height = fit(self._image.size, (self.width(), self.height()))
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        theme = current()
        if self._image is None:
            painter.setPen(theme.colour("line"))
            painter.setBrush(theme.colour("ground"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
            painter.setPen(theme.colour("quiet"))
            room = self.rect().adjusted(24, 16, -24, -16)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._words)
            painter.end()
            return
        place = self.place()
        wide = place.width() * self.devicePixelRatioF()
        image = self._image.at(wide)
        # A still picture is smoothed, but single pixels are to be told apart when near.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, wide < PIXELS_FROM * image.width())
        painter.drawImage(place, image)
        part, beyond = self._inspection, 0
        if part is not None and part.regions:
            size = (part.width, part.height)
            beyond = draw_regions(painter, part.regions, place, size, part.verdict, self.room(), self.view.factor)
        self.paint_factor(painter, beyond_words(beyond))
        painter.end()


class PartSheet(QFrame):
    """Opened by a tap on a past part; lies over the live picture, never over the verdict.
    `all_wanted` carries the id of the part."""

    closed = Signal()
    review_wanted = Signal(object)
    all_wanted = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "sheet")
        self._bridge = bridge
        self.inspection: Inspection | None = None
        self._seen: Inspection | None = None  # as the camera saw it whose picture is shown
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(12)
        self._shape = VerdictShape(48)
        self.title = Elided("", "heading")
        self._when = Elided("", "quiet")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self._when)
        self.close_button = Button("Close", icon_name="close", on=self.shut)
        head.addWidget(self._shape)
        head.addLayout(words, 1)
        head.addWidget(self.close_button)
        self.picture = StoredPicture(zooms=True)
        self._reason = label("", wrap=True)
        facts = QGridLayout()
        facts.setHorizontalSpacing(16)
        facts.setVerticalSpacing(4)
        self._facts = []
        for line, name in enumerate(("Score", "Model", "Source")):
            facts.addWidget(label(name, "quiet"), line, 0)
            value = label("", wrap=True)
            facts.addWidget(value, line, 1)
            self._facts.append(value)
        facts.setColumnStretch(1, 1)
        layout.addLayout(head)
        self.views = ViewChips()
        self.views.chosen.connect(self._show_view)
        layout.addWidget(self.views)
        layout.addWidget(self.picture, 1)
        layout.addWidget(self._reason)
        layout.addLayout(facts)
        self.review = Button("Send to review", icon_name="eye-check-outline", on=self._send)
        self.all = Button("All about this part", icon_name="text-box-search-outline", on=self._all)
        layout.addLayout(row(self.all, self.review))
        self.hide()

    def open(self, part: Inspection, zone: tzinfo | None) -> None:
        self.inspection = part
        self._shape.show_verdict(part.verdict)
        self.title.setText(part.part_id)
        when = f"{clock(part.captured_at, zone, day=True)}:{part.captured_at.astimezone(zone):%S}"
        self._when.setText(f"{part.verdict.value}, {when}")
        self._reason.setText(part.error if part.verdict is Verdict.ERROR else part.reason)
        self._facts[0].setText(f"{number(part.score)}, threshold {number(part.threshold)}")
        self._facts[1].setText(str(part.model) if part.model else "\u2013")
        self._facts[2].setText(source_words(part.source))
        self.views.show_part(part)
        self._show_view(part)
        self.show()
        self.raise_()
        self.close_button.setFocus()

    def _show_view(self, part: Inspection) -> None:
        """The part as one camera saw it."""
        self._seen = part
        if part.image_path:
            self.picture.show_words("Loading the picture")
            self._bridge.run(
                lambda: self._load(part.image_path),
                lambda image: self._come(part, image),
                lambda words: self._come(part, None, words),
            )
        else:
            self.picture.show_words("The picture of this part was not kept.")

    def _load(self, image_path: str) -> Still | None:
        picture = self._bridge.station.picture(image_path)
        return Still(picture) if picture is not None else None

    def _come(self, part: Inspection, image: Still | None, words: str = "") -> None:
        if part is not self._seen or self.inspection is None:
            return  # another part was opened meanwhile, or another view of it
        if image is None:
            self.picture.show_words(words or "The picture of this part is no longer in the data folder.")
        else:
            self.picture.show_picture(image, part)

    def _send(self) -> None:
        part = self.inspection
        self.shut()
        self.review_wanted.emit(part)

    def _all(self) -> None:
        if self.inspection is not None:
            id = self.inspection.id
            self.shut()
            self.all_wanted.emit(id)

    def shut(self) -> None:
        self.inspection = None
        self.hide()
        self.closed.emit()

    def keyPressEvent(self, event):  # type: ignore[no-untyped-def]
        if event.key() == Qt.Key.Key_Escape:
            self.shut()
        else:
            super().keyPressEvent(event)
