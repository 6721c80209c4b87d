"""A folder's photographs beside the steps they are proposed for; nothing is answered before it is confirmed."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.domain.plan import Round
from app.rounds import Matched, Photograph
from ui.bridge import Bridge
from ui.live.sheet import StoredPicture
from ui.plans.words import counted
from ui.shared.elided import Elided
from ui.shared.images import fit, to_qimage
from ui.shared.widgets import Button, Card, Combo, Notice, clock, field, finger_scroll, label, row
from ui.shared.work import Follower, JobBar
from ui.theme import current

_HOW = {"code": "by the code in it", "name": "by its name", "order": "by order of capture"}
_SHOWN = (900, 600)
_SMALL = QSize(96, 72)


class FolderView(QWidget):
    """`left` without answers; `taken` carries the round with them."""

    left = Signal()
    taken = Signal(object)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._desk = bridge.station.rounds
        self._follower = Follower(self)
        self._round: Round | None = None
        self._matched: Matched | None = None
        self.chosen: dict[int, str] = {}
        self._build()

    def _build(self) -> None:
        self.title = Elided("", "heading")
        self.list = QListWidget()
        self.list.setIconSize(_SMALL)
        finger_scroll(self.list)
        self.list.currentRowChanged.connect(self._show)
        self.picture = StoredPicture()
        self.words = label("", "note", wrap=True)
        self.step = Combo()
        self.step.activated.connect(self._chosen)
        side = Card("Photograph", padding=16)
        side.body.addWidget(self.picture, 1)
        side.body.addWidget(self.words)
        side.body.addWidget(field("Belongs to", self.step))
        self.notice = Notice()
        self.bar = JobBar(self._follower)
        self.back = Button("Back", icon_name="chevron-left", on=self.left.emit)
        self.said = Elided("", "strong")
        self.primary = Button("Take them", "primary", on=self._confirm)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.list, 55)
        middle.addWidget(side, 45)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.title)
        layout.addWidget(self.notice)
        layout.addLayout(middle, 1)
        layout.addWidget(self.bar)
        bottom = row(self.back, self.said, self.primary, spacing=16)
        bottom.setStretch(1, 1)
        layout.addLayout(bottom)

    def open(self, each: Round, matched: Matched) -> None:
        self._round, self._matched = each, matched
        self.chosen = {number: one.component for number, one in enumerate(matched.photographs) if one.component}
        self.title.setText(f"{each.plan.name}: which photograph belongs to which component?")
        bad = "  ".join(matched.unreadable[:3])
        more = len(matched.unreadable) - 3
        self.notice.tell(f"{bad}{f'  And {more} more.' if more > 0 else ''}", "bad")
        self.list.clear()
        for number, one in enumerate(matched.photographs):
            item = QListWidgetItem("")
            item.setSizeHint(QSize(64, max(current().metrics.touch, _SMALL.height() + 16)))
            self.list.addItem(item)
            self._bridge.run(
                lambda one=one: _small(one), lambda image, number=number: self._thumb(matched, number, image)
            )
        self.step.clear()
        self.step.addItem("No component", "")
        for component in each.open:
            self.step.addItem(f"{component.key}  {component.name}", component.key)
        self._update()
        self.list.setCurrentRow(0)

    def _thumb(self, matched: Matched, number: int, image: QImage | None) -> None:
        item = self.list.item(number) if matched is self._matched else None
        if item is not None and image is not None:
            small = QIcon()
            for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):  # a marked line must not tint its picture
                small.addPixmap(QPixmap.fromImage(image), mode)
            item.setIcon(small)

    def _update(self) -> None:
        assert self._matched is not None and self._round is not None
        for number, one in enumerate(self._matched.photographs):
            key = self.chosen.get(number, "")
            how = _HOW.get(one.how, "") if key == one.component else "chosen by you"
            words = f"{key}, {how}" if key else one.words or "No component"
            doubt = f"\n{one.words}" if key and one.words and key == one.component else ""
            at = clock(one.taken_at, self._desk.zone)
            self.list.item(number).setText(f"{one.name}, {at}\n{words}{doubt}")
        self.said.setText(f"{len(self.chosen)} of {counted(len(self._round.open), 'open component')} get a picture")
        self.primary.setText(f"Take {counted(len(self.chosen), 'picture')}")
        self.primary.setEnabled(bool(self.chosen) and not self.bar.busy)

    def _show(self, number: int) -> None:
        if self._matched is None or not 0 <= number < len(self._matched.photographs):
            return
        matched = self._matched
        one = matched.photographs[number]
        codes = f"Codes in it: {', '.join(one.codes)}" if one.codes else ""
        self.words.setText("\n".join(each for each in (one.name, codes, one.words) if each))
        self.step.setCurrentIndex(max(0, self.step.findData(self.chosen.get(number, ""))))
        self.picture.show_words("Loading the picture")

        def show(image: QImage | None) -> None:
            if self.list.currentRow() == number and matched is self._matched and image is not None:
                self.picture.show_picture(image)

        self._bridge.run(lambda: _large(one), show, self.picture.show_words)

    def _chosen(self) -> None:
        number, key = self.list.currentRow(), self.step.currentData()
        for other, before in list(self.chosen.items()):
            if before == key and other != number:
                del self.chosen[other]  # one picture a component
        if key:
            self.chosen[number] = key
        else:
            self.chosen.pop(number, None)
        self._update()

    def _confirm(self) -> None:
        each, matched = self._round, self._matched
        if each is None or matched is None:
            return
        chosen = {key: matched.photographs[number] for number, key in self.chosen.items()}
        self.bar.run(lambda: self._desk.take_photographs(each, chosen), self.taken.emit, self._failed)
        self.primary.setEnabled(not self.bar.busy)

    def _failed(self, words: str) -> None:
        self.notice.tell(words, "bad")
        self._update()

    def close_view(self) -> None:
        self._follower.close()


def _large(one: Photograph) -> QImage | None:
    return _read(one, _SHOWN)


def _small(one: Photograph) -> QImage | None:
    return _read(one, (_SMALL.width(), _SMALL.height()))


def _read(one: Photograph, size: tuple[int, int]) -> QImage | None:
    picture = one.picture()
    return None if picture is None else to_qimage(picture, fit((picture.shape[1], picture.shape[0]), size))
