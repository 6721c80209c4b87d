"""The reference picture of the golden-sample check: taken here, with what it may be off by."""

from __future__ import annotations

from dataclasses import asdict, fields

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.reference import PictureLimits, PictureReference
from ui.bridge import Bridge
from ui.live.sheet import StoredPicture
from ui.shared.images import Still
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Button, Notice, label, row

_FOR = (
    "A check begins with the picture: it is compared with this reference in focus, light and place, so that a camera "
    "that was moved or a lamp that fails is named as such. Put a good part in its place, then take the reference."
)
_NONE = "No reference yet: the check shows the parts at once."
_NO_PLACE = "The picture shows no shape that could be found again, so the place is not compared."
# What people write, and how much of it is one in the limits.
_LIMITS = {
    "sharpness": ("Sharpness left, at least", "%", 100),
    "brightness": ("Brightness, up or down", "grey levels", 1),
    "colour": ("Blue or red against green", "%", 100),
    "shift": ("Shift", "% of the width", 100),
    "angle": ("Turn", "\u00b0", 1),
    "scale": ("Size", "%", 100),
}


class ReferenceSection(QWidget):
    """Shows and takes the reference of one product; the card around it saves the limits."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, bridge.station.challenging
        self._product = ""
        self._shown: PictureReference | None = None
        self.picture = StoredPicture()  # a finger on it scrolls the page
        self.picture.setFixedSize(QSize(320, 200))
        self.facts = label("", wrap=True)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.take = Button("Take the reference", icon_name="camera-outline", on=self._take)
        self.remove = Button("Remove it", icon_name="close", on=self._remove)
        self.words = Notice()
        self.editors: dict[str, QLineEdit] = {}
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(label("Reference picture", "strong"))
        layout.addWidget(label(_FOR, "note", wrap=True))
        told = QVBoxLayout()
        told.setSpacing(8)
        told.addWidget(self.facts, 1)
        told.addLayout(row(self.take, self.remove, 1))
        beside = QHBoxLayout()
        beside.setSpacing(16)
        beside.addWidget(self.picture)
        beside.addLayout(told, 1)
        layout.addLayout(beside)
        layout.addWidget(self.words)
        layout.addWidget(label("The picture may differ from it by", "strong"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for place, (name, (words, unit, _)) in enumerate(_LIMITS.items()):
            editor = number_field(0, words)
            line, column = divmod(place, 2)
            grid.addWidget(label(words), line, 4 * column)
            grid.addWidget(editor, line, 4 * column + 1)
            grid.addWidget(label(unit, "note"), line, 4 * column + 2)
            self.editors[name] = editor
        grid.setColumnMinimumWidth(3, 24)
        grid.setColumnStretch(7, 1)
        layout.addLayout(grid)

    # -- what is shown
    def show_product(self, product: str) -> None:
        """The reference and the limits of a product."""
        self._product, self._shown = product, None
        for name, value in asdict(self._desk.limits(product)).items():
            self.editors[name].setText(f"{value * _LIMITS[name][2]:g}")
        self.words.tell("")
        self._show()

    def refresh(self) -> None:
        """Somebody may have taken another one."""
        if self._desk.reference(self._product) != self._shown:
            self._show()

    def _show(self) -> None:
        reference = self._shown = self._desk.reference(self._product)
        self.picture.setVisible(reference is not None)
        self.remove.setVisible(reference is not None)
        self.take.setText("Take it anew" if reference is not None else "Take the reference")
        if reference is None:
            self.facts.setText(_NONE)
            return
        figures, at = reference.figures, reference.at.astimezone(self._bridge.station.zone)
        by = f" by {reference.by}" if reference.by else ""
        told = (
            f"Taken {at:%d %b %Y, %H:%M}{by}. {figures.width} \u00d7 {figures.height} pixels, sharpness "
            f"{figures.sharpness:.2f}, grey level {figures.brightness:.0f}, blue {figures.blue:.2f} and red "
            f"{figures.red:.2f} of green."
        )
        self.facts.setText(told if figures.placed else f"{told} {_NO_PLACE}")
        product = self._product
        self.picture.show_words("Loading the picture")

        def load() -> Still | None:
            picture = self._desk.reference_picture(product)
            return Still(picture) if picture is not None else None

        self._bridge.run(load, lambda still: self._loaded(reference, still), self.picture.show_words)

    def _loaded(self, reference: PictureReference, still: Still | None) -> None:
        if still is not None and reference == self._shown:
            self.picture.show_picture(still)

    # -- what the user does
    def limits(self) -> PictureLimits:
        """As they are written.

        Raises:
            LinesightError: one is no number.
        """
        return PictureLimits(
            **{
                each.name: number_of(self.editors[each.name], _LIMITS[each.name][0]) / _LIMITS[each.name][2]
                for each in fields(PictureLimits)
            }
        )

    def _take(self) -> None:
        self.take.setEnabled(False)
        self.words.tell("Taking the next picture")

        def done(made: PictureReference) -> None:
            self.take.setEnabled(True)
            self._show()
            self.words.tell("Taken. Each check of this product begins with it.", "good")

        self._bridge.run(self._desk.take_reference, done, self._failed)

    def _remove(self) -> None:
        product = self._product

        def done(_none: None) -> None:
            self._show()
            self.words.tell("Removed. The check shows the parts at once.", "good")

        self._bridge.run(lambda: self._desk.forget_reference(product), done, self._failed)

    def _failed(self, words: str) -> None:
        self.take.setEnabled(True)
        self.words.tell(words, "bad")
