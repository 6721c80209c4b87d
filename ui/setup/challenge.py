"""The golden-sample check: whether it is needed, how long it holds, and the challenge parts with what they must get."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.challenge import ChallengePart, Expect
from app.domain.errors import LinesightError
from app.domain.reference import checked_limits
from ui.bridge import Bridge
from ui.setup.reference import ReferenceSection
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Button, Card, Choice, Notice, clear, field, label, row

_FOR = (
    "Parts whose verdict is known are shown to the station before it judges others: a good one, defects that it must "
    "find, the empty fixture. Until they all got what they must, the line is told that the station is not released, "
    "and Live says so. A check is due at the start of each shift, and when the model or the camera was changed."
)
_EXPECTED = [(Expect.PASS.value, "Good"), (Expect.FAIL.value, "Defect"), (Expect.NOT_PASS.value, "Empty")]
_NAMES = "A part that must pass and one that must not, at least."


class PartRow(QWidget):
    """One part of the list."""

    removed = Signal(object)

    def __init__(self, part: ChallengePart) -> None:
        super().__init__()
        self.name = QLineEdit(part.name)
        self.name.setPlaceholderText("as written on it")
        self.name.setAccessibleName("Name of the part")
        self.expect = Choice(_EXPECTED, part.expect.value)
        self.defect = QLineEdit(part.defect)
        self.defect.setPlaceholderText("any defect")
        self.defect.setAccessibleName("Defect type that it must be")
        self.remove = Button("", icon_name="close", on=lambda: self.removed.emit(self))
        self.remove.setAccessibleName("Remove the part")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.name, 3)
        layout.addWidget(self.expect, 0)
        layout.addWidget(self.defect, 2)
        layout.addWidget(self.remove)
        self.expect.chosen.connect(lambda _key: self._show())
        self._show()

    def _show(self) -> None:
        self.defect.setVisible(self.expect.value() == Expect.FAIL.value)

    def part(self) -> ChallengePart:
        expect = Expect(self.expect.value())
        defect = self.defect.text().strip() if expect is Expect.FAIL else ""
        return ChallengePart(self.name.text().strip(), expect, defect)


class ChallengeCard(Card):
    """`saved` after the settings were written; `check_wanted` to run it now."""

    saved = Signal()
    check_wanted = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Check at the start of a shift")
        self._bridge, self._desk = bridge, bridge.station.challenging
        settings = bridge.station.settings
        self.needed = Choice([("off", "Off"), ("on", "Needed")], "on" if settings.check_needed else "off")
        self.hours = number_field(settings.check_hours, "Holds for")
        self.product = label("", "strong")
        self.rows: list[PartRow] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.add = Button("Add a part", icon_name="plus", on=lambda: self._add(ChallengePart("", Expect.FAIL)))
        self.save = Button("Save the check", on=self._save)
        self.run = Button("Run it now", icon_name="clipboard-check-outline", on=self.check_wanted.emit)
        self.reference = ReferenceSection(bridge)
        self.words = Notice()
        self.last = label("", "note", wrap=True)
        self._shown = ""
        self._lay_out()
        bridge.check.connect(self._told)
        self.refresh()

    def _lay_out(self) -> None:
        self.body.addWidget(label(_FOR, "note", wrap=True))
        self.body.addWidget(field("Before the line may trigger", self.needed))
        hours = row(label("A passed check holds for", "strong"), self.hours, label("h; 0: for the shift", "note"), 1)
        self.body.addLayout(hours)
        self.body.addWidget(self.product)
        self.body.addLayout(self._list)
        self.body.addWidget(self.reference)
        self.body.addWidget(self.last)
        self.body.addWidget(self.words)
        self.body.addLayout(row(self.save, self.add, self.run, 1))

    def refresh(self) -> None:
        """Shows the list of the product that is inspected now; what is being written stays."""
        product = self._bridge.station.state().product or self._bridge.station.settings.product
        if product != self._shown:
            self._shown = product
            self.product.setText(f"Challenge parts of {product}")
            self.reference.show_product(product)
            clear(self._list)
            self.rows = []
            parts = self._desk.parts(product) or (ChallengePart("", Expect.PASS), ChallengePart("", Expect.FAIL))
            for part in parts:
                self._add(part)
        self._told()

    def _told(self) -> None:
        newest = next((each for each in self._desk.releases() if each.product == self._shown), None)
        if newest is None:
            self.last.setText("Not checked yet.")
        else:
            how = f"without a check: {newest.reason}" if newest.reason else "by its check"
            by = f" by {newest.by}" if newest.by else ""
            at = newest.at.astimezone(self._bridge.station.zone)
            picture = f" {newest.picture}." if newest.picture else ""
            self.last.setText(f"Last released {at:%d %b %Y, %H:%M}{by}, {how}.{picture}")
        self.reference.refresh()

    def _add(self, part: ChallengePart) -> None:
        made = PartRow(part)
        made.removed.connect(self._remove)
        self.rows.append(made)
        self._list.addWidget(made)

    def _remove(self, gone: PartRow) -> None:
        self.rows.remove(gone)
        self._list.removeWidget(gone)
        gone.hide()
        gone.deleteLater()

    def _save(self) -> None:
        product = self._shown
        parts = [each.part() for each in self.rows]
        if all(not part.name for part in parts):
            parts = []
        needed = self.needed.value() == "on"
        if needed and not parts:
            self.words.tell(f"Name the parts first. {_NAMES}", "bad")
            return
        try:
            hours, limits = number_of(self.hours, "Holds for"), checked_limits(self.reference.limits())
        except LinesightError as error:
            self.words.tell(str(error), "bad")
            return
        self.save.setEnabled(False)

        def work() -> None:
            self._desk.keep(product, parts)
            self._desk.keep_limits(product, limits)
            self._bridge.station.save_settings(check_needed=needed, check_hours=hours)

        def done(_none: None) -> None:
            self.save.setEnabled(True)
            words = "Saved. Run the check: until then the station is not released." if needed else "Saved."
            self.words.tell(words, "good")
            self.saved.emit()

        def failed(words: str) -> None:
            self.save.setEnabled(True)
            self.words.tell(
                "Holds for: write hours from 0 to 720." if words.startswith("check_hours") else words, "bad"
            )

        self._bridge.run(work, done, failed)
